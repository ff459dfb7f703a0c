"""The sixth draw, fourth part: a grey image, layers with settings, spectrograms."""

# ruff: noqa: A001, A002, D205, D401, E741, N801, N802, N803, N806, NPY002, RET503, RET504, RUF059, RUF100
import numpy as np

# week 5 notebook: everything on a single grey image (H, W)


def maxpool2d(img, size=2, stride=2):
    H, W = img.shape
    oh = (H - size) // stride + 1
    ow = (W - size) // stride + 1
    out = np.zeros((oh, ow))
    for i in range(oh):
        for j in range(ow):
            out[i, j] = img[i * stride : i * stride + size, j * stride : j * stride + size].max()
    return out


# 4: The return stands inside the loop over rows, so the function leaves after the first row of
# windows and all other windows get no gradient.
def maxpool2d_backward(d_out, img, size=2, stride=2):
    d_img = np.zeros(img.shape)
    oh, ow = d_out.shape
    for i in range(oh):
        for j in range(ow):
            patch = img[i * stride : i * stride + size, j * stride : j * stride + size]
            a, b = np.unravel_index(patch.argmax(), patch.shape)
            d_img[i * stride + a, j * stride + b] += d_out[i, j]
        return d_img


def maxpool2d_backward_mended(d_out, img, size=2, stride=2):
    d_img = np.zeros(img.shape)
    oh, ow = d_out.shape
    for i in range(oh):
        for j in range(ow):
            patch = img[i * stride : i * stride + size, j * stride : j * stride + size]
            a, b = np.unravel_index(patch.argmax(), patch.shape)
            d_img[i * stride + a, j * stride + b] += d_out[i, j]
    return d_img


def conv2d(img, kernel, bias=0.0, stride=1):
    H, W = img.shape
    kh, kw = kernel.shape
    oh = (H - kh) // stride + 1
    ow = (W - kw) // stride + 1
    out = np.zeros((oh, ow))
    for i in range(oh):
        for j in range(ow):
            out[i, j] = (
                np.sum(img[i * stride : i * stride + kh, j * stride : j * stride + kw] * kernel)
                + bias
            )
    return out


# 0: The contributions of overlapping windows to the image gradient overwrite one another because
# they are assigned instead of added; each pixel keeps only the last window's share.
def conv2d_backward(d_out, img, kernel, bias=0.0, stride=1):
    kh, kw = kernel.shape
    d_img = np.zeros(img.shape)
    d_kernel = np.zeros(kernel.shape)
    oh, ow = d_out.shape
    for i in range(oh):
        for j in range(ow):
            r, c = i * stride, j * stride
            d_kernel += d_out[i, j] * img[r : r + kh, c : c + kw]
            d_img[r : r + kh, c : c + kw] = d_out[i, j] * kernel
    d_bias = d_out.sum()
    return d_img, d_kernel, d_bias


def conv2d_backward_mended(d_out, img, kernel, bias=0.0, stride=1):
    kh, kw = kernel.shape
    d_img = np.zeros(img.shape)
    d_kernel = np.zeros(kernel.shape)
    oh, ow = d_out.shape
    for i in range(oh):
        for j in range(ow):
            r, c = i * stride, j * stride
            d_kernel += d_out[i, j] * img[r : r + kh, c : c + kw]
            d_img[r : r + kh, c : c + kw] += d_out[i, j] * kernel
    d_bias = d_out.sum()
    return d_img, d_kernel, d_bias


def mse(y_pred, y_true):
    return np.mean((y_pred - y_true) ** 2)


# 23: The gradient has the wrong sign: with respect to y_pred it should be 2(y_pred - y_true)/n.
def mse_grad(y_pred, y_true):
    return 2 * (y_true - y_pred) / y_true.size


def mse_grad_mended(y_pred, y_true):
    return 2 * (y_pred - y_true) / y_true.size


