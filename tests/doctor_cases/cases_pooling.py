"""Pooling as people wrote it: each fault beside its mended twin; plain NumPy, as data."""

# ruff: noqa: A002, E741, N801, N802, N803, N806, N815, NPY002, RET503, RET504, RUF059, RUF100
import numpy as np


# 1: mean pooling not divided; the style of a Java port: one image, loops over every index
class MeanPoolJava:
    def __init__(self, size=3):
        self.size = size

    def forward(self, image):
        self.inShape = image.shape
        channels, rows, cols = image.shape
        outRows = rows // self.size
        outCols = cols // self.size
        out = np.zeros((channels, outRows, outCols))
        for c in range(channels):
            for r in range(outRows):
                for q in range(outCols):
                    total = 0.0
                    for i in range(self.size):
                        for j in range(self.size):
                            total += image[c, r * self.size + i, q * self.size + j]
                    out[c, r, q] = total / (self.size * self.size)
        return out

    def share(self, error):
        return error

    def backward(self, errors):
        result = np.zeros(self.inShape)
        channels, outRows, outCols = errors.shape
        for c in range(channels):
            for r in range(outRows):
                for q in range(outCols):
                    for i in range(self.size):
                        for j in range(self.size):
                            result[c, r * self.size + i, q * self.size + j] = self.share(
                                errors[c, r, q]
                            )
        return result


class MeanPoolJavaMended(MeanPoolJava):
    def share(self, error):
        return error / (self.size * self.size)


# 1: the NumPy question: block_reduce forward, repeat backward
def block_mean(x, block=2):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // block, block, w // block, block).mean(axis=(3, 5))


def block_mean_grad(dy, block=2):
    return dy.repeat(block, axis=2).repeat(block, axis=3)


def block_mean_grad_mended(dy, block=2):
    return dy.repeat(block, axis=2).repeat(block, axis=3) / float(block * block)


# 1: global mean pooling
class GlobalAvg:
    def forward(self, x):
        self.hw = x.shape[1:3]
        return x.mean(axis=(1, 2))

    def backward(self, grad):
        h, w = self.hw
        return np.tile(grad[:, None, None, :], (1, h, w, 1))


class GlobalAvgMended(GlobalAvg):
    def backward(self, grad):
        return super().backward(grad) / (self.hw[0] * self.hw[1])


# 2: overlapping mean pooling that assigns; channels last, a cache dictionary
class AvgPoolHWC:
    def __init__(self, ksize=3, stride=2):
        self.k, self.s = ksize, stride
        self.cache = {}

    def forward(self, x):
        n, h, w, c = x.shape
        oh, ow = (h - self.k) // self.s + 1, (w - self.k) // self.s + 1
        y = np.empty((n, oh, ow, c))
        for i in range(oh):
            for j in range(ow):
                a, b = i * self.s, j * self.s
                y[:, i, j] = np.average(x[:, a : a + self.k, b : b + self.k], axis=(1, 2))
        self.cache["shape"] = x.shape
        return y

    def backward(self, dy):
        dx = np.zeros(self.cache["shape"])
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                a, b = i * self.s, j * self.s
                dx[:, a : a + self.k, b : b + self.k] = dy[:, i : i + 1, j : j + 1] / self.k**2
        return dx


class AvgPoolHWCMended(AvgPoolHWC):
    def backward(self, dy):
        dx = np.zeros(self.cache["shape"])
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                a, b = i * self.s, j * self.s
                dx[:, a : a + self.k, b : b + self.k] += dy[:, i : i + 1, j : j + 1] / self.k**2
        return dx


# 2: overlapping max pooling that assigns; functions with a tuple as cache
def maxpool_fwd(A, f=3, stride=1):
    m, nC, nH, nW = A.shape
    oH, oW = 1 + (nH - f) // stride, 1 + (nW - f) // stride
    Z = np.zeros((m, nC, oH, oW))
    for i in range(oH):
        for j in range(oW):
            Z[:, :, i, j] = A[:, :, i * stride : i * stride + f, j * stride : j * stride + f].max(
                axis=(2, 3)
            )
    return Z, (A, f, stride)


def maxpool_bwd(dZ, cache):
    A, f, stride = cache
    dA = np.zeros_like(A)
    m, nC, oH, oW = dZ.shape
    for n in range(m):
        for c in range(nC):
            for i in range(oH):
                for j in range(oW):
                    win = A[n, c, i * stride : i * stride + f, j * stride : j * stride + f]
                    p, q = np.unravel_index(win.argmax(), win.shape)
                    dA[n, c, i * stride + p, j * stride + q] = dZ[n, c, i, j]
    return dA


def maxpool_bwd_mended(dZ, cache):
    A, f, stride = cache
    dA = np.zeros_like(A)
    m, nC, oH, oW = dZ.shape
    for n in range(m):
        for c in range(nC):
            for i in range(oH):
                for j in range(oW):
                    win = A[n, c, i * stride : i * stride + f, j * stride : j * stride + f]
                    p, q = np.unravel_index(win.argmax(), win.shape)
                    dA[n, c, i * stride + p, j * stride + q] += dZ[n, c, i, j]
    return dA


