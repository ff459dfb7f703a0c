"""Convolutions as people wrote them: each fault beside its mended twin; plain NumPy, as data."""

# ruff: noqa: A002, E741, N801, N802, N803, N806, N815, NPY002, RET503, RET504, RUF059, RUF100
import numpy as np


# 7: dX without the rotation; kernels (kh, kw, in, out), one image, channels last
class ConvHWC:
    def __init__(self, kernels=None):
        self.W = np.random.randn(3, 3, 2, 4) * 0.3 if kernels is None else kernels
        self.b = np.zeros(self.W.shape[-1])

    def forward(self, img):
        self.img = img
        kh, kw, _, f = self.W.shape
        oh, ow = img.shape[0] - kh + 1, img.shape[1] - kw + 1
        out = np.zeros((oh, ow, f))
        for y in range(oh):
            for x in range(ow):
                out[y, x] = np.tensordot(img[y : y + kh, x : x + kw], self.W, 3) + self.b
        return out

    def turned(self):
        return self.W

    def backward(self, dout):
        kh, kw, cin, _ = self.W.shape
        self.dW = np.zeros_like(self.W)
        for y in range(dout.shape[0]):
            for x in range(dout.shape[1]):
                self.dW += self.img[y : y + kh, x : x + kw, :, None] * dout[y, x]
        self.db = dout.sum((0, 1))
        big = np.pad(dout, ((kh - 1, kh - 1), (kw - 1, kw - 1), (0, 0)))
        dimg = np.zeros_like(self.img)
        K = self.turned()
        for y in range(dimg.shape[0]):
            for x in range(dimg.shape[1]):
                for c in range(cin):
                    dimg[y, x, c] = np.sum(big[y : y + kh, x : x + kw] * K[:, :, c, :])
        return dimg


class ConvHWCMended(ConvHWC):
    def turned(self):
        return self.W[::-1, ::-1]


# 8: dW turned round: a course on convolution in one dimension, (channels, samples)
class Conv1D:
    def __init__(self, n_in=2, n_kernels=3, width=5):
        self.weights = np.random.uniform(-0.5, 0.5, (n_kernels, n_in, width))

    def forward_pass(self, x):
        self.x = x
        k, c, width = self.weights.shape
        self.y = np.zeros((k, x.shape[1] - width + 1))
        for i in range(k):
            for j in range(c):
                self.y[i] += np.correlate(x[j], self.weights[i, j], mode="valid")
        return self.y

    def weight_gradient(self, x, de_dy):
        return np.correlate(x, de_dy, mode="valid")[::-1]

    def backward_pass(self, de_dy):
        de_dx = np.zeros_like(self.x)
        self.de_dw = np.zeros_like(self.weights)
        for i in range(self.weights.shape[0]):
            for j in range(self.weights.shape[1]):
                self.de_dw[i, j] = self.weight_gradient(self.x[j], de_dy[i])
                de_dx[j] += np.convolve(de_dy[i], self.weights[i, j], mode="full")
        return de_dx


class Conv1DMended(Conv1D):
    def weight_gradient(self, x, de_dy):
        return np.correlate(x, de_dy, mode="valid")


# 8: in two dimensions, with a batch, functions
def conv_forward(x, w, b):
    N, C, H, W = x.shape
    F, _, kh, kw = w.shape
    y = np.zeros((N, F, H - kh + 1, W - kw + 1))
    for i in range(kh):
        for j in range(kw):
            part = x[:, :, i : i + y.shape[2], j : j + y.shape[3]]
            y += np.einsum("nchw,fc->nfhw", part, w[:, :, i, j])
    return y + b.reshape(1, -1, 1, 1), (x, w, b)


def conv_backward(dy, cache):
    x, w, b = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    F, C, kh, kw = w.shape
    oh, ow = dy.shape[2:]
    for i in range(kh):
        for j in range(kw):
            dx[:, :, i : i + oh, j : j + ow] += np.einsum("nfhw,fc->nchw", dy, w[:, :, i, j])
            patch = x[:, :, i : i + oh, j : j + ow]
            dw[:, :, kh - 1 - i, kw - 1 - j] = np.einsum("nfhw,nchw->fc", dy, patch)
    return dx, dw, dy.sum((0, 2, 3))


def conv_backward_mended(dy, cache):
    dx, dw, db = conv_backward(dy, cache)
    return dx, dw[:, :, ::-1, ::-1], db


