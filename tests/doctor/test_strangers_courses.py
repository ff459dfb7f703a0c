# ruff: noqa: N801, N803, N806, NPY002, A002, B905, RUF059
"""Layers in the styles of well-known courses, books and films, none written for the doctor."""

import numpy as np
import pytest
from scipy import signal

from sixloops.doctor import check_layer


# --- Andrew Ng style conv NHWC
def zero_pad(X, pad):
    return np.pad(X, ((0, 0), (pad, pad), (pad, pad), (0, 0)))


def conv_forward(A_prev, W, b, hparameters):
    (m, n_H_prev, n_W_prev, n_C_prev) = A_prev.shape
    (f, f, n_C_prev, n_C) = W.shape
    stride = hparameters["stride"]
    pad = hparameters["pad"]
    n_H = int((n_H_prev - f + 2 * pad) / stride) + 1
    n_W = int((n_W_prev - f + 2 * pad) / stride) + 1
    Z = np.zeros((m, n_H, n_W, n_C))
    P = zero_pad(A_prev, pad)
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    s = P[i, h * stride : h * stride + f, w * stride : w * stride + f, :]
                    Z[i, h, w, c] = np.sum(s * W[..., c]) + float(b[..., c].item())
    return Z, (A_prev, W, b, hparameters)


def conv_backward(dZ, cache, bad=None):
    (A_prev, W, b, hp) = cache
    stride = hp["stride"]
    pad = hp["pad"]
    f = W.shape[0]
    dA_prev = np.zeros(A_prev.shape)
    dW = np.zeros(W.shape)
    db = np.zeros((1, 1, 1, W.shape[3]))
    P = zero_pad(A_prev, pad)
    dP = zero_pad(dA_prev, pad)
    for i in range(dZ.shape[0]):
        for h in range(dZ.shape[1]):
            for w in range(dZ.shape[2]):
                for c in range(dZ.shape[3]):
                    vs, hs = h * stride, w * stride
                    dP[i, vs : vs + f, hs : hs + f, :] += W[:, :, :, c] * dZ[i, h, w, c]
                    dW[:, :, :, c] += P[i, vs : vs + f, hs : hs + f, :] * dZ[i, h, w, c]
                    if bad == "db=":
                        db[:, :, :, c] = dZ[i, h, w, c]
                    else:
                        db[:, :, :, c] += dZ[i, h, w, c]
        dA_prev[i] = dP[i, pad:-pad, pad:-pad, :] if pad else dP[i]
    return dA_prev, dW, db


def conv_backward_bad(dZ, cache):
    return conv_backward(dZ, cache, "db=")


def pool_forward(A_prev, hparameters, mode="max"):
    (m, H, Wd, C) = A_prev.shape
    f = hparameters["f"]
    s = hparameters["stride"]
    A = np.zeros((m, 1 + (H - f) // s, 1 + (Wd - f) // s, C))
    for i, h, w, c in np.ndindex(*A.shape):
        p = A_prev[i, h * s : h * s + f, w * s : w * s + f, c]
        A[i, h, w, c] = p.max() if mode == "max" else p.mean()
    return A, (A_prev, hparameters)


def pool_backward(dA, cache, mode="max"):
    A_prev, hp = cache
    s = hp["stride"]
    f = hp["f"]
    d = np.zeros(A_prev.shape)
    for i, h, w, c in np.ndindex(*dA.shape):
        p = A_prev[i, h * s : h * s + f, w * s : w * s + f, c]
        d[i, h * s : h * s + f, w * s : w * s + f, c] += (p == p.max()) * dA[i, h, w, c]
    return d


# --- deep learning from scratch
def im2col(x, fh, fw, s=1, p=0):
    N, C, H, W = x.shape
    oh = (H + 2 * p - fh) // s + 1
    ow = (W + 2 * p - fw) // s + 1
    img = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)])
    col = np.zeros((N, C, fh, fw, oh, ow))
    for y in range(fh):
        for xx in range(fw):
            col[:, :, y, xx] = img[:, :, y : y + s * oh : s, xx : xx + s * ow : s]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * oh * ow, -1)


def col2im(col, shape, fh, fw, s=1, p=0):
    N, C, H, W = shape
    oh = (H + 2 * p - fh) // s + 1
    ow = (W + 2 * p - fw) // s + 1
    col = col.reshape(N, oh, ow, C, fh, fw).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((N, C, H + 2 * p + s - 1, W + 2 * p + s - 1))
    for y in range(fh):
        for xx in range(fw):
            img[:, :, y : y + s * oh : s, xx : xx + s * ow : s] += col[:, :, y, xx]
    return img[:, :, p : H + p, p : W + p]


