# ruff: noqa: N803, N806, NPY002, A001, A002, D400, D415, RUF059
"""Healthy layers of many kinds, none written for the doctor: none may be alarmed."""

import numpy as np
import pytest

from sixloops.doctor import check_layer


class BN:
    def __init__(self, num_features=5, eps=1e-5, momentum=0.9):
        self.gamma = np.ones(num_features)
        self.beta = np.zeros(num_features)
        self.running_mean = np.zeros(num_features)
        self.running_var = np.ones(num_features)
        self.eps = eps
        self.m = momentum
        self.training = True

    def forward(self, x):
        if self.training:
            mu = x.mean(0)
            v = x.var(0)
            self.running_mean = self.m * self.running_mean + (1 - self.m) * mu
            self.running_var = self.m * self.running_var + (1 - self.m) * v
        else:
            mu, v = self.running_mean, self.running_var
        self.std = np.sqrt(v + self.eps)
        self.xh = (x - mu) / self.std
        return self.gamma * self.xh + self.beta

    def backward(self, dy):
        self.dgamma = (dy * self.xh).sum(0)
        self.dbeta = dy.sum(0)
        n = len(dy)
        return self.gamma / self.std / n * (n * dy - self.dbeta - self.xh * self.dgamma)


class EvenTies:
    def forward(self, x):
        n, c, h, w = x.shape
        self.b = x.reshape(n, c, h // 2, 2, w // 2, 2)
        self.o = self.b.max((3, 5), keepdims=True)
        return self.o[:, :, :, 0, :, 0]

    def backward(self, dy):
        m = self.b == self.o
        m = m / m.sum((3, 5), keepdims=True)
        return (m * dy[:, :, :, None, :, None]).reshape(
            self.b.shape[0], self.b.shape[1], -1, self.b.shape[4] * 2
        )


class MomentumDense:
    def __init__(self, n_in, n_out, lr=0.1):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.zeros(n_out)
        self.vW = np.zeros_like(self.W)
        self.vb = np.zeros(n_out)
        self.lr = lr

    def forward(self, X):
        self.X = X
        return X @ self.W + self.b

    def backward(self, dZ):
        self.dW = self.X.T @ dZ
        self.db = dZ.sum(0)
        return dZ @ self.W.T

    def update(self):
        self.vW = 0.9 * self.vW + self.dW
        self.W -= self.lr * self.vW


class PReLU:
    def __init__(self):
        self.a = np.array([0.25])

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.a * x)

    def backward(self, dy):
        self.da = np.array([(dy * self.x * (self.x <= 0)).sum()])
        return np.where(self.x > 0, dy, self.a * dy)


class Up:
    def forward(self, x):
        return x.repeat(2, 2).repeat(2, 3)

    def backward(self, dy):
        n, c, h, w = dy.shape
        return dy.reshape(n, c, h // 2, 2, w // 2, 2).sum((3, 5))


class Pad:
    def forward(self, x):
        return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))

    def backward(self, dy):
        return dy[:, :, 1:-1, 1:-1]


class GAP:
    def forward(self, x):
        self.s = x.shape
        return x.mean((2, 3))

    def backward(self, dy):
        return np.broadcast_to(dy[:, :, None, None], self.s) / (self.s[2] * self.s[3])


class Lazy:
    def __init__(self, units=4):
        self.units = units
        self.W = None

    def forward(self, x):
        if self.W is None:
            self.W = np.random.randn(x.shape[1], self.units)
            self.b = np.zeros(self.units)
        self.x = x
        return np.tanh(x @ self.W + self.b)

    def backward(self, dy):
        dz = dy * (1 - np.tanh(self.x @ self.W + self.b) ** 2)
        return dz @ self.W.T, self.x.T @ dz, dz.sum(0)


class Stack:
    """popped cache"""

    def __init__(self):
        self.c = []

    def forward(self, x):
        self.c.append(x)
        return np.maximum(x, 0)

    def backward(self, dy):
        x = self.c.pop()
        return dy * (x > 0)


class ConvCHW:
    def __init__(self, filters, c, k):
        self.f = np.random.randn(filters, c, k, k)
        self.lr = 0.01

    def forward(self, image):
        self.x = image
        k = self.f.shape[2]
        v = np.lib.stride_tricks.sliding_window_view(image, (k, k), axis=(1, 2))
        return np.maximum(np.einsum("cijuv,fcuv->fij", v, self.f), 0)

    def backward(self, dout):
        k = self.f.shape[2]
        v = np.lib.stride_tricks.sliding_window_view(self.x, (k, k), axis=(1, 2))
        z = np.einsum("cijuv,fcuv->fij", v, self.f)
        d = dout * (z > 0)
        dx = np.zeros_like(self.x)
        for i, j in np.ndindex(*d.shape[1:]):
            dx[:, i : i + k, j : j + k] += np.einsum("f,fcuv->cuv", d[:, i, j], self.f)
        self.f -= self.lr * np.einsum("fij,cijuv->fcuv", d, v)
        return dx


