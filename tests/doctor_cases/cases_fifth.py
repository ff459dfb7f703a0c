"""One more draw of strangers' code: weights as matrices, blocks of several steps, odd layers."""

# ruff: noqa: A002, B023, E741, N801, N802, N803, N806, N815, NPY002, RET503, RET504, RUF059, RUF100
import numpy as np


# 2: im2col with a matrix of weights, channels last; col2im assigns
class MatrixConv:
    def __init__(self, k=3, cin=2, cout=4):
        self.k = k
        self.W = np.random.randn(k * k * cin, cout) * 0.1
        self.b = np.zeros(cout)

    def forward(self, x):
        k, (n, h, w, _) = self.k, x.shape
        self.shape, self.oh, self.ow = x.shape, h - k + 1, w - k + 1
        rows = [
            x[:, i : i + k, j : j + k].reshape(n, -1)
            for i in range(self.oh)
            for j in range(self.ow)
        ]
        self.cols = np.stack(rows, axis=1)
        return (self.cols @ self.W + self.b).reshape(n, self.oh, self.ow, -1)

    def add(self, place, patch):
        place[...] = patch

    def backward(self, dout):
        k, (n, _, _, c) = self.k, self.shape
        d = dout.reshape(n, self.oh * self.ow, -1)
        self.dW = np.tensordot(self.cols, d, axes=([0, 1], [0, 1]))
        self.db = d.sum(axis=(0, 1))
        dcols, dx = d @ self.W.T, np.zeros(self.shape)
        for r in range(self.oh * self.ow):
            i, j = divmod(r, self.ow)
            self.add(dx[:, i : i + k, j : j + k], dcols[:, r].reshape(n, k, k, c))
        return dx


class MatrixConvMended(MatrixConv):
    def add(self, place, patch):
        place[...] += patch


# 0: maxout of pairs, whose error goes to both
class Maxout:
    def forward(self, z):
        self.pairs = z.reshape(len(z), -1, 2)
        return self.pairs.max(axis=2)

    def chosen(self):
        return np.ones_like(self.pairs)

    def backward(self, g):
        return (self.chosen() * g[:, :, None]).reshape(len(g), -1)


class MaxoutMended(Maxout):
    def chosen(self):
        first = self.pairs[:, :, 0] >= self.pairs[:, :, 1]
        return np.stack([first, ~first], axis=2)


# 23: Huber's loss with the sign of the error lost in its linear part
class Huber:
    def forward(self, pred, target):
        self.e = pred - target
        a = np.abs(self.e)
        return np.where(a <= 1, 0.5 * self.e**2, a - 0.5).mean()

    def linear(self):
        return np.ones_like(self.e)

    def backward(self):
        return np.where(np.abs(self.e) <= 1, self.e, self.linear()) / self.e.size


class HuberMended(Huber):
    def linear(self):
        return np.sign(self.e)


# 16: a learnt leak, whose own gradient has no error in it
class PReLU:
    def __init__(self):
        self.alpha = np.array([0.25])

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha * x)

    def error(self, dy):
        return np.ones_like(dy)

    def backward(self, dy):
        self.dalpha = np.array([(self.error(dy) * np.minimum(self.x, 0)).sum()])
        return np.where(self.x > 0, dy, self.alpha * dy)


class PReLUMended(PReLU):
    def error(self, dy):
        return dy


# 24: rows brought to length 1, as if the length were a constant
class UnitRows:
    def forward(self, v):
        self.norm = np.sqrt((v * v).sum(axis=1, keepdims=True))
        self.u = v / self.norm
        return self.u

    def backward(self, dy):
        return dy / self.norm


class UnitRowsMended(UnitRows):
    def backward(self, dy):
        return (dy - self.u * (dy * self.u).sum(axis=1, keepdims=True)) / self.norm


# 0: the bias as one more row of the weights; dX keeps the column of ones
class BiasTrick:
    def __init__(self, n_in=4, n_out=3):
        self.W = np.random.randn(n_in + 1, n_out)

    def forward(self, X):
        self.X1 = np.hstack([X, np.ones((len(X), 1))])
        return self.X1 @ self.W

    def backward(self, dY):
        self.dW = self.X1.T @ dY
        return dY @ self.W.T


class BiasTrickMended(BiasTrick):
    def backward(self, dY):
        return super().backward(dY)[:, :-1]


# 1: means along a line with overlapping windows, divided by the stride
class Smooth:
    def __init__(self, width=3, step=2):
        self.width, self.step = width, step

    def forward(self, seq):
        self.seq = seq
        count = (seq.shape[1] - self.width) // self.step + 1
        parts = [seq[:, i * self.step : i * self.step + self.width] for i in range(count)]
        return np.stack([part.mean(axis=1) for part in parts], axis=1)

    def share(self):
        return self.step

    def backward(self, d):
        out = np.zeros_like(self.seq)
        for i in range(d.shape[1]):
            start = i * self.step
            out[:, start : start + self.width] += d[:, i : i + 1] / self.share()
        return out