# 3: every tied winner; the reshape trick
class ReshapeMaxPool:
    def forward(self, x):
        N, C, H, W = x.shape
        self.xr = x.reshape(N, C, H // 2, 2, W // 2, 2)
        self.out = self.xr.max(axis=3).max(axis=4)
        self.shape = x.shape
        return self.out

    def backward(self, dout):
        mask = self.xr == self.out[:, :, :, None, :, None]
        return (mask * dout[:, :, :, None, :, None]).reshape(self.shape)


class ReshapeMaxPoolMended(ReshapeMaxPool):
    def backward(self, dout):
        N, C, H, W = self.shape
        rows = self.xr.transpose(0, 1, 2, 4, 3, 5).reshape(-1, 4)
        first = np.zeros(rows.shape)
        first[np.arange(len(rows)), rows.argmax(axis=1)] = dout.reshape(-1)
        first = first.reshape(N, C, H // 2, W // 2, 2, 2)
        return first.transpose(0, 1, 2, 4, 3, 5).reshape(self.shape)


# 4: the return stands inside the loop; one image, channels last, a generator of patches
class PatchMaxPool:
    def __init__(self, kernel_size=2):
        self.kernel_size = kernel_size

    def patches(self, image):
        self.image = image
        for row in range(image.shape[0] // self.kernel_size):
            for col in range(image.shape[1] // self.kernel_size):
                top, left = row * self.kernel_size, col * self.kernel_size
                yield image[top : top + self.kernel_size, left : left + self.kernel_size], row, col

    def forward_prop(self, image):
        h, w, k = image.shape
        out = np.zeros((h // self.kernel_size, w // self.kernel_size, k))
        for patch, row, col in self.patches(image):
            out[row, col] = np.amax(patch, axis=(0, 1))
        return out

    def back_prop(self, dE_dY):
        dE_dX = np.zeros(self.image.shape)
        for patch, row, col in self.patches(self.image):
            self.route(dE_dX, dE_dY, patch, row, col)
            return dE_dX

    def route(self, dE_dX, dE_dY, patch, row, col):
        best = np.amax(patch, axis=(0, 1))
        for i in range(patch.shape[0]):
            for j in range(patch.shape[1]):
                for k in range(patch.shape[2]):
                    if patch[i, j, k] == best[k]:
                        y, x = row * self.kernel_size + i, col * self.kernel_size + j
                        dE_dX[y, x, k] = dE_dY[row, col, k]
                        best[k] = np.inf


class PatchMaxPoolMended(PatchMaxPool):
    def back_prop(self, dE_dY):
        dE_dX = np.zeros(self.image.shape)
        for patch, row, col in self.patches(self.image):
            self.route(dE_dX, dE_dY, patch, row, col)
        return dE_dX


# 5: the switches have no batch index; index loops as in C
class SwitchPool:
    def __init__(self):
        self.sw_y = None

    def forward(self, bottom):
        num, ch, hh, ww = bottom.shape
        self.in_shape = bottom.shape
        self.sw_y = np.zeros((ch, hh // 2, ww // 2), dtype=int)
        self.sw_x = np.zeros((ch, hh // 2, ww // 2), dtype=int)
        top = np.full((num, ch, hh // 2, ww // 2), -1e30)
        for n in range(num):
            for c in range(ch):
                for y in range(hh // 2 * 2):
                    for x in range(ww // 2 * 2):
                        if bottom[n, c, y, x] > top[n, c, y // 2, x // 2]:
                            top[n, c, y // 2, x // 2] = bottom[n, c, y, x]
                            self.sw_y[c, y // 2, x // 2] = y
                            self.sw_x[c, y // 2, x // 2] = x
        return top

    def backward(self, top_diff):
        diff = np.zeros(self.in_shape)
        num, ch, oh, ow = top_diff.shape
        for n in range(num):
            for c in range(ch):
                for y in range(oh):
                    for x in range(ow):
                        diff[n, c, self.sw_y[c, y, x], self.sw_x[c, y, x]] += top_diff[n, c, y, x]
        return diff


class SwitchPoolMended:
    def forward(self, bottom):
        num, ch, hh, ww = bottom.shape
        self.in_shape = bottom.shape
        self.switch = np.zeros((num, ch, hh // 2, ww // 2, 2), dtype=int)
        top = np.full((num, ch, hh // 2, ww // 2), -1e30)
        for n in range(num):
            for c in range(ch):
                for y in range(hh // 2 * 2):
                    for x in range(ww // 2 * 2):
                        if bottom[n, c, y, x] > top[n, c, y // 2, x // 2]:
                            top[n, c, y // 2, x // 2] = bottom[n, c, y, x]
                            self.switch[n, c, y // 2, x // 2] = y, x
        return top

    def backward(self, top_diff):
        diff = np.zeros(self.in_shape)
        for n, c, y, x in np.ndindex(*top_diff.shape):
            yy, xx = self.switch[n, c, y, x]
            diff[n, c, yy, xx] += top_diff[n, c, y, x]
        return diff


# 6: pooled over the wrong axes after the reshape; the backward fits the forward
class StridedMax:
    def __init__(self, size=2):
        self.size = size

    def fold(self, x):
        n, c, h, w = x.shape
        s = self.size
        return x.reshape(n, c, s, h // s, s, w // s).transpose(0, 1, 3, 5, 2, 4)

    def unfold(self, y):
        n, c, h, w, s, _ = y.shape
        return y.transpose(0, 1, 4, 2, 5, 3).reshape(n, c, h * s, w * s)

    def forward(self, x):
        blocks = self.fold(x)
        self.blocks = blocks.reshape(*blocks.shape[:4], -1)
        self.winner = self.blocks.argmax(axis=-1)
        return self.blocks.max(axis=-1)

    def backward(self, dy):
        d = np.zeros(self.blocks.shape)
        np.put_along_axis(d, self.winner[..., None], dy[..., None], axis=-1)
        return self.unfold(d.reshape(*d.shape[:4], self.size, self.size))


class StridedMaxMended(StridedMax):
    def fold(self, x):
        n, c, h, w = x.shape
        s = self.size
        return x.reshape(n, c, h // s, s, w // s, s).transpose(0, 1, 2, 4, 3, 5)

    def unfold(self, y):
        n, c, h, w, s, _ = y.shape
        return y.transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h * s, w * s)


# a pool that crops what does not fit: the gradient has the cropped shape
class CroppingPool:
    def forward(self, x):
        self.full = x.shape
        n, c, h, w = x.shape
        x = x[:, :, : h // 3 * 3, : w // 3 * 3]
        return x.reshape(n, c, h // 3, 3, w // 3, 3).mean((3, 5))

    def backward(self, g):
        return np.kron(g, np.ones((1, 1, 3, 3))) / 9


class CroppingPoolMended(CroppingPool):
    def backward(self, g):
        dx = np.zeros(self.full)
        spread = np.kron(g, np.ones((1, 1, 3, 3))) / 9
        dx[:, :, : spread.shape[2], : spread.shape[3]] = spread
        return dx


# 18: post 316354: max pooling with a sigmoid on it; the sigmoid's derivative is forgotten
class MaxPoolSigmoid:
    def forward(self, x):
        self.x = x
        n, c, h, w = x.shape
        self.m = x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))
        self.a = 1.0 / (1.0 + np.exp(-self.m))
        return self.a

    def delta(self, error):
        return error

    def backward(self, error):
        d = self.delta(error)
        up = d.repeat(2, 2).repeat(2, 3)
        return np.where(self.x == self.m.repeat(2, 2).repeat(2, 3), up, 0.0)


class MaxPoolSigmoidMended(MaxPoolSigmoid):
    def delta(self, error):
        return error * self.a * (1 - self.a)

    def backward(self, error):
        d = self.delta(error)
        n, c, h, w = self.x.shape
        win = self.x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5)
        win = win.reshape(n, c, h // 2, w // 2, 4)
        hot = np.arange(4) == win.argmax(-1)[..., None]
        up = (hot * d[..., None]).reshape(n, c, h // 2, w // 2, 2, 2)
        return up.transpose(0, 1, 2, 4, 3, 5).reshape(self.x.shape)


# the question on chained passes: pooling by the L2 norm, whose backward forgets the norm
class L2NormPool:
    def forward(self, x):
        self.x = x
        c, h, w = x.shape
        self.y = np.sqrt((x**2).reshape(c, h // 2, 2, w // 2, 2).sum(axis=(2, 4)))
        return self.y

    def backward(self, dy):
        return self.x * dy.repeat(2, axis=1).repeat(2, axis=2)


class L2NormPoolMended(L2NormPool):
    def backward(self, dy):
        return self.x * (dy / self.y).repeat(2, axis=1).repeat(2, axis=2)


# the same question: beta times the mean plus a bias, where dbeta is summed over everything
class BetaMeanPool:
    def __init__(self, channels=3):
        self.beta = np.random.randn(channels)
        self.b = np.random.randn(channels)

    def forward(self, x):
        n, c, h, w = x.shape
        self.mean = x.reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5))
        return self.beta[:, None, None] * self.mean + self.b[:, None, None]

    def backward(self, dy):
        self.dbeta = (dy * self.mean).sum(axis=(0, 2, 3))
        self.db = dy.sum() * np.ones_like(self.b)
        return (dy * self.beta[:, None, None] / 4).repeat(2, 2).repeat(2, 3)


class BetaMeanPoolMended(BetaMeanPool):
    def backward(self, dy):
        dx = super().backward(dy)
        self.db = dy.sum(axis=(0, 2, 3))
        return dx