class Depthwise:
    def __init__(self, channels=3, k=3):
        self.w = np.random.randn(channels, k, k)

    def forward(self, x):
        self.x = x
        self.v = np.lib.stride_tricks.sliding_window_view(x, self.w.shape[1:], axis=(2, 3))
        return np.einsum("ncijuv,cuv->ncij", self.v, self.w)

    def backward(self, dy):
        self.dw = np.einsum("ncij,ncijuv->cuv", dy, self.v)
        dx = np.zeros_like(self.x)
        k = self.w.shape[1]
        for i, j in np.ndindex(*dy.shape[2:]):
            dx[:, :, i : i + k, j : j + k] += dy[:, :, i, j][:, :, None, None] * self.w
        return dx


class Soft1:
    def forward(self, x):
        e = np.exp(x - x.max())
        self.y = e / e.sum()
        return self.y

    def backward(self, dy):
        return (np.diag(self.y) - np.outer(self.y, self.y)) @ dy


class DenseCol:
    def __init__(self, n_in, n_out):
        i, o = n_in, n_out
        self.w = np.random.randn(o, i)
        self.b = np.random.randn(o, 1)

    def forward(self, x):
        self.x = x
        return self.w @ x + self.b

    def backward(self, g, lr):
        gi = self.w.T @ g
        self.w -= lr * g @ self.x.T
        self.b -= lr * g.sum(1, keepdims=True)
        return gi


class DenseCol1(DenseCol):
    """a single column only: bias without a sum (Independent Code)"""

    def backward(self, g, lr):
        gi = self.w.T @ g
        self.w -= lr * np.dot(g, self.x.T)
        self.b -= lr * g
        return gi


class FlatDense:
    """Zhou's Softmax layer input flattened"""

    def __init__(self, input_len, nodes):
        self.weights = np.random.randn(input_len, nodes) / input_len
        self.biases = np.zeros(nodes)

    def forward(self, input):
        self.shape = input.shape
        input = input.flatten()
        self.i = input
        return input @ self.weights + self.biases

    def backprop(self, d_L_d_out, learn_rate):
        dw = self.i[None].T @ d_L_d_out[None]
        di = self.weights @ d_L_d_out
        self.weights -= learn_rate * dw
        self.biases -= learn_rate * d_L_d_out
        return di.reshape(self.shape)


def max_pool_forward_naive(x, pool_param):
    N, C, H, W = x.shape
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    o = np.zeros((N, C, 1 + (H - ph) // s, 1 + (W - pw) // s))
    for n, c, i, j in np.ndindex(*o.shape):
        o[n, c, i, j] = x[n, c, i * s : i * s + ph, j * s : j * s + pw].max()
    return o, (x, pool_param)


def max_pool_backward_naive(dout, cache):
    x, p = cache
    ph, pw, s = p["pool_height"], p["pool_width"], p["stride"]
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        q = x[n, c, i * s : i * s + ph, j * s : j * s + pw]
        a, b = np.unravel_index(q.argmax(), q.shape)
        dx[n, c, i * s + a, j * s + b] += dout[n, c, i, j]
    return dx


def affine_relu_forward(x, w, b):
    a = x.reshape(len(x), -1) @ w + b
    return np.maximum(a, 0), (x, w, b, a)


def affine_relu_backward(dout, cache):
    x, w, b, a = cache
    d = dout * (a > 0)
    return (d @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ d, d.sum(0)


class Scale3:
    def forward(self, x):
        return 3 * x

    def backward(self, dy):
        return 3 * dy


class Sqrt:
    def forward(self, x):
        self.y = np.sqrt(x)
        return self.y

    def backward(self, dy):
        return dy / (2 * self.y)


class Transp:
    def __init__(self, in_channels, out_channels):
        self.W = np.random.randn(in_channels, out_channels, 2, 2)

    def forward(self, x):
        self.x = x
        n, c, h, w = x.shape
        return np.einsum("ncij,cfuv->nfiujv", x, self.W).reshape(n, -1, 2 * h, 2 * w)

    def backward(self, dy):
        n, c, h, w = self.x.shape
        d = dy.reshape(n, -1, h, 2, w, 2)
        self.dW = np.einsum("ncij,nfiujv->cfuv", self.x, d)
        return np.einsum("nfiujv,cfuv->ncij", d, self.W)


HEALTHY = {
    "batch normalisation with running values": BN,
    "tied winners share": EvenTies,
    "momentum": MomentumDense,
    "learnt slope": PReLU,
    "upsampling": Up,
    "padding": Pad,
    "global mean": GAP,
    "arrays made in the first forward": Lazy,
    "a stack of inputs": Stack,
    "one image, updates itself": ConvCHW,
    "depthwise": Depthwise,
    "softmax of one vector": Soft1,
    "columns": DenseCol,
    "a single column": DenseCol1,
    "flattens inside": FlatDense,
    "settings in a dictionary": (max_pool_forward_naive, max_pool_backward_naive),
    "two in one": (affine_relu_forward, affine_relu_backward),
    "scaling": Scale3,
    "square root": Sqrt,
    "transposed convolution": Transp,
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_code_is_not_alarmed(name):
    verdict = check_layer(HEALTHY[name])
    assert verdict.healthy, str(verdict)
    assert not verdict.diagnoses