# 0: Row and column of the winner inside the window are interchanged when the flat index is
# decoded, so the gradient goes to the transposed position of the window.
class MaxPool2d:
    def __init__(self, kernel_size=2, stride=2):
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, x):
        n, c, h, w = x.shape
        k, s = self.kernel_size, self.stride
        h_out = (h - k) // s + 1
        w_out = (w - k) // s + 1
        out = np.empty((n, c, h_out, w_out), dtype=x.dtype)
        self.indices = np.empty((n, c, h_out, w_out), dtype=int)
        for i in range(h_out):
            for j in range(w_out):
                patch = x[:, :, i * s : i * s + k, j * s : j * s + k].reshape(n, c, k * k)
                self.indices[:, :, i, j] = patch.argmax(axis=2)
                out[:, :, i, j] = patch.max(axis=2)
        self.x_shape = x.shape
        return out

    def backward(self, grad_output):
        n, c, h_out, w_out = grad_output.shape
        k, s = self.kernel_size, self.stride
        grad_input = np.zeros(self.x_shape, dtype=grad_output.dtype)
        n_idx, c_idx = np.ogrid[:n, :c]
        for i in range(h_out):
            for j in range(w_out):
                row = self.indices[:, :, i, j] % k
                col = self.indices[:, :, i, j] // k
                grad_input[n_idx, c_idx, i * s + row, j * s + col] += grad_output[:, :, i, j]
        return grad_input


class MaxPool2dMended(MaxPool2d):
    def backward(self, grad_output):
        n, c, h_out, w_out = grad_output.shape
        k, s = self.kernel_size, self.stride
        grad_input = np.zeros(self.x_shape, dtype=grad_output.dtype)
        n_idx, c_idx = np.ogrid[:n, :c]
        for i in range(h_out):
            for j in range(w_out):
                row = self.indices[:, :, i, j] // k
                col = self.indices[:, :, i, j] % k
                grad_input[n_idx, c_idx, i * s + row, j * s + col] += grad_output[:, :, i, j]
        return grad_input


# 0: The forward divides the kept values by 1-p but the backward only applies the mask, so the
# gradient is too small by the factor 1-p.
class Dropout:
    def __init__(self, p=0.5):
        self.p = p
        self.mask = None

    def forward(self, x, training=True):
        if not training:
            self.mask = None
            return x
        self.mask = np.random.rand(*x.shape) > self.p
        return x * self.mask / (1.0 - self.p)

    def backward(self, grad_output):
        if self.mask is None:
            return grad_output
        return grad_output * self.mask


class DropoutMended(Dropout):
    def backward(self, grad_output):
        if self.mask is None:
            return grad_output
        return grad_output * self.mask / (1.0 - self.p)


# 9: The weight gradient of every input channel is computed from input channel 0 instead of from
# its own channel (right only for one input channel).
class Conv2d:
    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, padding=0):
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.weight = 0.1 * np.random.randn(out_channels, in_channels, kernel_size, kernel_size)
        self.bias = np.zeros(out_channels)

    def forward(self, x):
        k, s, p = self.kernel_size, self.stride, self.padding
        self.x_pad = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode="constant")
        n, _, h, w = self.x_pad.shape
        h_out = (h - k) // s + 1
        w_out = (w - k) // s + 1
        out = np.zeros((n, self.out_channels, h_out, w_out))
        for i in range(h_out):
            for j in range(w_out):
                patch = self.x_pad[:, :, i * s : i * s + k, j * s : j * s + k]
                for o in range(self.out_channels):
                    out[:, o, i, j] = np.sum(patch * self.weight[o], axis=(1, 2, 3)) + self.bias[o]
        return out

    def backward(self, grad_output):
        k, s, p = self.kernel_size, self.stride, self.padding
        _, _, h_out, w_out = grad_output.shape
        self.grad_weight = np.zeros_like(self.weight)
        self.grad_bias = grad_output.sum(axis=(0, 2, 3))
        grad_pad = np.zeros_like(self.x_pad)
        for i in range(h_out):
            for j in range(w_out):
                for o in range(self.out_channels):
                    g = grad_output[:, o, i, j][:, None, None]
                    for c in range(self.in_channels):
                        patch = self.x_pad[:, 0, i * s : i * s + k, j * s : j * s + k]
                        self.grad_weight[o, c] += np.sum(g * patch, axis=0)
                        grad_pad[:, c, i * s : i * s + k, j * s : j * s + k] += (
                            g * self.weight[o, c]
                        )
        h, w = grad_pad.shape[2:]
        return grad_pad[:, :, p : h - p, p : w - p]