class Convolution:
    def __init__(self, W, b, stride=1, pad=0):
        self.W = W
        self.b = b
        self.stride = stride
        self.pad = pad
        self.x = None
        self.dW = None
        self.db = None

    def forward(self, x):
        FN, C, FH, FW = self.W.shape
        N, C, H, W = x.shape
        oh = 1 + int((H + 2 * self.pad - FH) / self.stride)
        ow = 1 + int((W + 2 * self.pad - FW) / self.stride)
        col = im2col(x, FH, FW, self.stride, self.pad)
        cw = self.W.reshape(FN, -1).T
        self.x = x
        self.col = col
        self.col_W = cw
        return (col @ cw + self.b).reshape(N, oh, ow, -1).transpose(0, 3, 1, 2)

    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = (self.col.T @ dout).transpose(1, 0).reshape(FN, C, FH, FW)
        return col2im(dout @ self.col_W.T, self.x.shape, FH, FW, self.stride, self.pad)


class ConvolutionBad(Convolution):
    def backward(self, dout):
        dx = super().backward(dout)
        d = dout.transpose(0, 2, 3, 1).reshape(-1, self.W.shape[0])
        self.dW = (self.col.T @ d).reshape(self.W.shape)
        return dx


class Affine:
    def __init__(self, W, b):
        self.W = W
        self.b = b

    def forward(self, x):
        self.shape = x.shape
        x = x.reshape(x.shape[0], -1)
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = np.sum(dout, axis=0)
        return (dout @ self.W.T).reshape(*self.shape)


class Relu:
    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        return dout


