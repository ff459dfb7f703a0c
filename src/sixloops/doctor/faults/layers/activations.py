"""Activations, sound and not."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class ReLU:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, grad_output):
        return grad_output * (self.x > 0)


class ReLUOnOutput(ReLU):
    """Sound too: the mask is taken on the output."""

    def forward(self, x):
        self.y = np.maximum(x, 0)
        return self.y

    def backward(self, grad_output):
        return np.where(self.y > 0, grad_output, 0)


class ReLUDropsError(ReLU):
    def backward(self, grad_output):
        return (self.x > 0).astype(float)


class ReLUOfError(ReLU):
    def backward(self, grad_output):
        return np.maximum(grad_output, 0)


class ReLUInverted(ReLU):
    def backward(self, grad_output):
        return grad_output * (self.x <= 0)


class ReLUReturnsInput(ReLU):
    def backward(self, grad_output):
        return self.x


class ReLUInPlace(ReLU):
    def forward(self, x):
        self.x = x
        x[x < 0] = 0
        return x


class ReLUSpoilsError(ReLU):
    def backward(self, grad_output):
        grad_output[self.x <= 0] = 0
        return grad_output


class LeakyReLU:
    def __init__(self, alpha=0.1):
        self.alpha = alpha

    def __call__(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha * x)

    def gradient(self, dy):
        return np.where(self.x > 0, dy, self.alpha * dy)


class LeakyReLUForgotten(LeakyReLU):
    def gradient(self, dy):
        return np.where(self.x > 0, dy, 0)


class LeakyReLUWithoutError(LeakyReLU):
    def gradient(self, dy):
        return np.where(self.x > 0, dy, self.alpha)


def sigmoid_forward(Z):
    return sigmoid(Z), Z


def sigmoid_backward(dA, cache):
    s = sigmoid(cache)
    return dA * s * (1 - s)


def sigmoid_backward_at_output(dA, cache):
    s = sigmoid(sigmoid(cache))
    return dA * s * (1 - s)


def sigmoid_backward_of_input(dA, cache):
    return dA * cache * (1 - cache)


def sigmoid_backward_forgotten(dA, cache):
    return dA


def sigmoid_backward_as_tanh(dA, cache):
    return dA * (1 - sigmoid(cache) ** 2)


def sigmoid_prime(z):
    """The slope alone, as in Nielsen's book."""
    return sigmoid(z) * (1 - sigmoid(z))


def sigmoid_prime_of_output(z):
    s = sigmoid(sigmoid(z))
    return s * (1 - s)


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y**2)


class TanhNotSquared(Tanh):
    def backward(self, dy):
        return dy * (1 - self.y)


class TanhTwice(Tanh):
    def backward(self, dy):
        return dy * (1 - self.y**2) ** 2


class TanhOfOutput(Tanh):
    def backward(self, dy):
        return dy * (1 - np.tanh(self.y) ** 2)


class Softmax:
    """Rows are samples."""

    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return self.y

    def backward(self, dy):
        return self.y * (dy - (dy * self.y).sum(axis=1, keepdims=True))


class SoftmaxDiagonal(Softmax):
    def backward(self, dy):
        return dy * self.y * (1 - self.y)


class SoftmaxTwice(Softmax):
    def forward(self, x):
        self.first = super().forward(x)
        return super().forward(self.first)

    def backward(self, dy):
        inner = super().backward(dy)
        self.y = self.first
        return super().backward(inner)


class Flatten:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy):
        return dy.reshape(self.shape)


class FlattenByColumns(Flatten):
    def backward(self, dy):
        n, c, h, w = self.shape
        return dy.reshape(n, c, w, h).swapaxes(2, 3)
