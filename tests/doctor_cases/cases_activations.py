"""Activations and dropout as people wrote them: each fault beside its mended twin, as data."""

# ruff: noqa: A002, E741, N801, N802, N803, N806, N815, NPY002, RET503, RET504, RUF059, RUF100
import numpy as np


# 16: the gradient from above is overwritten with 0 or 1
class Rectifier:
    def f(self, x):
        self.y = np.maximum(0, x)
        return self.y

    forward = f

    def backward(self, g):
        g = np.where(self.y > 0, 1.0, 0.0)
        return g


class RectifierMended(Rectifier):
    def backward(self, g):
        g = g * np.where(self.y > 0, 1.0, 0.0)
        return g


# 17: the derivative at f(z), where it has to stand at z
def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


class SigmoidLayer:
    def forward(self, z):
        self.out = sigmoid(z)
        return self.out

    def backward(self, upstream):
        return upstream * sigmoid_prime(self.out)


class SigmoidLayerMended:
    def forward(self, z):
        self.inp = z
        return sigmoid(z)

    def backward(self, upstream):
        return upstream * sigmoid_prime(self.inp)


# 17: 1 - z**2 where 1 - tanh(z)**2 is meant
class Tanh:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, g):
        return g * (1 - self.x**2)


class TanhMended(Tanh):
    def backward(self, g):
        return g * (1 - np.tanh(self.x) ** 2)


# 18: forgotten
class SoftplusBare:
    def forward(self, x):
        self.x = x
        return np.log1p(np.exp(x))

    def backward(self, g):
        return g


class SoftplusMended(SoftplusBare):
    def backward(self, g):
        return g / (1 + np.exp(-self.x))


# 17: ELU: alpha·exp taken at the output
class ELU:
    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def forward(self, x):
        self.y = np.where(x > 0, x, self.alpha * (np.exp(np.minimum(x, 0)) - 1))
        return self.y

    def backward(self, dy):
        return dy * np.where(self.y > 0, 1.0, self.alpha * np.exp(self.y))


class ELUMended(ELU):
    def backward(self, dy):
        return dy * np.where(self.y > 0, 1.0, self.y + self.alpha)


# leaky ReLU whose backward is plain ReLU's
class LeakyAsReLU:
    slope = 0.2

    def forward(self, x):
        self.x = x
        return np.where(x >= 0, x, self.slope * x)

    def backward(self, dy):
        return dy * (self.x >= 0)


class LeakyMended(LeakyAsReLU):
    def backward(self, dy):
        return np.where(self.x >= 0, dy, self.slope * dy)


# 25: in place: the input of the layer below is destroyed, and so is what backward needs
class TanhInPlace:
    def forward(self, x):
        self.x = x
        np.tanh(x, out=x)
        return x

    def backward(self, g):
        return g * (1 - np.tanh(self.x) ** 2)


class TanhOwnPlace:
    def forward(self, x):
        self.x = x.copy()
        return np.tanh(x)

    def backward(self, g):
        return g * (1 - np.tanh(self.x) ** 2)


# 25: backward destroys the gradient that it was given
def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    dout[cache <= 0] = 0
    return dout


def relu_backward_mended(dout, cache):
    dx = np.array(dout, copy=True)
    dx[cache <= 0] = 0
    return dx


# 23: the sign
class SwishMinus:
    def forward(self, x):
        self.x = x
        self.s = 1 / (1 + np.exp(-x))
        return x * self.s

    def backward(self, g):
        return -g * (self.s + self.x * self.s * (1 - self.s))


class SwishMended(SwishMinus):
    def backward(self, g):
        return g * (self.s + self.x * self.s * (1 - self.s))


# 20: softmax: the diagonal of the Jacobian alone
class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, g):
        return g * self.p * (1 - self.p)


class SoftmaxMended(Softmax):
    def backward(self, g):
        out = np.empty_like(g)
        for n, (p, row) in enumerate(zip(self.p, g, strict=True)):
            out[n] = (np.diagflat(p) - np.outer(p, p)) @ row
        return out


# 31: shifted by the maximum of everything
class SoftmaxGlobalShift(SoftmaxMended):
    def forward(self, x):
        e = np.exp(x - np.max(x))
        self.p = e / np.sum(e, axis=1, keepdims=True)
        return self.p


# 12: normalised over the batch as well
class SoftmaxOverAll:
    def forward(self, x):
        e = np.exp(x - np.max(x))
        self.p = e / np.sum(e)
        return self.p

    def backward(self, g):
        return self.p * (g - np.sum(g * self.p))


# dropout with a stored mask, inverted: backward forgets the scale, or the mask
class Dropout:
    def __init__(self, p=0.3):
        self.p = p

    def forward(self, x):
        self.mask = np.random.rand(*x.shape) > self.p
        return x * self.mask / (1 - self.p)

    def backward(self, dy):
        return dy * self.mask


class DropoutNoMask(Dropout):
    def backward(self, dy):
        return dy


class DropoutMended(Dropout):
    def backward(self, dy):
        return dy * self.mask / (1 - self.p)