# --- Victor Zhou max pool HWC
class MaxPool2:
    def forward(self, input):
        self.last_input = input
        h, w, f = input.shape
        out = np.zeros((h // 2, w // 2, f))
        for i in range(h // 2):
            for j in range(w // 2):
                out[i, j] = np.amax(input[2 * i : 2 * i + 2, 2 * j : 2 * j + 2], axis=(0, 1))
        return out

    def backprop(self, d_L_d_out):
        d = np.zeros(self.last_input.shape)
        for i, j in np.ndindex(*d_L_d_out.shape[:2]):
            r = self.last_input[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            m = r.max(axis=(0, 1))
            for a, b, f in np.ndindex(*r.shape):
                if r[a, b, f] == m[f]:
                    d[2 * i + a, 2 * j + b, f] = d_L_d_out[i, j, f]
        return d


# --- nnfs
class Layer_Dense:
    def __init__(self, n_inputs, n_neurons):
        self.weights = 0.01 * np.random.randn(n_inputs, n_neurons)
        self.biases = np.zeros((1, n_neurons))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs @ self.weights + self.biases

    def backward(self, dvalues):
        self.dweights = self.inputs.T @ dvalues
        self.dbiases = dvalues.sum(axis=0, keepdims=True)
        self.dinputs = dvalues @ self.weights.T


class Activation_Softmax:
    def forward(self, inputs):
        e = np.exp(inputs - inputs.max(axis=1, keepdims=True))
        self.output = e / e.sum(axis=1, keepdims=True)

    def backward(self, dvalues):
        self.dinputs = np.empty_like(dvalues)
        for i, (o, d) in enumerate(zip(self.output, dvalues)):
            o = o.reshape(-1, 1)
            self.dinputs[i] = (np.diagflat(o) - o @ o.T) @ d


# --- independent code
class Convolutional:
    def __init__(self, input_shape, kernel_size, depth):
        c, h, w = input_shape
        self.depth = depth
        self.input_shape = input_shape
        self.input_depth = c
        self.kernels = np.random.randn(depth, c, kernel_size, kernel_size)
        self.biases = np.random.randn(depth, h - kernel_size + 1, w - kernel_size + 1)

    def forward(self, input):
        self.input = input
        self.output = np.copy(self.biases)
        for i in range(self.depth):
            for j in range(self.input_depth):
                self.output[i] += signal.correlate2d(self.input[j], self.kernels[i, j], "valid")
        return self.output

    def backward(self, output_gradient, learning_rate):
        kg = np.zeros(self.kernels.shape)
        ig = np.zeros(self.input_shape)
        for i in range(self.depth):
            for j in range(self.input_depth):
                kg[i, j] = signal.correlate2d(self.input[j], output_gradient[i], "valid")
                ig[j] += signal.convolve2d(output_gradient[i], self.kernels[i, j], "full")
        self.kernels -= learning_rate * kg
        self.biases -= learning_rate * output_gradient
        return ig


class ConvolutionalBad(Convolutional):
    def backward(self, output_gradient, learning_rate):
        kg = np.zeros(self.kernels.shape)
        ig = np.zeros(self.input_shape)
        for i in range(self.depth):
            for j in range(self.input_depth):
                kg[i, j] = signal.correlate2d(self.input[j], output_gradient[i], "valid")
                ig[j] += signal.correlate2d(output_gradient[i], self.kernels[i, j], "full")
        self.kernels -= learning_rate * kg
        self.biases -= learning_rate * output_gradient
        return ig


class Activation:
    def __init__(self, activation, activation_prime):
        self.activation = activation
        self.activation_prime = activation_prime

    def forward(self, input):
        self.input = input
        return self.activation(self.input)

    def backward(self, output_gradient, learning_rate):
        return np.multiply(output_gradient, self.activation_prime(self.input))


# pytorch-like float32
class Conv32:
    def __init__(self, in_channels, out_channels, kernel_size=3):
        self.weight = np.random.randn(out_channels, in_channels, kernel_size, kernel_size).astype(
            np.float32
        )

    def forward(self, x):
        x = x.astype(np.float32)
        self.x = x
        k = self.weight.shape[2]
        v = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))
        return np.einsum("ncijuv,fcuv->nfij", v, self.weight).astype(np.float32)

    def backward(self, g):
        g = g.astype(np.float32)
        k = self.weight.shape[2]
        v = np.lib.stride_tricks.sliding_window_view(self.x, (k, k), axis=(2, 3))
        self.weight_grad = np.einsum("nfij,ncijuv->fcuv", g, v)
        gp = np.pad(g, ((0, 0), (0, 0), (k - 1, k - 1), (k - 1, k - 1)))
        return np.einsum(
            "nfijuv,fcuv->ncij",
            np.lib.stride_tricks.sliding_window_view(gp, (k, k), axis=(2, 3)),
            self.weight[:, :, ::-1, ::-1],
        )


class Conv32Bad(Conv32):
    def backward(self, g):
        super().backward(g)
        g = g.astype(np.float32)
        k = self.weight.shape[2]
        gp = np.pad(g, ((0, 0), (0, 0), (k - 1, k - 1), (k - 1, k - 1)))
        return np.einsum(
            "nfijuv,fcuv->ncij",
            np.lib.stride_tricks.sliding_window_view(gp, (k, k), axis=(2, 3)),
            self.weight,
        )


class Drop:
    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x):
        self.m = (np.random.rand(*x.shape) > self.p) / (1 - self.p)
        return x * self.m

    def backward(self, dy):
        return dy * self.m


class Drop2(Drop):
    def forward(self, x):
        self.m = (np.random.default_rng().random(x.shape) > self.p) / (1 - self.p)
        return x * self.m


class LayerNorm:
    def __init__(self, dim=5):
        self.gamma = np.ones(dim)
        self.beta = np.zeros(dim)

    def forward(self, x):
        self.mu = x.mean(-1, keepdims=True)
        self.s = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        self.h = (x - self.mu) / self.s
        return self.gamma * self.h + self.beta

    def backward(self, dy):
        self.dgamma = (dy * self.h).sum(0)
        self.dbeta = dy.sum(0)
        g = dy * self.gamma
        return (
            g - g.mean(-1, keepdims=True) - self.h * (g * self.h).mean(-1, keepdims=True)
        ) / self.s


class LayerNormBad(LayerNorm):
    def backward(self, dy):
        super().backward(dy)
        return dy * self.gamma / self.s


class Log:
    def forward(self, x):
        self.x = x
        return np.log(x)

    def backward(self, dy):
        return dy / self.x


def swish(x):
    return x / (1 + np.exp(-x))


def swish_backward(dy, x):
    s = 1 / (1 + np.exp(-x))
    return dy * (s + x * s * (1 - s))


def gelu_bad(dy, x):
    return dy * x


HEALTHY = {
    "course, convolution": (conv_forward, conv_backward),
    "book, convolution": Convolution,
    "book, affine": Affine,
    "film, dense": Layer_Dense,
    "film, softmax": Activation_Softmax,
    "film, convolution with a bias of each position": Convolutional,
    "film, activation": Activation(np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "single precision": Conv32,
    "dropout": Drop,
    "dropout with a generator of its own": Drop2,
    "layer normalisation": LayerNorm,
    "logarithm": Log,
    "swish": (swish, swish_backward),
}

FAULTY = {
    "course, db assigned": ((conv_forward, conv_backward_bad), "db-last-position"),
    "course, every tied winner": ((pool_forward, pool_backward), "ties-all-win"),
    "blog, every tied winner": (MaxPool2, "ties-all-win"),
    "book, dW reshaped": (ConvolutionBad, "dw-reshaped"),
    "book, ReLU in place": (Relu, "error-overwritten"),
    "film, kernel not rotated": (ConvolutionalBad, "kernel-not-rotated"),
    "single precision, kernel not rotated": (Conv32Bad, "kernel-not-rotated"),
    "layer normalisation as if constant": (LayerNormBad, "layer-norm-constants"),
    "a slope made up": ((swish, gelu_bad), "slope-of-another"),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_code_is_not_alarmed(name):
    verdict = check_layer(HEALTHY[name])
    assert verdict.healthy, str(verdict)
    assert not verdict.diagnoses


@pytest.mark.parametrize("name", FAULTY)
def test_faulty_code_is_named_or_left_without_a_name(name):
    subject, expected = FAULTY[name]
    verdict = check_layer(subject)
    assert not verdict.healthy
    assert verdict.name == expected, str(verdict)