class Conv2dMended(Conv2d):
    def backward(self, grad_output):
        k, s, p = self.kernel_size, self.stride, self.padding
        _, _, h_out, w_out = grad_output.shape
        self.grad_weight = np.zeros_like(self.weight)
        self.grad_bias = grad_output.sum(axis=(0, 2, 3))
        grad_pad = np.zeros_like(self.x_pad)
        for i in range(h_out):
            for j in range(w_out):
                for o in range(self.out_channels):
                    g = grad_output[:, o, i, j][:, None, None]
                    for c in range(self.in_channels):
                        patch = self.x_pad[:, c, i * s : i * s + k, j * s : j * s + k]
                        self.grad_weight[o, c] += np.sum(g * patch, axis=0)
                        grad_pad[:, c, i * s : i * s + k, j * s : j * s + k] += (
                            g * self.weight[o, c]
                        )
        h, w = grad_pad.shape[2:]
        return grad_pad[:, :, p : h - p, p : w - p]


# layers for spectrograms, tensors are (batch, freq, time, channels)


# 0: The gradient of gamma uses the centred input that was not divided by the standard deviation
# instead of the normalised input, so grad_gamma is off by the standard deviation of each channel.
class BatchNormalization:
    def __init__(self, num_channels, momentum=0.99, eps=1e-3):
        self.gamma = np.ones(num_channels)
        self.beta = np.zeros(num_channels)
        self.moving_mean = np.zeros(num_channels)
        self.moving_var = np.ones(num_channels)
        self.momentum = momentum
        self.eps = eps

    def forward_pass(self, X, training=True):
        if training:
            mean = X.mean(axis=(0, 1, 2))
            var = X.var(axis=(0, 1, 2))
            self.moving_mean = self.momentum * self.moving_mean + (1 - self.momentum) * mean
            self.moving_var = self.momentum * self.moving_var + (1 - self.momentum) * var
        else:
            mean, var = self.moving_mean, self.moving_var

        self.X_centered = X - mean
        self.stddev_inv = 1 / np.sqrt(var + self.eps)
        return self.gamma * self.X_centered * self.stddev_inv + self.beta

    def backward_pass(self, accum_grad):
        axes = (0, 1, 2)
        m = accum_grad.size // accum_grad.shape[-1]
        X_norm = self.X_centered * self.stddev_inv

        self.grad_gamma = np.sum(accum_grad * self.X_centered, axis=axes)
        self.grad_beta = np.sum(accum_grad, axis=axes)

        g = accum_grad * self.gamma
        return (
            self.stddev_inv
            / m
            * (m * g - np.sum(g, axis=axes) - X_norm * np.sum(g * X_norm, axis=axes))
        )


class BatchNormalizationMended(BatchNormalization):
    def backward_pass(self, accum_grad):
        axes = (0, 1, 2)
        m = accum_grad.size // accum_grad.shape[-1]
        X_norm = self.X_centered * self.stddev_inv

        self.grad_gamma = np.sum(accum_grad * X_norm, axis=axes)
        self.grad_beta = np.sum(accum_grad, axis=axes)

        g = accum_grad * self.gamma
        return (
            self.stddev_inv
            / m
            * (m * g - np.sum(g, axis=axes) - X_norm * np.sum(g * X_norm, axis=axes))
        )


