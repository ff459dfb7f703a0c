"""The sixth draw, third part: small libraries for networks, each with names of its own."""

# ruff: noqa: A001, A002, D205, D401, E741, N801, N802, N803, N806, NPY002, RET503, RET504, RUF059, RUF100
import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

# dnn_utils - helper functions, examples are stored in columns: X has shape (n_x, m)


def linear_forward(A, W, b):
    """A -- activations from previous layer: (size of previous layer, number of examples)
    W -- weights matrix: (size of current layer, size of previous layer)
    b -- bias vector, (size of the current layer, 1).
    """
    Z = np.dot(W, A) + b
    cache = (A, W, b)
    return Z, cache


# 0: The bias gradient is averaged over the examples while the weight gradient is summed, so db is
# too small by a factor of the number of examples m.
def linear_backward(dZ, cache):
    A_prev, W, b = cache

    dW = np.dot(dZ, A_prev.T)
    db = np.mean(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)

    assert dA_prev.shape == A_prev.shape
    assert dW.shape == W.shape
    assert db.shape == b.shape
    return dA_prev, dW, db


def linear_backward_mended(dZ, cache):
    A_prev, W, b = cache

    dW = np.dot(dZ, A_prev.T)
    db = np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)

    assert dA_prev.shape == A_prev.shape
    assert dW.shape == W.shape
    assert db.shape == b.shape
    return dA_prev, dW, db


def sigmoid(Z):
    A = 1 / (1 + np.exp(-Z))
    cache = A
    return A, cache


# 17: The cache already holds the sigmoid's output, and the backward applies the sigmoid to it
# once more, so the derivative is taken at the output instead of at Z.
def sigmoid_backward(dA, cache):
    """DA -- post-activation gradient, of any shape."""
    s = 1 / (1 + np.exp(-cache))
    dZ = dA * s * (1 - s)
    assert dZ.shape == dA.shape
    return dZ


def sigmoid_backward_mended(dA, cache):
    """DA -- post-activation gradient, of any shape."""
    s = cache
    dZ = dA * s * (1 - s)
    assert dZ.shape == dA.shape
    return dZ


def relu(Z):
    A = np.maximum(0, Z)
    cache = Z
    return A, cache


# 16: The backward returns the ReLU's own derivative (ones and zeros) and never multiplies it with
# the gradient coming from above.
def relu_backward(dA, cache):
    """Implement the backward propagation for a single RELU unit."""
    Z = cache
    dZ = np.zeros(Z.shape)
    dZ[Z > 0] = 1
    assert dZ.shape == Z.shape
    return dZ


def relu_backward_mended(dA, cache):
    """Implement the backward propagation for a single RELU unit."""
    Z = cache
    dZ = np.zeros(Z.shape)
    dZ[Z > 0] = dA[Z > 0]
    assert dZ.shape == Z.shape
    return dZ


# Input of all layers: (batch, height, width, channels)


# 5: The positions of the maxima are stored without the batch index, so those of the last image
# overwrite the others and all images are routed with the last image's positions.
class MaxPooling2D:
    def __init__(self, pool_size=2, stride=2):
        self.pool_size = pool_size
        self.stride = stride

    def forward_propagation(self, input_data):
        self.input = input_data
        batch, height, width, channels = input_data.shape
        out_h = (height - self.pool_size) // self.stride + 1
        out_w = (width - self.pool_size) // self.stride + 1
        output = np.zeros((batch, out_h, out_w, channels))
        self.max_positions = {}

        for b in range(batch):
            for i in range(out_h):
                for j in range(out_w):
                    for c in range(channels):
                        y = i * self.stride
                        x = j * self.stride
                        region = input_data[b, y : y + self.pool_size, x : x + self.pool_size, c]
                        output[b, i, j, c] = region.max()
                        dy, dx = np.unravel_index(region.argmax(), region.shape)
                        self.max_positions[(i, j, c)] = (y + dy, x + dx)
        return output

    def backward_propagation(self, output_error):
        batch, out_h, out_w, channels = output_error.shape
        input_error = np.zeros(self.input.shape)
        for b in range(batch):
            for i in range(out_h):
                for j in range(out_w):
                    for c in range(channels):
                        y, x = self.max_positions[(i, j, c)]
                        input_error[b, y, x, c] += output_error[b, i, j, c]
        return input_error


