"""The sixth draw of strangers' code, first part: one image at a time, and a course's loops."""

# ruff: noqa: A001, A002, D205, D401, E741, N801, N802, N803, N806, NPY002, RET503, RET504, RUF059, RUF100
import numpy as np

# Simple CNN on MNIST, one image at a time, images are (h, w, channels)


# 3: Where several pixels of a window share the maximum, each of them receives the whole output
# gradient, so the input gradient sums to more than the output gradient; only one winner should
# get it.
class MaxPool2:
    # A Max Pooling layer using a pool size of 2.

    def iterate_regions(self, image):
        """Generates non-overlapping 2x2 image regions to pool over.
        - image is a 3d numpy array (h, w, num_filters).
        """
        h, w, _ = image.shape
        new_h = h // 2
        new_w = w // 2

        for i in range(new_h):
            for j in range(new_w):
                im_region = image[(i * 2) : (i * 2 + 2), (j * 2) : (j * 2 + 2)]
                yield im_region, i, j

    def forward(self, input):
        self.last_input = input

        h, w, num_filters = input.shape
        output = np.zeros((h // 2, w // 2, num_filters))

        for im_region, i, j in self.iterate_regions(input):
            output[i, j] = np.amax(im_region, axis=(0, 1))

        return output

    def backprop(self, d_L_d_out):
        """Performs a backward pass of the maxpool layer.
        Returns the loss gradient for this layer's inputs.
        """
        d_L_d_input = np.zeros(self.last_input.shape)

        for im_region, i, j in self.iterate_regions(self.last_input):
            h, w, f = im_region.shape
            amax = np.amax(im_region, axis=(0, 1))

            for i2 in range(h):
                for j2 in range(w):
                    for f2 in range(f):
                        # If this pixel was the max value, copy the gradient to it.
                        if im_region[i2, j2, f2] == amax[f2]:
                            d_L_d_input[i * 2 + i2, j * 2 + j2, f2] = d_L_d_out[i, j, f2]

        return d_L_d_input


class MaxPool2Mended(MaxPool2):
    def backprop(self, d_L_d_out):
        """Performs a backward pass of the maxpool layer.
        Returns the loss gradient for this layer's inputs.
        """
        d_L_d_input = np.zeros(self.last_input.shape)

        for im_region, i, j in self.iterate_regions(self.last_input):
            h, w, f = im_region.shape
            amax = np.argmax(im_region.reshape(h * w, f), axis=0)

            for i2 in range(h):
                for j2 in range(w):
                    for f2 in range(f):
                        # If this pixel was the max value, copy the gradient to it.
                        if i2 * w + j2 == amax[f2]:
                            d_L_d_input[i * 2 + i2, j * 2 + j2, f2] = d_L_d_out[i, j, f2]

        return d_L_d_input


# 15: The bias gradient is worked out but the biases are never updated with it; only the filters
# are changed.
class Conv3x3:
    # A Convolution layer using 3x3 filters (valid padding).

    def __init__(self, num_filters, in_channels=1):
        self.num_filters = num_filters
        # divide by 9 to reduce the variance of the initial values
        self.filters = np.random.randn(num_filters, 3, 3, in_channels) / 9
        self.biases = np.zeros(num_filters)

    def iterate_regions(self, image):
        h, w, _ = image.shape
        for i in range(h - 2):
            for j in range(w - 2):
                yield image[i : (i + 3), j : (j + 3)], i, j

    def forward(self, input):
        self.last_input = input
        h, w, _ = input.shape
        output = np.zeros((h - 2, w - 2, self.num_filters))

        for im_region, i, j in self.iterate_regions(input):
            output[i, j] = np.sum(im_region * self.filters, axis=(1, 2, 3)) + self.biases

        return output

    def backprop(self, d_L_d_out, learn_rate):
        """- d_L_d_out is the loss gradient for this layer's outputs.
        - learn_rate is a float.
        """
        d_L_d_filters = np.zeros(self.filters.shape)
        d_L_d_biases = np.zeros(self.biases.shape)
        d_L_d_input = np.zeros(self.last_input.shape)

        for im_region, i, j in self.iterate_regions(self.last_input):
            for f in range(self.num_filters):
                d_L_d_filters[f] += d_L_d_out[i, j, f] * im_region
                d_L_d_biases[f] += d_L_d_out[i, j, f]
                d_L_d_input[i : (i + 3), j : (j + 3)] += d_L_d_out[i, j, f] * self.filters[f]

        # Update filters
        self.filters -= learn_rate * d_L_d_filters

        return d_L_d_input


class Conv3x3Mended(Conv3x3):
    def backprop(self, d_L_d_out, learn_rate):
        """- d_L_d_out is the loss gradient for this layer's outputs.
        - learn_rate is a float.
        """
        d_L_d_filters = np.zeros(self.filters.shape)
        d_L_d_biases = np.zeros(self.biases.shape)
        d_L_d_input = np.zeros(self.last_input.shape)

        for im_region, i, j in self.iterate_regions(self.last_input):
            for f in range(self.num_filters):
                d_L_d_filters[f] += d_L_d_out[i, j, f] * im_region
                d_L_d_biases[f] += d_L_d_out[i, j, f]
                d_L_d_input[i : (i + 3), j : (j + 3)] += d_L_d_out[i, j, f] * self.filters[f]

        # Update filters
        self.filters -= learn_rate * d_L_d_filters
        self.biases -= learn_rate * d_L_d_biases

        return d_L_d_input


# 18: The backward does not multiply by the derivative of the sigmoid, s(1-s), so weight, bias and
# input gradients are those of a layer without an activation.
class FullyConnected:
    # A fully-connected layer with sigmoid activation.

    def __init__(self, input_len, nodes):
        self.weights = np.random.randn(input_len, nodes) / np.sqrt(input_len)
        self.biases = np.zeros(nodes)

    def forward(self, input):
        self.last_input_shape = input.shape

        input = input.flatten()
        self.last_input = input

        totals = np.dot(input, self.weights) + self.biases
        self.last_out = 1 / (1 + np.exp(-totals))
        return self.last_out

    def backprop(self, d_L_d_out, learn_rate):
        # Gradients of loss against totals
        d_L_d_t = np.asarray(d_L_d_out, dtype=float)

        # Gradients of loss against weights/biases/input
        d_L_d_w = self.last_input[np.newaxis].T @ d_L_d_t[np.newaxis]
        d_L_d_b = d_L_d_t
        d_L_d_inputs = self.weights @ d_L_d_t

        # Update weights / biases
        self.weights -= learn_rate * d_L_d_w
        self.biases -= learn_rate * d_L_d_b

        return d_L_d_inputs.reshape(self.last_input_shape)


class FullyConnectedMended(FullyConnected):
    def backprop(self, d_L_d_out, learn_rate):
        # Gradients of loss against totals
        d_L_d_t = np.asarray(d_L_d_out, dtype=float) * self.last_out * (1 - self.last_out)

        # Gradients of loss against weights/biases/input
        d_L_d_w = self.last_input[np.newaxis].T @ d_L_d_t[np.newaxis]
        d_L_d_b = d_L_d_t
        d_L_d_inputs = self.weights @ d_L_d_t

        # Update weights / biases
        self.weights -= learn_rate * d_L_d_w
        self.biases -= learn_rate * d_L_d_b

        return d_L_d_inputs.reshape(self.last_input_shape)


# My solutions for assignment 2 (layers.py), all images are (N, C, H, W)


def max_pool_forward_naive(x, pool_param):
    """Inputs:
    - x: Input data, of shape (N, C, H, W)
    - pool_param: dictionary with keys 'pool_height', 'pool_width', 'stride'.

    Returns a tuple of (out, cache)
    """
    HH, WW = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    N, C, H, W = x.shape
    H_out = 1 + (H - HH) // stride
    W_out = 1 + (W - WW) // stride
    out = np.zeros((N, C, H_out, W_out))
    for i in range(H_out):
        for j in range(W_out):
            out[:, :, i, j] = np.max(
                x[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW], axis=(2, 3)
            )
    cache = (x, pool_param)
    return out, cache


# 2: When windows overlap, a pixel that wins in several windows keeps only the gradient of the
# last one, because the gradient is assigned rather than added.
def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    HH, WW = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    N, C, H, W = x.shape
    _, _, H_out, W_out = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(H_out):
                for j in range(W_out):
                    window = x[n, c, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    r, s = np.unravel_index(np.argmax(window), window.shape)
                    dx[n, c, i * stride + r, j * stride + s] = dout[n, c, i, j]
    return dx


def max_pool_backward_naive_mended(dout, cache):
    x, pool_param = cache
    HH, WW = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    N, C, H, W = x.shape
    _, _, H_out, W_out = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(H_out):
                for j in range(W_out):
                    window = x[n, c, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    r, s = np.unravel_index(np.argmax(window), window.shape)
                    dx[n, c, i * stride + r, j * stride + s] += dout[n, c, i, j]
    return dx


def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)

    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros(D, dtype=x.dtype))
    running_var = bn_param.get("running_var", np.zeros(D, dtype=x.dtype))

    out, cache = None, None
    if mode == "train":
        mu = x.mean(axis=0)
        var = x.var(axis=0)
        std = np.sqrt(var + eps)
        x_hat = (x - mu) / std
        out = gamma * x_hat + beta
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * var
        cache = (x_hat, gamma, std)
    elif mode == "test":
        x_hat = (x - running_mean) / np.sqrt(running_var + eps)
        out = gamma * x_hat + beta
    else:
        raise ValueError(f'Invalid forward batchnorm mode "{mode}"')

    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var
    return out, cache


# 24: dx treats the batch mean and variance as constants; the two terms by which they depend on x
# are left out (dgamma and dbeta are right).
def batchnorm_backward(dout, cache):
    """Returns a tuple of:
    - dx: Gradient with respect to inputs x, of shape (N, D)
    - dgamma: Gradient with respect to scale parameter gamma, of shape (D,)
    - dbeta: Gradient with respect to shift parameter beta, of shape (D,).
    """
    x_hat, gamma, std = cache
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = dout * gamma
    dx = dx_hat / std
    return dx, dgamma, dbeta


def batchnorm_backward_mended(dout, cache):
    """Returns a tuple of:
    - dx: Gradient with respect to inputs x, of shape (N, D)
    - dgamma: Gradient with respect to scale parameter gamma, of shape (D,)
    - dbeta: Gradient with respect to shift parameter beta, of shape (D,).
    """
    x_hat, gamma, std = cache
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = dout * gamma
    dx = (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0)) / std
    return dx, dgamma, dbeta


def conv_forward_naive(x, w, b, conv_param):
    """- x: Input data of shape (N, C, H, W)
    - w: Filter weights of shape (F, C, HH, WW)
    - b: Biases, of shape (F,)
    - conv_param: dictionary with keys 'stride' and 'pad'.
    """
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), "constant")
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    patch = xp[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    out[n, f, i, j] = np.sum(patch * w[f]) + b[f]
    cache = (x, w, b, conv_param)
    return out, cache


# 0: The padding is cut from the wrong side: dx is taken from the top-left corner of the padded
# gradient instead of from its middle, so it is shifted by pad pixels (right only for pad = 0).
def conv_backward_naive(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    _, _, H_out, W_out = dout.shape

    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), "constant")
    dxp = np.zeros_like(xp)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    hs, ws = i * stride, j * stride
                    dw[f] += dout[n, f, i, j] * xp[n, :, hs : hs + HH, ws : ws + WW]
                    dxp[n, :, hs : hs + HH, ws : ws + WW] += dout[n, f, i, j] * w[f]
                    db[f] += dout[n, f, i, j]
    dx = dxp[:, :, :H, :W]
    return dx, dw, db


def conv_backward_naive_mended(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    _, _, H_out, W_out = dout.shape

    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), "constant")
    dxp = np.zeros_like(xp)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    hs, ws = i * stride, j * stride
                    dw[f] += dout[n, f, i, j] * xp[n, :, hs : hs + HH, ws : ws + WW]
                    dxp[n, :, hs : hs + HH, ws : ws + WW] += dout[n, f, i, j] * w[f]
                    db[f] += dout[n, f, i, j]
    dx = dxp[:, :, pad : pad + H, pad : pad + W]
    return dx, dw, db