# 10: When the padding is cut off again, the padding of the height is used for the width as well,
# so the input gradient is shifted sideways whenever the kernel is not square.
class Conv2D:
    """'same' convolution with stride 1; kernels are wider in time than in frequency."""

    def __init__(self, in_channels, n_filters, kernel_size=(3, 5)):
        kh, kw = kernel_size
        self.kernel_size = kernel_size
        self.pad = (kh // 2, kw // 2)
        limit = 1 / np.sqrt(kh * kw * in_channels)
        self.W = np.random.uniform(-limit, limit, (kh, kw, in_channels, n_filters))
        self.b = np.zeros(n_filters)

    def forward_pass(self, X, training=True):
        ph, pw = self.pad
        kh, kw = self.kernel_size
        _, H, T, _ = X.shape
        self.X_shape = X.shape
        self.X_pad = np.pad(X, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
        out = self.b
        for u in range(kh):
            for v in range(kw):
                out = out + self.X_pad[:, u : u + H, v : v + T] @ self.W[u, v]
        return out

    def backward_pass(self, accum_grad):
        ph, pw = self.pad
        kh, kw = self.kernel_size
        _, H, T, _ = self.X_shape
        self.grad_W = np.zeros_like(self.W)
        self.grad_b = accum_grad.sum(axis=(0, 1, 2))
        dX = np.zeros_like(self.X_pad)
        for u in range(kh):
            for v in range(kw):
                self.grad_W[u, v] = np.tensordot(
                    self.X_pad[:, u : u + H, v : v + T], accum_grad, axes=([0, 1, 2], [0, 1, 2])
                )
                dX[:, u : u + H, v : v + T] += accum_grad @ self.W[u, v].T
        return dX[:, ph : ph + H, ph : ph + T]


class Conv2DMended(Conv2D):
    def backward_pass(self, accum_grad):
        ph, pw = self.pad
        kh, kw = self.kernel_size
        _, H, T, _ = self.X_shape
        self.grad_W = np.zeros_like(self.W)
        self.grad_b = accum_grad.sum(axis=(0, 1, 2))
        dX = np.zeros_like(self.X_pad)
        for u in range(kh):
            for v in range(kw):
                self.grad_W[u, v] = np.tensordot(
                    self.X_pad[:, u : u + H, v : v + T], accum_grad, axes=([0, 1, 2], [0, 1, 2])
                )
                dX[:, u : u + H, v : v + T] += accum_grad @ self.W[u, v].T
        return dX[:, ph : ph + H, pw : pw + T]


# 2: Overlapping windows overwrite each other's share of the gradient because it is assigned
# instead of added; wrong whenever the stride is smaller than the window.
class AveragePooling2D:
    def __init__(self, pool_shape=(3, 3), stride=2):
        self.pool_shape = pool_shape
        self.stride = stride

    def forward_pass(self, X, training=True):
        self.X_shape = X.shape
        batch, H, T, channels = X.shape
        kh, kw = self.pool_shape
        s = self.stride
        out = np.zeros((batch, (H - kh) // s + 1, (T - kw) // s + 1, channels))
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                out[:, i, j] = X[:, i * s : i * s + kh, j * s : j * s + kw].mean(axis=(1, 2))
        return out

    def backward_pass(self, accum_grad):
        kh, kw = self.pool_shape
        s = self.stride
        dX = np.zeros(self.X_shape)
        for i in range(accum_grad.shape[1]):
            for j in range(accum_grad.shape[2]):
                dX[:, i * s : i * s + kh, j * s : j * s + kw] = accum_grad[
                    :, i : i + 1, j : j + 1
                ] / (kh * kw)
        return dX


class AveragePooling2DMended(AveragePooling2D):
    def backward_pass(self, accum_grad):
        kh, kw = self.pool_shape
        s = self.stride
        dX = np.zeros(self.X_shape)
        for i in range(accum_grad.shape[1]):
            for j in range(accum_grad.shape[2]):
                dX[:, i * s : i * s + kh, j * s : j * s + kw] += accum_grad[
                    :, i : i + 1, j : j + 1
                ] / (kh * kw)
        return dX