class MaxPooling2DMended(MaxPooling2D):
    def forward_propagation(self, input_data):
        self.input = input_data
        batch, height, width, channels = input_data.shape
        out_h = (height - self.pool_size) // self.stride + 1
        out_w = (width - self.pool_size) // self.stride + 1
        output = np.zeros((batch, out_h, out_w, channels))
        self.max_positions = {}

        for b in range(batch):
            for i in range(out_h):
                for j in range(out_w):
                    for c in range(channels):
                        y = i * self.stride
                        x = j * self.stride
                        region = input_data[b, y : y + self.pool_size, x : x + self.pool_size, c]
                        output[b, i, j, c] = region.max()
                        dy, dx = np.unravel_index(region.argmax(), region.shape)
                        self.max_positions[(b, i, j, c)] = (y + dy, x + dx)
        return output

    def backward_propagation(self, output_error):
        batch, out_h, out_w, channels = output_error.shape
        input_error = np.zeros(self.input.shape)
        for b in range(batch):
            for i in range(out_h):
                for j in range(out_w):
                    for c in range(channels):
                        y, x = self.max_positions[(b, i, j, c)]
                        input_error[b, y, x, c] += output_error[b, i, j, c]
        return input_error


# 0: The gradient is divided by the size of the output map (out_h*out_w) instead of by the number
# of pixels in a window (pool_size squared), so it is off by a constant factor that depends on the
# image size.
class AveragePooling2D:
    def __init__(self, pool_size=2, stride=2):
        self.pool_size = pool_size
        self.stride = stride

    def forward_propagation(self, input_data):
        self.input_shape = input_data.shape
        batch, height, width, channels = input_data.shape
        out_h = (height - self.pool_size) // self.stride + 1
        out_w = (width - self.pool_size) // self.stride + 1
        output = np.zeros((batch, out_h, out_w, channels))
        for i in range(out_h):
            for j in range(out_w):
                y = i * self.stride
                x = j * self.stride
                output[:, i, j, :] = input_data[
                    :, y : y + self.pool_size, x : x + self.pool_size, :
                ].mean(axis=(1, 2))
        return output

    def backward_propagation(self, output_error):
        _, out_h, out_w, _ = output_error.shape
        input_error = np.zeros(self.input_shape)
        average = output_error / (out_h * out_w)
        for i in range(out_h):
            for j in range(out_w):
                y = i * self.stride
                x = j * self.stride
                input_error[:, y : y + self.pool_size, x : x + self.pool_size, :] += average[
                    :, i : i + 1, j : j + 1, :
                ]
        return input_error


class AveragePooling2DMended(AveragePooling2D):
    def backward_propagation(self, output_error):
        _, out_h, out_w, _ = output_error.shape
        input_error = np.zeros(self.input_shape)
        average = output_error / (self.pool_size * self.pool_size)
        for i in range(out_h):
            for j in range(out_w):
                y = i * self.stride
                x = j * self.stride
                input_error[:, y : y + self.pool_size, x : x + self.pool_size, :] += average[
                    :, i : i + 1, j : j + 1, :
                ]
        return input_error


# 0: The forward moves the channels to the front before flattening but the backward reshapes
# straight to (batch, height, width, channels) without undoing that transpose, so the gradient's
# entries land in wrong places.
class Flatten:
    """(batch, height, width, channels) -> (batch, channels * height * width)."""

    def forward_propagation(self, input_data):
        self.input_shape = input_data.shape
        x = input_data.transpose(0, 3, 1, 2)
        return x.reshape(x.shape[0], -1)

    def backward_propagation(self, output_error):
        batch, height, width, channels = self.input_shape
        return output_error.reshape(batch, height, width, channels)


class FlattenMended(Flatten):
    def backward_propagation(self, output_error):
        batch, height, width, channels = self.input_shape
        return output_error.reshape(batch, channels, height, width).transpose(0, 2, 3, 1)


def correlate2d(image, kernel, mode="valid"):
    kh, kw = kernel.shape
    if mode == "full":
        image = np.pad(image, ((kh - 1, kh - 1), (kw - 1, kw - 1)))
    h = image.shape[0] - kh + 1
    w = image.shape[1] - kw + 1
    result = np.zeros((h, w))
    for i in range(h):
        for j in range(w):
            result[i, j] = np.sum(image[i : i + kh, j : j + kw] * kernel)
    return result


def convolve2d(image, kernel, mode="valid"):
    return correlate2d(image, np.rot90(kernel, 2), mode)


