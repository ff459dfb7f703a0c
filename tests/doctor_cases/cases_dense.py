"""Dense layers as people wrote them: each fault beside its mended twin; plain NumPy, as data."""

# ruff: noqa: A002, E741, N801, N802, N803, N806, N815, NPY002, RET503, RET504, RUF059, RUF100
import numpy as np


def sig(t):
    return 1 / (1 + np.exp(-t))


# 14: one number for all biases
class Linear:
    def __init__(self, n_in=5, n_out=3):
        self.weight = np.random.normal(0, 0.5, (n_out, n_in))
        self.bias = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x.dot(self.weight.T) + self.bias

    def bias_grad(self, d):
        return np.sum(d) * np.ones(self.bias.shape)

    def backward(self, d):
        self.grad_weight = d.T.dot(self.x)
        self.grad_bias = self.bias_grad(d)
        return d.dot(self.weight)


class LinearMended(Linear):
    def bias_grad(self, d):
        return d.sum(axis=0)


# 15: the bias is never updated; learning rate in backward, batch last
class ColumnDense:
    def __init__(self, inputs=4, units=3, eta=0.1):
        self.W = np.random.randn(units, inputs)
        self.b = np.random.randn(units, 1)
        self.eta = eta

    def forward(self, A):
        self.A = A
        return self.W @ A + self.b

    def update(self, dW, db):
        self.W = self.W - self.eta * dW

    def backward(self, dZ):
        dA = self.W.T @ dZ
        self.update(dZ @ self.A.T, dZ.sum(axis=1, keepdims=True))
        return dA


class ColumnDenseMended(ColumnDense):
    def update(self, dW, db):
        self.W = self.W - self.eta * dW
        self.b = self.b - self.eta * db


# 17: dense and sigmoid in one; the derivative sigma(a)(1 - sigma(a)) of the activation a
class DenseSigmoid:
    def __init__(self, fan_in=4, fan_out=3):
        self.weights = np.random.randn(fan_in, fan_out)
        self.biases = np.random.randn(1, fan_out)

    def forward(self, inputs):
        self.inputs = inputs
        self.z = inputs @ self.weights + self.biases
        self.a = sig(self.z)
        return self.a

    def slope(self):
        return sig(self.a) * (1 - sig(self.a))

    def backward(self, grad):
        delta = grad * self.slope()
        self.dweights = self.inputs.T @ delta
        self.dbiases = np.sum(delta, axis=0, keepdims=True)
        return delta @ self.weights.T


class DenseSigmoidMended(DenseSigmoid):
    def slope(self):
        return self.a * (1 - self.a)


# 18: the same layer, the derivative forgotten
class DenseSigmoidBare(DenseSigmoid):
    def slope(self):
        return 1.0


# 17: tanh's derivative taken twice, in a layer with functions
def tanh_layer(x, W, b):
    h = np.tanh(x @ W + b)
    return h, (x, W, h)


def tanh_layer_back(dh, cache):
    x, W, h = cache
    dz = dh * (1 - h**2) * (1 - h**2)
    return dz @ W.T, x.T @ dz, dz.sum(0)


def tanh_layer_back_mended(dh, cache):
    x, W, h = cache
    dz = dh * (1 - h * h)
    return dz @ W.T, x.T @ dz, dz.sum(0)


# 19: updated before it is used; a single sample, a column
class OnlineDense:
    def __init__(self, n=3, m=5, lr=0.2):
        self.w = np.random.uniform(-0.5, 0.5, (n, m))
        self.b = np.zeros((n, 1))
        self.lr = lr

    def forward(self, x):
        self.x = x
        return self.b + self.w @ x

    def backward(self, delta):
        self.w += -self.lr * delta @ np.transpose(self.x)
        self.b += -self.lr * delta
        return np.transpose(self.w) @ delta


class OnlineDenseMended(OnlineDense):
    def backward(self, delta):
        below = np.transpose(self.w) @ delta
        self.w += -self.lr * delta @ np.transpose(self.x)
        self.b += -self.lr * delta
        return below