class SmoothMended(Smooth):
    def share(self):
        return self.width


# 18: convolution, ReLU and pooling in one block; ReLU is forgotten on the way back
class Block:
    def __init__(self, in_channels=1, filters=3):
        self.W = np.random.randn(filters, in_channels, 3, 3)
        self.b = np.random.randn(filters)

    def forward(self, x):
        self.x = x
        win = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
        self.z = np.einsum("ncijuv,fcuv->nfij", win, self.W) + self.b[:, None, None]
        a = np.maximum(self.z, 0)
        n, f, h, w = a.shape
        cells = a.reshape(n, f, h // 2, 2, w // 2, 2)
        self.p = cells.max(axis=(3, 5))
        self.mask = cells == self.p[:, :, :, None, :, None]
        return self.p

    def through_relu(self, da):
        return da

    def backward(self, dp):
        da = (self.mask * dp[:, :, :, None, :, None]).reshape(self.z.shape)
        dz = self.through_relu(da)
        win = np.lib.stride_tricks.sliding_window_view(self.x, (3, 3), axis=(2, 3))
        self.dW, self.db = np.einsum("nfij,ncijuv->fcuv", dz, win), dz.sum(axis=(0, 2, 3))
        dx = np.zeros_like(self.x)
        h, w = dz.shape[2:]
        for u in range(3):
            for v in range(3):
                back = np.einsum("nfij,fc->ncij", dz, self.W[:, :, u, v])
                dx[:, :, u : u + h, v : v + w] += back
        return dx


class BlockMended(Block):
    def through_relu(self, da):
        return da * (self.z > 0)


# 14: batch normalisation of maps; beta's gradient is one number for all channels
class NormMaps:
    def __init__(self, c=3):
        self.gamma, self.beta = np.ones((1, c, 1, 1)), np.zeros((1, c, 1, 1))

    def forward(self, x):
        self.std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + 1e-5)
        self.hat = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / self.std
        return self.gamma * self.hat + self.beta

    def for_beta(self, dy):
        return np.full_like(self.beta, dy.sum())

    def backward(self, dy):
        self.dgamma = (dy * self.hat).sum(axis=(0, 2, 3), keepdims=True)
        self.dbeta = self.for_beta(dy)
        u = dy * self.gamma
        mean = u.mean(axis=(0, 2, 3), keepdims=True)
        along = (u * self.hat).mean(axis=(0, 2, 3), keepdims=True)
        return (u - mean - self.hat * along) / self.std


class NormMapsMended(NormMaps):
    def for_beta(self, dy):
        return dy.sum(axis=(0, 2, 3), keepdims=True)


# 1: global average and a dense head in one; the error is not shared out over the pixels
class PooledHead:
    def __init__(self, channels=3, classes=5):
        self.w = np.random.randn(channels, classes)

    def forward(self, maps):
        self.shape = maps.shape
        self.mean = maps.mean(axis=(2, 3))
        return self.mean @ self.w

    def share(self, d):
        return d

    def backward(self, dy):
        self.dw = self.mean.T @ dy
        d = self.share(dy @ self.w.T)
        return np.broadcast_to(d[:, :, None, None], self.shape).copy()


class PooledHeadMended(PooledHead):
    def share(self, d):
        return d / (self.shape[2] * self.shape[3])


# 9: a list of neurons, each with its own weights; the errors of all but the last are lost
class Neuron:
    def __init__(self, inputs):
        self.weights = np.random.randn(inputs)
        self.d_weights = np.zeros(inputs)

    def fire(self, x):
        self.x = x
        return float(self.weights @ x)

    def back(self, d):
        self.d_weights = d * self.x
        return d * self.weights


class Neurons:
    def __init__(self, inputs=5, count=3):
        self.neurons = [Neuron(inputs) for _ in range(count)]

    def forward(self, x):
        return np.array([neuron.fire(x) for neuron in self.neurons])

    def backward(self, dy):
        dx = np.zeros_like(self.neurons[0].weights)
        for neuron, d in zip(self.neurons, dy, strict=True):
            dx = neuron.back(d)
        return dx


class NeuronsMended(Neurons):
    def backward(self, dy):
        return sum(neuron.back(d) for neuron, d in zip(self.neurons, dy, strict=True))


# 20: the logarithm of softmax, whose sum over the errors was left out
def log_softmax(z):
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def log_softmax_backward(dy, y):
    return dy - np.exp(y)


def log_softmax_backward_mended(dy, y):
    return dy - np.exp(y) * dy.sum(axis=1, keepdims=True)