# 7: The input gradient is a full cross-correlation of the output gradient with the kernel; the
# kernel is not rotated by 180 degrees (a full convolution is needed).
class Convolutional:
    # input_shape = (depth, height, width)
    def __init__(self, input_shape, kernel_size, depth):
        input_depth, input_height, input_width = input_shape
        self.depth = depth
        self.input_shape = input_shape
        self.input_depth = input_depth
        self.output_shape = (depth, input_height - kernel_size + 1, input_width - kernel_size + 1)
        self.kernels_shape = (depth, input_depth, kernel_size, kernel_size)
        self.kernels = np.random.randn(*self.kernels_shape)
        self.biases = np.random.randn(*self.output_shape)

    def forward(self, input):
        self.input = input
        self.output = np.copy(self.biases)
        for i in range(self.depth):
            for j in range(self.input_depth):
                self.output[i] += correlate2d(self.input[j], self.kernels[i, j], "valid")
        return self.output

    def backward(self, output_gradient, learning_rate):
        kernels_gradient = np.zeros(self.kernels_shape)
        input_gradient = np.zeros(self.input_shape)

        for i in range(self.depth):
            for j in range(self.input_depth):
                kernels_gradient[i, j] = correlate2d(self.input[j], output_gradient[i], "valid")
                input_gradient[j] += correlate2d(output_gradient[i], self.kernels[i, j], "full")

        self.kernels -= learning_rate * kernels_gradient
        self.biases -= learning_rate * output_gradient
        return input_gradient


class ConvolutionalMended(Convolutional):
    def backward(self, output_gradient, learning_rate):
        kernels_gradient = np.zeros(self.kernels_shape)
        input_gradient = np.zeros(self.input_shape)

        for i in range(self.depth):
            for j in range(self.input_depth):
                kernels_gradient[i, j] = correlate2d(self.input[j], output_gradient[i], "valid")
                input_gradient[j] += convolve2d(output_gradient[i], self.kernels[i, j], "full")

        self.kernels -= learning_rate * kernels_gradient
        self.biases -= learning_rate * output_gradient
        return input_gradient


# 25: The forward writes tanh(x) over its own input, so the stored input is already the output and
# backward takes the derivative at tanh(x) (and the caller's array is overwritten).
class Tanh:
    def forward(self, input):
        self.input = input
        np.tanh(input, out=input)
        return input

    def backward(self, output_gradient, learning_rate):
        return np.multiply(output_gradient, 1 - np.tanh(self.input) ** 2)


class TanhMended(Tanh):
    def forward(self, input):
        self.input = input
        return np.tanh(input)


# 19: The weights are updated before the input gradient is computed with them, so the input
# gradient uses the new weights and is wrong by a term proportional to the learning rate.
class Dense:
    # column vectors: input is (input_size, 1)
    def __init__(self, input_size, output_size):
        self.weights = np.random.randn(output_size, input_size)
        self.bias = np.random.randn(output_size, 1)

    def forward(self, input):
        self.input = input
        return np.dot(self.weights, self.input) + self.bias

    def backward(self, output_gradient, learning_rate):
        weights_gradient = np.dot(output_gradient, self.input.T)
        self.weights -= learning_rate * weights_gradient
        self.bias -= learning_rate * output_gradient
        input_gradient = np.dot(self.weights.T, output_gradient)
        return input_gradient


class DenseMended(Dense):
    def backward(self, output_gradient, learning_rate):
        weights_gradient = np.dot(output_gradient, self.input.T)
        input_gradient = np.dot(self.weights.T, output_gradient)
        self.weights -= learning_rate * weights_gradient
        self.bias -= learning_rate * output_gradient
        return input_gradient


# tinynet/layers.py  -- vectorised, NCHW


def windows(x, k, s):
    n, c, h, w = x.shape
    oh, ow = (h - k) // s + 1, (w - k) // s + 1
    sn, sc, sh, sw = x.strides
    return as_strided(x, (n, c, oh, ow, k, k), (sn, sc, sh * s, sw * s, sh, sw))


# 8: The weight gradient is flipped along both spatial axes (rotated by 180 degrees) although
# forward is a cross-correlation; without the flip it would be right.
class Conv:
    def __init__(self, n_in, n_out, ksize=3, stride=1, pad=1):
        self.w = np.random.randn(n_out, n_in, ksize, ksize) * np.sqrt(2.0 / (n_in * ksize * ksize))
        self.b = np.zeros(n_out)
        self.k, self.s, self.p = ksize, stride, pad

    def fprop(self, x):
        p = self.p
        self.xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        self.win = windows(self.xp, self.k, self.s)
        return np.einsum("ncijkl,ockl->noij", self.win, self.w) + self.b[None, :, None, None]

    def bprop(self, dy):
        p, s = self.p, self.s
        _, _, oh, ow = dy.shape
        self.grad_w = np.einsum("noij,ncijkl->ockl", dy, self.win)[:, :, ::-1, ::-1]
        self.grad_b = dy.sum((0, 2, 3))
        dxp = np.zeros_like(self.xp)
        for k in range(self.k):
            for l in range(self.k):
                dxp[:, :, k : k + s * oh : s, l : l + s * ow : s] += np.einsum(
                    "noij,oc->ncij", dy, self.w[:, :, k, l]
                )
        h, w = dxp.shape[2:]
        return dxp[:, :, p : h - p, p : w - p]