# 9: the channel index of the input is forgotten in dW; loops as in C
class LoopConv:
    def __init__(self, in_maps=2, out_maps=3, k=3, stride=2):
        self.weight = 0.1 * np.random.randn(out_maps, in_maps, k, k)
        self.bias = np.zeros(out_maps)
        self.k, self.stride = k, stride

    def forward(self, x):
        self.x = x
        B, I, H, W = x.shape
        O = self.weight.shape[0]
        oh, ow = (H - self.k) // self.stride + 1, (W - self.k) // self.stride + 1
        out = np.zeros((B, O, oh, ow))
        for b, o, r, c in np.ndindex(B, O, oh, ow):
            s = self.bias[o]
            for i, u, v in np.ndindex(I, self.k, self.k):
                s += x[b, i, r * self.stride + u, c * self.stride + v] * self.weight[o, i, u, v]
            out[b, o, r, c] = s
        return out

    def channel(self, i):
        return 0

    def row(self, r, u):
        return r * self.stride + u

    def col(self, c, v):
        return c * self.stride + v

    def backward(self, g):
        dx = np.zeros_like(self.x)
        self.grad_weight = np.zeros_like(self.weight)
        self.grad_bias = g.sum(axis=(0, 2, 3))
        B, O, oh, ow = g.shape
        for b, o, r, c in np.ndindex(B, O, oh, ow):
            for i, u, v in np.ndindex(dx.shape[1], self.k, self.k):
                y, x = r * self.stride + u, c * self.stride + v
                self.grad_weight[o, i, u, v] += g[b, o, r, c] * self.x[b, self.channel(i), y, x]
                dx[b, i, self.row(r, u), self.col(c, v)] += g[b, o, r, c] * self.weight[o, i, u, v]
        return dx


class LoopConvMended(LoopConv):
    def channel(self, i):
        return i


# post 276213: the six loops with a stride, which dX forgets
class LoopConvStrideless(LoopConvMended):
    def row(self, r, u):
        return r + u

    def col(self, c, v):
        return c + v


# 9: dX takes the kernels of the first input channel for all
class FirstChannelConv:
    def __init__(self):
        self.filters = np.random.randn(4, 3, 2, 2)

    def forward(self, x):
        self.x = x
        n, c, h, w = x.shape
        y = np.zeros((n, 4, h - 1, w - 1))
        for f in range(4):
            for a in range(2):
                for b in range(2):
                    part = x[:, :, a : a + h - 1, b : b + w - 1]
                    y[:, f] += (part * self.filters[f, :, a, b][None, :, None, None]).sum(1)
        return y

    def kernel(self, f, ch, a, b):
        return self.filters[f, 0, a, b]

    def backward(self, dy):
        dx = np.zeros_like(self.x)
        self.dfilters = np.zeros_like(self.filters)
        h, w = dy.shape[2:]
        for f in range(4):
            for ch in range(3):
                for a in range(2):
                    for b in range(2):
                        dx[:, ch, a : a + h, b : b + w] += dy[:, f] * self.kernel(f, ch, a, b)
                        self.dfilters[f, ch, a, b] = np.vdot(
                            dy[:, f], self.x[:, ch, a : a + h, b : b + w]
                        )
        return dx


class FirstChannelConvMended(FirstChannelConv):
    def kernel(self, f, ch, a, b):
        return self.filters[f, ch, a, b]


