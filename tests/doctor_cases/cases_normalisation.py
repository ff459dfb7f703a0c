"""Batch normalisation as people wrote it: each fault beside its mended twin, as data."""

# ruff: noqa: A002, E741, N801, N802, N803, N806, N815, NPY002, RET503, RET504, RUF059, RUF100
import numpy as np


# 24: dX as though mean and variance did not depend on x
class BatchNorm:
    def __init__(self, D=4, momentum=0.9, eps=1e-5):
        self.gamma, self.beta = np.random.rand(D) + 0.5, np.zeros(D)
        self.running_mean, self.running_var = np.zeros(D), np.ones(D)
        self.momentum, self.eps = momentum, eps

    def forward(self, x, training=True):
        if training:
            mu, var = x.mean(axis=0), x.var(axis=0)
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        else:
            mu, var = self.running_mean, self.running_var
        self.std = np.sqrt(var + self.eps)
        self.xhat = (x - mu) / self.std
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        self.dgamma = np.sum(dout * self.xhat, axis=0)
        self.dbeta = np.sum(dout, axis=0)
        return dout * self.gamma / self.std


class BatchNormMended(BatchNorm):
    def backward(self, dout):
        super().backward(dout)
        m = len(dout)
        d = dout * self.gamma
        return (m * d - d.sum(0) - self.xhat * (d * self.xhat).sum(0)) / (m * self.std)


# 24: the mean's part is there, the variance's is not; channels last, functions
def bn_forward(x, gamma, beta, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    mu = np.mean(x, axes)
    ivar = 1.0 / np.sqrt(np.var(x, axes) + eps)
    xhat = (x - mu) * ivar
    return gamma * xhat + beta, (xhat, gamma, ivar, axes)


def bn_backward(dy, cache):
    xhat, gamma, ivar, axes = cache
    dxhat = dy * gamma
    dx = ivar * (dxhat - dxhat.mean(axes))
    return dx, (dy * xhat).sum(axes), dy.sum(axes)


def bn_backward_mended(dy, cache):
    xhat, gamma, ivar, axes = cache
    dxhat = dy * gamma
    dx = ivar * (dxhat - dxhat.mean(axes) - xhat * (dxhat * xhat).mean(axes))
    return dx, (dy * xhat).sum(axes), dy.sum(axes)


# 24: in a convolutional network, channels first
class BatchNorm2d:
    def __init__(self, ch=3):
        self.g = np.ones((1, ch, 1, 1)) * 1.3
        self.b = np.zeros((1, ch, 1, 1))

    def forward(self, x):
        self.m = x.mean((0, 2, 3), keepdims=True)
        self.v = x.var((0, 2, 3), keepdims=True)
        self.n = (x - self.m) / np.sqrt(self.v + 1e-5)
        return self.g * self.n + self.b

    def backward(self, dy):
        self.dg = (dy * self.n).sum((0, 2, 3), keepdims=True)
        self.db = dy.sum((0, 2, 3), keepdims=True)
        return dy * self.g / np.sqrt(self.v + 1e-5)


class BatchNorm2dMended(BatchNorm2d):
    def backward(self, dy):
        super().backward(dy)
        M = dy.size / dy.shape[1]
        return self.g / np.sqrt(self.v + 1e-5) * (dy - self.db / M - self.n * self.dg / M)