# 26: returns its input
class ReturnsInput:
    def __init__(self):
        self.W = np.random.randn(4, 4)

    def forward(self, x):
        self.inp = x
        return x @ self.W

    def backward(self, grad_out):
        self.dW = self.inp.T @ grad_out
        self.dinp = grad_out @ self.W.T
        return self.inp


class ReturnsInputMended(ReturnsInput):
    def backward(self, grad_out):
        super().backward(grad_out)
        return self.dinp


# 29: += on gradients that nobody clears
class Piling:
    def __init__(self):
        self.W = np.random.randn(5, 3)
        self.b = np.zeros(3)
        self.dW = np.zeros((5, 3))
        self.db = np.zeros(3)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW += self.x.T @ dy
        self.db += dy.sum(0)
        return dy @ self.W.T


class PilingMended(Piling):
    def backward(self, dy):
        self.dW = np.zeros_like(self.W)
        self.db = np.zeros_like(self.b)
        return super().backward(dy)


class PilingWithZeroGrad(Piling):
    """Healthy: gradients pile up until they are cleared, as PyTorch's do."""

    def zero_grad(self):
        self.dW[:] = 0
        self.db[:] = 0


# 22: gradients of a column-wise layer divided by m twice over: W's only
def linear_forward(A, W, b):
    return np.dot(W, A) + b, (A, W, b)


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    dW = np.dot(dZ, A_prev.T) / m
    db = np.sum(dZ, axis=1, keepdims=True) / m
    return np.dot(W.T, dZ), dW, db


def linear_backward_mended(dZ, cache):
    A_prev, W, b = cache
    dW = np.dot(dZ, A_prev.T)
    db = np.sum(dZ, axis=1, keepdims=True)
    return np.dot(W.T, dZ), dW, db


# 23: the sign of one gradient
class MinusDense:
    def __init__(self):
        self.W = np.random.randn(6, 2)

    def forward(self, X):
        self.X = X
        return X @ self.W

    def backward(self, error):
        self.dW = -self.X.T @ error
        return error @ self.W.T


class MinusDenseMended(MinusDense):
    def backward(self, error):
        self.dW = self.X.T @ error
        return error @ self.W.T


# dX by W where it is W transposed; right in shape for a square matrix only
class Untransposed:
    def __init__(self, units=4):
        self.w = np.random.randn(units, units)

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, g):
        self.dw = self.x.T @ g
        return g @ self.w


class UntransposedMended(Untransposed):
    def backward(self, g):
        self.dw = self.x.T @ g
        return g @ self.w.T


# 25: leaky ReLU in place on z in a dense layer, whose mask is taken after it
class DenseLeaky:
    def __init__(self):
        self.W = np.random.randn(5, 4)

    def forward(self, x):
        self.x = x
        self.z = x @ self.W
        self.z[self.z < 0] *= 0.1
        return self.z

    def backward(self, dy):
        dz = np.where(self.z > 0, dy, 0.01 * dy)
        self.dW = self.x.T @ dz
        return dz @ self.W.T


class DenseLeakyMended(DenseLeaky):
    def backward(self, dy):
        dz = np.where(self.z > 0, dy, 0.1 * dy)
        self.dW = self.x.T @ dz
        return dz @ self.W.T


# flattening, whose backward folds in Fortran's order
class FlattenF:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(x.shape[0], -1)

    def backward(self, d):
        return d.reshape(self.shape, order="F")


class FlattenMended(FlattenF):
    def backward(self, d):
        return d.reshape(self.shape)


# healthy: everything in Fortran's order, batch last
class FlattenBatchLast:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(-1, x.shape[-1], order="F")

    def backward(self, d):
        return d.reshape(self.shape, order="F")


# the shortcut's gradient is forgotten
class ResidualTanh:
    def forward(self, x):
        self.t = np.tanh(x)
        return x + self.t

    def backward(self, dy):
        return dy * (1 - self.t**2)


class ResidualTanhMended(ResidualTanh):
    def backward(self, dy):
        return dy + dy * (1 - self.t**2)