# 10: the padding of the height taken off the width; NHWC, kernels 3 by 5
class SameConv:
    def __init__(self, cin=2, cout=3):
        self.w = np.random.normal(0, 0.2, (3, 5, cin, cout))

    def forward(self, x):
        ph, pw = 1, 2
        self.xp = np.pad(x, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
        self.size = x.shape[1:3]
        y = np.zeros((*x.shape[:3], self.w.shape[3]))
        for i in range(3):
            for j in range(5):
                part = self.xp[:, i : i + x.shape[1], j : j + x.shape[2]]
                y += part @ self.w[i, j]
        return y

    def unpad(self, d):
        h, w = self.size
        return d[:, 1 : 1 + h, 1 : 1 + w]

    def backward(self, dy):
        dxp = np.zeros_like(self.xp)
        self.dw = np.zeros_like(self.w)
        h, w = dy.shape[1:3]
        for i in range(3):
            for j in range(5):
                dxp[:, i : i + h, j : j + w] += dy @ self.w[i, j].T
                part = self.xp[:, i : i + h, j : j + w]
                self.dw[i, j] = np.tensordot(part, dy, axes=((0, 1, 2), (0, 1, 2)))
        return self.unpad(dxp)


class SameConvMended(SameConv):
    def unpad(self, d):
        h, w = self.size
        return d[:, 1 : 1 + h, 2 : 2 + w]


# 11 and 12: im2col, whose result is folded in the wrong order
def im2col(x, k, s, p):
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    n, c, h, w = x.shape
    oh, ow = (h - k) // s + 1, (w - k) // s + 1
    col = np.zeros((n, c, k, k, oh, ow))
    for i in range(k):
        for j in range(k):
            col[:, :, i, j] = x[:, :, i : i + s * oh : s, j : j + s * ow : s]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(n * oh * ow, -1), oh, ow


def col2im(col, shape, k, s, p):
    n, c, h, w = shape
    oh, ow = (h + 2 * p - k) // s + 1, (w + 2 * p - k) // s + 1
    col = col.reshape(n, oh, ow, c, k, k).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((n, c, h + 2 * p, w + 2 * p))
    for i in range(k):
        for j in range(k):
            img[:, :, i : i + s * oh : s, j : j + s * ow : s] += col[:, :, i, j]
    return img[:, :, p : h + p, p : w + p]


class ColConv:
    def __init__(self, filters=4, channels=3, size=3, stride=2, pad=1):
        self.W = np.random.randn(filters, channels, size, size) / size
        self.b = np.random.randn(filters)
        self.size, self.stride, self.pad = size, stride, pad

    def forward(self, x):
        self.shape = x.shape
        self.col, oh, ow = im2col(x, self.size, self.stride, self.pad)
        out = self.col @ self.W.reshape(len(self.W), -1).T + self.b
        return self.fold(out, x.shape[0], oh, ow)

    def fold(self, out, n, oh, ow):
        return out.reshape(n, oh, ow, -1).transpose(0, 3, 1, 2)

    def unfold(self, dy):
        return dy.transpose(0, 2, 3, 1).reshape(-1, dy.shape[1])

    def backward(self, dy):
        d = self.unfold(dy)
        self.db = d.sum(0)
        self.dW = (d.T @ self.col).reshape(self.W.shape)
        dcol = d @ self.W.reshape(len(self.W), -1)
        return col2im(dcol, self.shape, self.size, self.stride, self.pad)


class ColConvPermuted(ColConv):
    def unfold(self, dy):
        return dy.reshape(-1, dy.shape[1])


class ColConvMixed(ColConv):
    def fold(self, out, n, oh, ow):
        return out.T.reshape(n, -1, oh, ow)

    def unfold(self, dy):
        return dy.reshape(dy.shape[1], -1).T


# 13: dW of the last image alone: a loop over the batch that overwrites
class PerImageConv:
    def __init__(self, nf=3, nc=2, k=3):
        self.params = {"W": np.random.randn(nf, nc, k, k) * 0.1, "b": np.zeros((nf, 1))}
        self.grads = {}

    def windows(self, img):
        k = self.params["W"].shape[-1]
        return np.lib.stride_tricks.sliding_window_view(img, (k, k), axis=(1, 2))

    def forward(self, X):
        self.X = X
        W, b = self.params["W"], self.params["b"]
        maps = [np.einsum("chwij,fcij->fhw", self.windows(img), W) for img in X]
        return np.stack(maps) + b.reshape(1, -1, 1, 1)

    def keep(self, name, value):
        self.grads[name] = value

    def backward(self, dY):
        W = self.params["W"]
        k = W.shape[-1]
        dX = np.zeros_like(self.X)
        self.grads = {"W": np.zeros_like(W), "b": dY.sum(axis=(0, 2, 3))[:, None]}
        for n, img in enumerate(self.X):
            self.keep("W", np.einsum("chwij,fhw->fcij", self.windows(img), dY[n]))
            for i in range(dY.shape[2]):
                for j in range(dY.shape[3]):
                    dX[n, :, i : i + k, j : j + k] += np.tensordot(dY[n, :, i, j], W, 1)
        return dX


class PerImageConvMended(PerImageConv):
    def keep(self, name, value):
        self.grads[name] = self.grads[name] + value


# 14: db summed over every axis, in a convolution with a list of filters, one image
class FilterListConv:
    def __init__(self, count=3):
        self.filters = [np.random.randn(2, 3, 3) for _ in range(count)]
        self.biases = np.zeros(count)

    def forward(self, volume):
        self.volume = volume
        _, h, w = volume.shape
        out = np.zeros((len(self.filters), h - 2, w - 2))
        for n, kernel in enumerate(self.filters):
            for i in range(h - 2):
                for j in range(w - 2):
                    out[n, i, j] = (volume[:, i : i + 3, j : j + 3] * kernel).sum()
            out[n] += self.biases[n]
        return out

    def bias_gradient(self, delta):
        return np.sum(delta) * np.ones(len(self.filters))

    def backward(self, delta):
        dvolume = np.zeros(self.volume.shape)
        self.dfilters = [np.zeros(k.shape) for k in self.filters]
        for n, kernel in enumerate(self.filters):
            for i in range(delta.shape[1]):
                for j in range(delta.shape[2]):
                    dvolume[:, i : i + 3, j : j + 3] += delta[n, i, j] * kernel
                    self.dfilters[n] += delta[n, i, j] * self.volume[:, i : i + 3, j : j + 3]
        self.dbiases = self.bias_gradient(delta)
        return dvolume


class FilterListConvMended(FilterListConv):
    def bias_gradient(self, delta):
        return np.array([d.sum() for d in delta])


# 19: the learning rate in backward; the kernel is updated before dX uses it
class LearningConv:
    def __init__(self, num_filters=3):
        self.filters = np.random.randn(num_filters, 3, 3) / 9

    def regions(self, image):
        for i in range(image.shape[0] - 2):
            for j in range(image.shape[1] - 2):
                yield image[i : i + 3, j : j + 3], i, j

    def forward(self, image):
        self.last_input = image
        out = np.zeros((image.shape[0] - 2, image.shape[1] - 2, len(self.filters)))
        for region, i, j in self.regions(image):
            out[i, j] = np.sum(region * self.filters, axis=(1, 2))
        return out

    def slopes(self, d_L_d_out):
        d = np.zeros(self.filters.shape)
        for region, i, j in self.regions(self.last_input):
            for f in range(len(self.filters)):
                d[f] += d_L_d_out[i, j, f] * region
        return d

    def spread(self, d_L_d_out):
        d = np.zeros(self.last_input.shape)
        for i in range(d_L_d_out.shape[0]):
            for j in range(d_L_d_out.shape[1]):
                for f in range(len(self.filters)):
                    d[i : i + 3, j : j + 3] += d_L_d_out[i, j, f] * self.filters[f]
        return d

    def backprop(self, d_L_d_out, learn_rate):
        self.filters -= learn_rate * self.slopes(d_L_d_out)
        return self.spread(d_L_d_out)


class LearningConvMended(LearningConv):
    def backprop(self, d_L_d_out, learn_rate):
        back = self.spread(d_L_d_out)
        self.filters -= learn_rate * self.slopes(d_L_d_out)
        return back


# 18: ReLU as a part of the convolution (the Java question): its mask is forgotten
class ConvReLU:
    def __init__(self, cin=2, cout=3):
        self.W = np.random.randn(cout, cin, 3, 3) * 0.3
        self.b = np.random.randn(cout) * 0.1

    def forward(self, x):
        self.col, oh, ow = im2col(x, 3, 1, 1)
        self.xshape = x.shape
        z = self.col @ self.W.reshape(len(self.W), -1).T + self.b
        self.z = z.reshape(len(x), oh, ow, -1).transpose(0, 3, 1, 2)
        return np.maximum(self.z, 0)

    def gate(self, dy):
        return dy

    def backward(self, dy):
        d = self.gate(dy).transpose(0, 2, 3, 1).reshape(-1, len(self.W))
        self.dW = (d.T @ self.col).reshape(self.W.shape)
        self.db = d.sum(axis=0)
        return col2im(d @ self.W.reshape(len(self.W), -1), self.xshape, 3, 1, 1)


class ConvReLUMended(ConvReLU):
    def gate(self, dy):
        return dy * (self.z > 0)


# 16: the mask stands in place of the gradient, in the same layer
class ConvReLUDrops(ConvReLU):
    def gate(self, dy):
        return (self.z > 0).astype(float)


# 32-bit casts throughout; healthy, and faulty where dX misses its stride's rows (7)
class Conv32:
    def __init__(self):
        self.kernel = np.random.randn(2, 2, 3, 3).astype(np.float32)

    def forward(self, x):
        self.x = x.astype(np.float32)
        win = np.lib.stride_tricks.sliding_window_view(self.x, (3, 3), axis=(2, 3))
        return np.einsum("nchwij,fcij->nfhw", win, self.kernel).astype(np.float32)

    def turned(self):
        return self.kernel

    def backward(self, dy):
        dy = dy.astype(np.float32)
        win = np.lib.stride_tricks.sliding_window_view(self.x, (3, 3), axis=(2, 3))
        self.dkernel = np.einsum("nchwij,nfhw->fcij", win, dy)
        big = np.pad(dy, ((0, 0), (0, 0), (2, 2), (2, 2)))
        win = np.lib.stride_tricks.sliding_window_view(big, (3, 3), axis=(2, 3))
        return np.einsum("nfhwij,fcij->nchw", win, self.turned())


class Conv32Mended(Conv32):
    def turned(self):
        return self.kernel[:, :, ::-1, ::-1]