class ConvMended(Conv):
    def bprop(self, dy):
        p, s = self.p, self.s
        _, _, oh, ow = dy.shape
        self.grad_w = np.einsum("noij,ncijkl->ockl", dy, self.win)
        self.grad_b = dy.sum((0, 2, 3))
        dxp = np.zeros_like(self.xp)
        for k in range(self.k):
            for l in range(self.k):
                dxp[:, :, k : k + s * oh : s, l : l + s * ow : s] += np.einsum(
                    "noij,oc->ncij", dy, self.w[:, :, k, l]
                )
        h, w = dxp.shape[2:]
        return dxp[:, :, p : h - p, p : w - p]


# 0: np.tile lays copies of the whole gradient map side by side instead of repeating each entry
# over its own k x k window (np.repeat), so the gradients reach wrong pixels.
class AvgPool:
    """non-overlapping k x k mean pooling, h and w must be divisible by k."""

    def __init__(self, k=2):
        self.k = k

    def fprop(self, x):
        n, c, h, w = x.shape
        k = self.k
        return x.reshape(n, c, h // k, k, w // k, k).mean((3, 5))

    def bprop(self, dy):
        k = self.k
        return np.tile(dy, (1, 1, k, k)) / (k * k)


class AvgPoolMended(AvgPool):
    def bprop(self, dy):
        k = self.k
        return dy.repeat(k, axis=2).repeat(k, axis=3) / (k * k)


# 0: The slope is chosen by the sign of the incoming gradient instead of the sign of the input x.
class LeakyReLU:
    def __init__(self, alpha=0.01):
        self.alpha = alpha

    def fprop(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha * x)

    def bprop(self, dy):
        return np.where(dy > 0, dy, self.alpha * dy)


class LeakyReLUMended(LeakyReLU):
    def bprop(self, dy):
        return np.where(self.x > 0, dy, self.alpha * dy)


# A micro framework: every layer is callable, .gradient() goes back.


# 29: The gradients are added to those of earlier calls and nowhere cleared, so from the second
# backward on grads hold the sum over all steps so far.
class Linear:
    def __init__(self, in_features, out_features):
        bound = 1 / math.sqrt(in_features)
        self.params = {
            "W": np.random.uniform(-bound, bound, (in_features, out_features)),
            "b": np.random.uniform(-bound, bound, out_features),
        }
        self.grads = {k: np.zeros_like(v) for k, v in self.params.items()}

    def __call__(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def gradient(self, dout):
        self.grads["W"] += self.x.T @ dout
        self.grads["b"] += dout.sum(axis=0)
        return dout @ self.params["W"].T

    def step(self, lr):
        for k in self.params:
            self.params[k] -= lr * self.grads[k]


class LinearMended(Linear):
    def gradient(self, dout):
        self.grads["W"] = self.x.T @ dout
        self.grads["b"] = dout.sum(axis=0)
        return dout @ self.params["W"].T


# 22: The loss is the mean over the batch but the gradient is not divided by the number of
# samples, so it is batch-size times too large.
class SoftmaxCrossEntropy:
    """logits: (n, classes), labels: (n,) integers."""

    def __call__(self, logits, labels):
        z = logits - logits.max(axis=1, keepdims=True)
        e = np.exp(z)
        self.probs = e / e.sum(axis=1, keepdims=True)
        self.labels = labels
        n = len(labels)
        log_likelihood = z[np.arange(n), labels] - np.log(e.sum(axis=1))
        return -log_likelihood.mean()

    def gradient(self):
        n = len(self.labels)
        dlogits = self.probs.copy()
        dlogits[np.arange(n), self.labels] -= 1
        return dlogits


class SoftmaxCrossEntropyMended(SoftmaxCrossEntropy):
    def gradient(self):
        n = len(self.labels)
        dlogits = self.probs.copy()
        dlogits[np.arange(n), self.labels] -= 1
        return dlogits / n


# 20: Only the diagonal of the softmax's Jacobian, s(1-s), is used; the off-diagonal terms -s_i
# s_j by which each output depends on the other inputs are missing.
class Softmax:
    def __call__(self, x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        self.out = e / e.sum(axis=-1, keepdims=True)
        return self.out

    def gradient(self, dout):
        s = self.out
        return dout * s * (1 - s)


class SoftmaxMended(Softmax):
    def gradient(self, dout):
        s = self.out
        return s * (dout - (dout * s).sum(axis=-1, keepdims=True))
