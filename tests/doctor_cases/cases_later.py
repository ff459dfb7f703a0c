"""Cases written when the doctor was finished: each fault beside its mended twin, as data."""

# ruff: noqa: A002, E741, N801, N802, N803, N806, N815, NPY002, RET503, RET504, RUF059, RUF100
import numpy as np


# 17: softmax and cross-entropy from a book: backward takes the output and the labels
class Activation_Softmax_Loss:
    def forward(self, inputs, y_true):
        exp_values = np.exp(inputs - np.max(inputs, axis=1, keepdims=True))
        self.output = exp_values / np.sum(exp_values, axis=1, keepdims=True)
        picked = self.output[range(len(inputs)), y_true]
        return np.mean(-np.log(np.clip(picked, 1e-7, 1 - 1e-7)))

    def backward(self, dvalues, y_true):
        self.dinputs = self.output.copy()
        self.dinputs[range(len(self.output)), y_true] -= 1
        return self.dinputs


class Activation_Softmax_LossMended(Activation_Softmax_Loss):
    def backward(self, dvalues, y_true):
        self.dinputs = super().backward(dvalues, y_true) / len(self.output)
        return self.dinputs


# 9: transposed weights in a strided convolution, channels last, columns of a matrix
class StridedHWC:
    def __init__(self, filters=5, stride=2):
        self.kernels = np.random.randn(filters, 3, 3, 2) * 0.2
        self.offsets = np.zeros(filters)
        self.stride = stride

    def patches(self, a):
        s = self.stride
        for r in range((a.shape[0] - 3) // s + 1):
            for c in range((a.shape[1] - 3) // s + 1):
                yield r, c, a[r * s : r * s + 3, c * s : c * s + 3, :]

    def forward(self, a):
        self.a = a
        s = self.stride
        out = np.zeros(((a.shape[0] - 3) // s + 1, (a.shape[1] - 3) // s + 1, len(self.kernels)))
        for r, c, patch in self.patches(a):
            out[r, c] = [np.sum(patch * k) for k in self.kernels] + self.offsets
        return out

    def place(self, kernel):
        return kernel.transpose(1, 0, 2)

    def backward(self, delta):
        below = np.zeros_like(self.a)
        self.grad_kernels = np.zeros_like(self.kernels)
        self.grad_offsets = np.einsum("rck->k", delta)
        for r, c, patch in self.patches(self.a):
            y, x = r * self.stride, c * self.stride
            for k in range(len(self.kernels)):
                self.grad_kernels[k] += delta[r, c, k] * patch
                below[y : y + 3, x : x + 3, :] += delta[r, c, k] * self.place(self.kernels[k])
        return below


class StridedHWCMended(StridedHWC):
    def place(self, kernel):
        return kernel


# 13: a dense layer, one sample after another, dW overwritten
class SampleWise:
    def __init__(self, inp=4, out=3):
        self.w = np.random.randn(inp, out)
        self.b = np.random.randn(out)

    def forward(self, batch):
        self.batch = batch
        return np.array([row @ self.w + self.b for row in batch])

    def backward(self, grads):
        self.db = np.zeros_like(self.b)
        out = []
        for row, g in zip(self.batch, grads, strict=True):
            self.dw = np.outer(row, g)
            self.db += g
            out.append(self.w @ g)
        return np.array(out)


class SampleWiseMended(SampleWise):
    def backward(self, grads):
        out = super().backward(grads)
        self.dw = sum(np.outer(row, g) for row, g in zip(self.batch, grads, strict=True))
        return out


# 16: leaky ReLU returning slopes
class LeakyMask:
    def __init__(self, alpha=0.05):
        self.alpha = alpha

    def forward(self, z):
        self.dz = np.ones_like(z)
        self.dz[z < 0] = self.alpha
        return np.where(z < 0, self.alpha * z, z)

    def backward(self, grad):
        return self.dz


class LeakyMaskMended(LeakyMask):
    def backward(self, grad):
        return grad * self.dz


# 1: mean pooling with a stride of its own, divided by the stride squared
class AvgStride:
    def forward(self, x):
        self.shape = x.shape
        n, c, h, w = x.shape
        out = np.zeros((n, c, (h - 3) // 2 + 1, (w - 3) // 2 + 1))
        for i in range(out.shape[2]):
            for j in range(out.shape[3]):
                out[:, :, i, j] = x[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].mean((2, 3))
        return out

    def share(self, d):
        return d / 4

    def backward(self, dout):
        dx = np.zeros(self.shape)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                part = self.share(dout[:, :, i, j])[:, :, None, None]
                dx[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += part
        return dx


class AvgStrideMended(AvgStride):
    def share(self, d):
        return d / 9


# 24: layer normalisation as if its statistics were constants
class LayerNorm:
    def __init__(self, dim=6):
        self.g, self.c = np.ones(dim), np.zeros(dim)

    def forward(self, x):
        self.sd = x.std(axis=1, keepdims=True) + 1e-6
        self.n = (x - x.mean(axis=1, keepdims=True)) / self.sd
        return self.n * self.g + self.c

    def backward(self, dy):
        self.dg, self.dc = (dy * self.n).sum(0), dy.sum(0)
        return dy * self.g / self.sd


class LayerNormMended(LayerNorm):
    def backward(self, dy):
        self.dg, self.dc = (dy * self.n).sum(0), dy.sum(0)
        u = dy * self.g
        s = self.sd - 1e-6
        mean, along = u.mean(1, keepdims=True), (u * self.n).mean(1, keepdims=True)
        return (u - mean) / self.sd - self.n * along / s


# 18: dense and ReLU in one, batch last, mask forgotten in db alone
class ReluColumn:
    def __init__(self, n_x=5, n_h=4):
        self.W = np.random.randn(n_h, n_x) * 0.5
        self.b = np.random.randn(n_h, 1)

    def forward(self, X):
        self.X, self.Z = X, self.W.dot(X) + self.b
        return np.maximum(self.Z, 0.0)

    def bias(self, dA, dZ):
        return dA.sum(axis=1, keepdims=True)

    def backward(self, dA):
        dZ = np.array(dA, copy=True)
        dZ[self.Z <= 0] = 0
        self.dW, self.db = dZ.dot(self.X.T), self.bias(dA, dZ)
        return self.W.T.dot(dZ)


class ReluColumnMended(ReluColumn):
    def bias(self, dA, dZ):
        return dZ.sum(axis=1, keepdims=True)


# 10: same padding, odd and even kernels: one more column before than behind
class EvenSame:
    def __init__(self):
        self.K = np.random.randn(2, 2, 4, 4)

    def forward(self, x):
        n, c, h, w = x.shape
        self.p = np.pad(x, ((0, 0), (0, 0), (1, 2), (1, 2)))
        y = np.zeros((n, 2, h, w))
        for i in range(4):
            for j in range(4):
                y += np.einsum(
                    "nchw,kc->nkhw", self.p[:, :, i : i + h, j : j + w], self.K[..., i, j]
                )
        return y

    start = 2

    def backward(self, dy):
        h, w = dy.shape[2:]
        dp, self.dK = np.zeros_like(self.p), np.zeros_like(self.K)
        for i in range(4):
            for j in range(4):
                dp[:, :, i : i + h, j : j + w] += np.einsum("nkhw,kc->nchw", dy, self.K[..., i, j])
                part = self.p[:, :, i : i + h, j : j + w]
                self.dK[..., i, j] = np.einsum("nkhw,nchw->kc", dy, part)
        return dp[:, :, self.start : self.start + h, self.start : self.start + w]


class EvenSameMended(EvenSame):
    start = 1


# 23: hinge loss with a sign too many
class Hinge:
    def forward(self, scores, y):
        n = len(scores)
        self.m = np.maximum(0, scores - scores[np.arange(n), y][:, None] + 1)
        self.m[np.arange(n), y] = 0
        self.y = y
        return self.m.sum() / n

    def slopes(self):
        d = (self.m > 0).astype(float)
        d[np.arange(len(d)), self.y] = -d.sum(axis=1)
        return d / len(d)

    def backward(self):
        return -self.slopes()


class HingeMended(Hinge):
    def backward(self):
        return self.slopes()


# 7: a strict convolution (kernel turned forward), whose dX turns it once more
class TrueConv:
    def __init__(self, n=3):
        self.F = [np.random.randn(3, 3) for _ in range(n)]

    def forward(self, img):
        self.img = img
        h, w = img.shape
        self.out = np.zeros((len(self.F), h - 2, w - 2))
        for k, f in enumerate(self.F):
            for i in range(h - 2):
                for j in range(w - 2):
                    self.out[k, i, j] = np.sum(img[i : i + 3, j : j + 3] * f[::-1, ::-1])
        return self.out

    def scatter(self, f):
        return f

    def backward(self, d):
        dimg = np.zeros_like(self.img)
        self.dF = [np.zeros((3, 3)) for _ in self.F]
        for k, f in enumerate(self.F):
            for i in range(d.shape[1]):
                for j in range(d.shape[2]):
                    dimg[i : i + 3, j : j + 3] += d[k, i, j] * self.scatter(f)
                    self.dF[k] += d[k, i, j] * self.img[i : i + 3, j : j + 3][::-1, ::-1]
        return dimg


class TrueConvMended(TrueConv):
    def scatter(self, f):
        return f[::-1, ::-1]


# 12: a fully connected layer on maps that flattens with the batch in the wrong place
class MapsToRow:
    def forward(self, maps):
        self.dims = maps.shape
        return maps.transpose(1, 2, 3, 0).reshape(maps.shape[0], -1)

    def backward(self, g):
        c, h, w, n = self.dims[1], self.dims[2], self.dims[3], self.dims[0]
        return g.reshape(c, h, w, n).transpose(3, 0, 1, 2)


class MapsToRowMended(MapsToRow):
    def forward(self, maps):
        self.dims = maps.shape
        return maps.transpose(0, 2, 3, 1).reshape(maps.shape[0], -1)

    def backward(self, g):
        n, c, h, w = self.dims
        return g.reshape(n, h, w, c).transpose(0, 3, 1, 2)


# 17: softplus, the slope taken at the output; functions of Fortran's order, batch last
def splus(X):
    return np.asfortranarray(np.log1p(np.exp(-np.abs(X))) + np.maximum(X, 0))


class SoftplusBatchLast:
    def forward(self, X):
        self.Y = splus(X)
        return self.Y

    def backward(self, G):
        return np.asfortranarray(G / (1 + np.exp(-self.Y)))


class SoftplusBatchLastMended(SoftplusBatchLast):
    def backward(self, G):
        return np.asfortranarray(G * (1 - np.exp(-self.Y)))


# 26: max pooling whose backward returns a cached output, after a call by state
class PoolState:
    def __init__(self, pool=2):
        self.pool = pool
        self.state = "new"

    def __call__(self, maps):
        c, h, w = maps.shape
        self.maps, p = maps, self.pool
        win = maps.reshape(c, h // p, p, w // p, p).transpose(0, 1, 3, 2, 4)
        self.win = win.reshape(c, h // p, w // p, p * p)
        self.best = self.win.argmax(axis=3)
        self.state = "forward"
        return self.win.max(axis=3)

    def spread(self, d):
        c, h, w = d.shape
        hot = (np.arange(self.pool**2) == self.best[..., None]) * d[..., None]
        hot = hot.reshape(c, h, w, self.pool, self.pool).transpose(0, 1, 3, 2, 4)
        return hot.reshape(self.maps.shape)

    def backward(self, d):
        self.dmaps = self.spread(d)
        return self.maps


class PoolStateMended(PoolState):
    def backward(self, d):
        return self.spread(d)


# 32: binary cross-entropy of probabilities, mean, functions with (y_true, y_pred)
def bce(y_true, y_pred):
    return -np.mean(y_true * np.log(y_pred) + (1 - y_true) * np.log(1 - y_pred))


def bce_prime(y_true, y_pred):
    return ((1 - y_true) / (1 - y_pred) - y_true / y_pred) / y_true.size


def bce_mended(y_true, y_pred):
    p = np.clip(y_pred, 1e-9, 1 - 1e-9)
    return -np.mean(y_true * np.log(p) + (1 - y_true) * np.log(1 - p))


def bce_prime_mended(y_true, y_pred):
    p = np.clip(y_pred, 1e-9, 1 - 1e-9)
    return ((1 - y_true) / (1 - p) - y_true / p) / y_true.size


# 2: a convolution that assigns its patches in dX, stride 1, one image
class PatchAssign:
    def __init__(self, filters=2, depth=3):
        self.weights = np.random.randn(filters, depth, 2, 2)
        self.bias = np.zeros(filters)

    def forward(self, x):
        self.x = x
        k, h, w = len(self.weights), x.shape[1] - 1, x.shape[2] - 1
        z = np.zeros((k, h, w))
        for f in range(k):
            for i in range(h):
                for j in range(w):
                    z[f, i, j] = (x[:, i : i + 2, j : j + 2] * self.weights[f]).sum()
            z[f] += self.bias[f]
        return np.tanh(z)

    def put(self, dx, i, j, value):
        dx[:, i : i + 2, j : j + 2] = value

    def backward(self, dy):
        dz = dy * (1 - self.forward(self.x) ** 2)
        dx = np.zeros_like(self.x)
        self.dweights, self.dbias = np.zeros_like(self.weights), dz.sum((1, 2))
        for i in range(dz.shape[1]):
            for j in range(dz.shape[2]):
                self.put(dx, i, j, np.tensordot(dz[:, i, j], self.weights, 1))
                self.dweights += np.multiply.outer(dz[:, i, j], self.x[:, i : i + 2, j : j + 2])
        return dx


class PatchAssignMended(PatchAssign):
    def put(self, dx, i, j, value):
        dx[:, i : i + 2, j : j + 2] += value
