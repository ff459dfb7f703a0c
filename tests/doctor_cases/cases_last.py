"""A second draw, written after the first one was mended: faults beside their twins, as data."""

# ruff: noqa: A002, E741, N801, N802, N803, N806, N815, NPY002, RET503, RET504, RUF059, RUF100
import numpy as np


# 12: the batch is swapped with the channels on the way back of an im2col pooling
class ColPool:
    def __init__(self, size=2, stride=2):
        self.size, self.stride = size, stride

    def forward(self, X):
        n, d, h, w = X.shape
        self.shape = X.shape
        s = self.size
        cols = X.reshape(n, d, h // s, s, w // s, s).transpose(0, 1, 2, 4, 3, 5).reshape(-1, s * s)
        self.arg = cols.argmax(axis=1)
        return cols.max(axis=1).reshape(n, d, h // s, w // s)

    def flat(self, dout):
        return dout.transpose(2, 3, 0, 1).ravel()

    def backward(self, dout):
        n, d, h, w = self.shape
        s = self.size
        cols = np.zeros((dout.size, s * s))
        cols[np.arange(dout.size), self.arg] = self.flat(dout)
        cols = cols.reshape(n, d, h // s, w // s, s, s)
        return cols.transpose(0, 1, 2, 4, 3, 5).reshape(self.shape)


class ColPoolMended(ColPool):
    def flat(self, dout):
        return dout.ravel()


# 18: conv and sigmoid in one (kh, kw, in, out), slope forgotten for dX only
class SigmoidConv:
    def __init__(self, w=None):
        self.w = np.random.randn(2, 2, 3, 4) if w is None else w
        self.b = np.zeros((1, 1, 1, 4))

    def forward(self, x):
        self.x = x
        z = sum(
            x[:, i : x.shape[1] - 1 + i, j : x.shape[2] - 1 + j] @ self.w[i, j]
            for i in range(2)
            for j in range(2)
        )
        self.a = 1 / (1 + np.exp(-(z + self.b)))
        return self.a

    def for_x(self, da, dz):
        return da

    def backward(self, da):
        dz = da * self.a * (1 - self.a)
        dx = np.zeros_like(self.x)
        self.dw = np.zeros_like(self.w)
        h, v = da.shape[1:3]
        for i in range(2):
            for j in range(2):
                dx[:, i : i + h, j : j + v] += self.for_x(da, dz) @ self.w[i, j].T
                part = self.x[:, i : i + h, j : j + v]
                self.dw[i, j] = np.einsum("nhwc,nhwf->cf", part, dz)
        self.db = dz.sum((0, 1, 2), keepdims=True)
        return dx


class SigmoidConvMended(SigmoidConv):
    def for_x(self, da, dz):
        return dz


# 29: gradients in a dictionary that pile up
class DictDense:
    def __init__(self, d_in=3, d_out=2):
        self.params = {"W": np.random.randn(d_in, d_out), "b": np.zeros(d_out)}
        self.grads = {"W": np.zeros((d_in, d_out)), "b": np.zeros(d_out)}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, g):
        self.grads["W"] += self.x.T @ g
        self.grads["b"] += g.sum(axis=0)
        return g @ self.params["W"].T


class DictDenseMended(DictDense):
    def backward(self, g):
        self.grads = {"W": self.x.T @ g, "b": g.sum(axis=0)}
        return g @ self.params["W"].T


# 8: dW turned, with a stride of 2 and a single channel
class GreyConv:
    def __init__(self, filters=3):
        self.kernel = np.random.randn(filters, 4, 4)

    def forward(self, x):
        self.x = x
        oh, ow = (x.shape[1] - 4) // 2 + 1, (x.shape[2] - 4) // 2 + 1
        y = np.zeros((x.shape[0], len(self.kernel), oh, ow))
        for i in range(oh):
            for j in range(ow):
                patch = x[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4]
                y[:, :, i, j] = np.tensordot(patch, self.kernel, axes=([1, 2], [1, 2]))
        return y

    def tidy(self, d):
        return d[:, ::-1, ::-1]

    def backward(self, dy):
        dx, d = np.zeros_like(self.x), np.zeros_like(self.kernel)
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                patch = self.x[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4]
                d += np.tensordot(dy[:, :, i, j], patch, axes=([0], [0]))
                back = np.tensordot(dy[:, :, i, j], self.kernel, 1)
                dx[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += back
        self.dkernel = self.tidy(d)
        return dx


class GreyConvMended(GreyConv):
    def tidy(self, d):
        return d


# 17: scaled tanh (1.7159 tanh(2z/3)) whose slope lacks the inner 2/3
class LeCunTanh:
    A, S = 1.7159, 2.0 / 3.0

    def forward(self, z):
        self.y = self.A * np.tanh(self.S * z)
        return self.y

    def backward(self, g):
        return g * (self.A - self.y**2 / self.A)


class LeCunTanhMended(LeCunTanh):
    def backward(self, g):
        return g * self.S * (self.A - self.y**2 / self.A)


# 22: dW of a convolution is the mean over its positions
class PositionMean:
    def __init__(self, out_channels=2, in_channels=2, kernel_size=3):
        self.W = np.random.randn(out_channels, in_channels, kernel_size, kernel_size)
        self.b = np.random.randn(out_channels)

    def windows(self, x):
        return np.lib.stride_tricks.sliding_window_view(x, self.W.shape[2:], axis=(2, 3))

    def forward(self, x):
        self.x = x
        return np.einsum("ncpqij,fcij->nfpq", self.windows(x), self.W) + self.b[:, None, None]

    def per(self, dout):
        return dout.shape[2] * dout.shape[3]

    def backward(self, dout):
        k = self.W.shape[2] - 1
        self.dW = np.einsum("ncpqij,nfpq->fcij", self.windows(self.x), dout) / self.per(dout)
        self.db = dout.sum(axis=(0, 2, 3)) / self.per(dout)
        padded = np.pad(dout, ((0, 0), (0, 0), (k, k), (k, k)))
        return np.einsum("nfpqij,fcij->ncpq", self.windows(padded), self.W[:, :, ::-1, ::-1])


class PositionMeanMended(PositionMean):
    def per(self, dout):
        return 1


# 20: softmax's Jacobian, column by column (batch last), the off-diagonal part forgotten
def softmax_cols(Z):
    E = np.exp(Z - np.max(Z, axis=0, keepdims=True))
    return E / np.sum(E, axis=0, keepdims=True)


class SoftmaxColumns:
    def forward(self, Z):
        self.P = softmax_cols(Z)
        return self.P

    def backward(self, dP):
        return self.P * (1 - self.P) * dP


class SoftmaxColumnsMended(SoftmaxColumns):
    def backward(self, dP):
        return self.P * (dP - np.sum(self.P * dP, axis=0, keepdims=True))


# 18: the mean squared error behind softmax, Jacobian forgotten
class SoftmaxMSE:
    def forward(self, logits, target):
        e = np.exp(logits - logits.max(1, keepdims=True))
        self.p, self.t = e / e.sum(1, keepdims=True), target
        return ((self.p - target) ** 2).sum() / (2 * len(target))

    def backward(self):
        return (self.p - self.t) / len(self.t)


class SoftmaxMSEMended(SoftmaxMSE):
    def backward(self):
        d = (self.p - self.t) / len(self.t)
        return self.p * (d - (d * self.p).sum(1, keepdims=True))


# 2: an average pool with one more window at the border, that assigns
class PadMean:
    def forward(self, x):
        self.shape = x.shape
        xp = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        oh, ow = (xp.shape[1] - 3) // 2 + 1, (xp.shape[2] - 3) // 2 + 1
        y = np.zeros((x.shape[0], oh, ow, x.shape[3]))
        for i in range(oh):
            for j in range(ow):
                y[:, i, j] = xp[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].sum((1, 2)) / 9.0
        return y

    def put(self, dx, i, j, value):
        dx[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] = value

    def backward(self, dy):
        n, h, w, c = self.shape
        dx = np.zeros((n, h + 2, w + 2, c))
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                self.put(dx, i, j, dy[:, i : i + 1, j : j + 1] / 9.0)
        return dx[:, 1:-1, 1:-1]


class PadMeanMended(PadMean):
    def put(self, dx, i, j, value):
        dx[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += value


# 19: the update comes first; a dense layer with an object as optimiser's settings
class UpdatingDense:
    def __init__(self, n_inputs=6, n_neurons=4, learning_rate=0.05):
        self.weights = 0.1 * np.random.randn(n_inputs, n_neurons)
        self.biases = np.zeros((1, n_neurons))
        self.learning_rate = learning_rate

    def forward(self, inputs):
        self.inputs = inputs
        return np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.weights -= self.learning_rate * np.dot(self.inputs.T, dvalues)
        self.biases -= self.learning_rate * dvalues.sum(axis=0, keepdims=True)
        return np.dot(dvalues, self.weights.T)


class UpdatingDenseMended(UpdatingDense):
    def backward(self, dvalues):
        back = np.dot(dvalues, self.weights.T)
        super().backward(dvalues)
        return back


# 25: the cached input is changed by the forward of the next layer's kind: += on a view
class BiasInPlace:
    def __init__(self):
        self.b = np.random.randn(5)

    def forward(self, x):
        x += self.b
        return x

    def backward(self, g):
        self.db = g.sum(0)
        return g


class BiasInPlaceMended(BiasInPlace):
    def forward(self, x):
        return x + self.b


# 9: dX of every filter is that of the last one
class LastFilter:
    def __init__(self, nf=4, ch=2, fs=3):
        self.filt = np.random.randn(nf, ch, fs, fs)
        self.bias = np.zeros((nf, 1))

    def forward(self, image):
        self.image = image
        nf, ch, fs, _ = self.filt.shape
        side = (image.shape[1] - fs + 1, image.shape[2] - fs + 1)
        out = np.zeros((nf, *side))
        for f in range(nf):
            for y, x in np.ndindex(*side):
                out[f, y, x] = np.sum(self.filt[f] * image[:, y : y + fs, x : x + fs])
            out[f] += self.bias[f]
        return out

    def collect(self, dout, whole, part, f):
        return part

    def backward(self, dprev):
        nf, ch, fs, _ = self.filt.shape
        dout = np.zeros(self.image.shape)
        self.dfilt, self.dbias = np.zeros(self.filt.shape), np.zeros((nf, 1))
        for f in range(nf):
            part = np.zeros(self.image.shape)
            for y, x in np.ndindex(*dprev.shape[1:]):
                self.dfilt[f] += dprev[f, y, x] * self.image[:, y : y + fs, x : x + fs]
                part[:, y : y + fs, x : x + fs] += dprev[f, y, x] * self.filt[f]
            self.dbias[f] = np.sum(dprev[f])
            dout = self.collect(dout, self.image, part, f)
        return dout


class LastFilterMended(LastFilter):
    def collect(self, dout, whole, part, f):
        return dout + part
