"""Convolutions, sound and not."""

import numpy as np


class Conv:
    """Six loops, a batch of images, the gradients kept beside the arrays."""

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, pad=0):
        self.W = 0.1 * np.random.randn(out_channels, in_channels, kernel_size, kernel_size)
        self.b = np.zeros(out_channels)
        self.stride, self.pad = stride, pad

    def forward(self, x):
        p, s, k = self.pad, self.stride, self.W.shape[2]
        self.xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        self.shape = x.shape
        n, _, h, w = self.xp.shape
        y = np.zeros((n, len(self.W), (h - k) // s + 1, (w - k) // s + 1))
        for a, f, i, j in np.ndindex(*y.shape):
            patch = self.xp[a, :, i * s : i * s + k, j * s : j * s + k]
            y[a, f, i, j] = (patch * self.W[f]).sum() + self.b[f]
        return y

    def places(self, dy):
        s, k = self.stride, self.W.shape[2]
        for a, f, i, j in np.ndindex(*dy.shape):
            yield a, f, i, j, (slice(i * s, i * s + k), slice(j * s, j * s + k))

    def cut(self, dxp):
        p, (_, _, h, w) = self.pad, self.shape
        return dxp[:, :, p : p + h, p : p + w]

    def backward(self, dy):
        dxp, self.dW = np.zeros_like(self.xp), np.zeros_like(self.W)
        self.db = dy.sum(axis=(0, 2, 3))
        for a, f, i, j, (r, c) in self.places(dy):
            self.dW[f] += dy[a, f, i, j] * self.xp[a, :, r, c]
            dxp[a, :, r, c] += dy[a, f, i, j] * self.W[f]
        return self.cut(dxp)


class ConvNotRotated(Conv):
    def backward(self, dy):
        kept = self.W
        self.W = kept[:, :, ::-1, ::-1]
        dx = super().backward(dy)
        self.W = kept
        return dx


class ConvTransposedKernel(Conv):
    def backward(self, dy):
        kept = self.W
        self.W = kept.transpose(0, 1, 3, 2)
        dx = super().backward(dy)
        self.W = kept
        return dx


class ConvDWRotated(Conv):
    def backward(self, dy):
        dx = super().backward(dy)
        self.dW = self.dW[:, :, ::-1, ::-1]
        return dx


class ConvAssignsDX(Conv):
    def backward(self, dy):
        super().backward(dy)
        dxp = np.zeros_like(self.xp)
        s, k = self.stride, self.W.shape[2]
        for i, j in np.ndindex(*dy.shape[2:]):
            both = np.einsum("nf,fcuv->ncuv", dy[:, :, i, j], self.W)
            dxp[:, :, i * s : i * s + k, j * s : j * s + k] = both
        return self.cut(dxp)


class ConvLastPosition(Conv):
    def backward(self, dy):
        dx = super().backward(dy)
        for a, f, i, j, (r, c) in self.places(dy):
            self.dW[f] = dy[a, f, i, j] * self.xp[a, :, r, c]
        return dx


class ConvLastImage(Conv):
    def backward(self, dy):
        dx = super().backward(dy)
        for a in range(len(dy)):
            self.dW = np.zeros_like(self.W)
            for m, f, i, j, (r, c) in self.places(dy):
                if m == a:
                    self.dW[f] += dy[a, f, i, j] * self.xp[a, :, r, c]
        return dx


class ConvLastFilter(Conv):
    def backward(self, dy):
        super().backward(dy)
        for f in range(len(self.W)):
            dxp = np.zeros_like(self.xp)
            for a, g, i, j, (r, c) in self.places(dy):
                if g == f:
                    dxp[a, :, r, c] += dy[a, f, i, j] * self.W[f]
        return self.cut(dxp)


class ConvChannelZero(Conv):
    def backward(self, dy):
        dx = super().backward(dy)
        self.dW = np.zeros_like(self.W)
        for a, f, i, j, (r, c) in self.places(dy):
            for ch in range(self.W.shape[1]):
                self.dW[f, ch] += dy[a, f, i, j] * self.xp[a, 0, r, c]
        return dx


class ConvBiasOfAll(Conv):
    def backward(self, dy):
        dx = super().backward(dy)
        self.db = np.ones_like(self.b) * dy.sum()
        return dx


class ConvBiasScalar(Conv):
    def backward(self, dy):
        dx = super().backward(dy)
        self.db = dy.sum()
        return dx


class ConvMean(Conv):
    def backward(self, dy):
        dx = super().backward(dy)
        positions = dy.shape[2] * dy.shape[3]
        self.dW, self.db = self.dW / positions, self.db / positions
        return dx


class ConvAccumulates(Conv):
    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, pad=0):
        super().__init__(in_channels, out_channels, kernel_size, stride, pad)
        self.grad_W, self.grad_b = np.zeros_like(self.W), np.zeros_like(self.b)

    def backward(self, dy):
        dx = super().backward(dy)
        self.grad_W += self.dW
        self.grad_b += self.db
        del self.dW, self.db
        return dx


class ConvAccumulatesAndClears(ConvAccumulates):
    def zero_grad(self):
        self.grad_W[:] = 0
        self.grad_b[:] = 0


class ConvUpdatesFirst(Conv):
    def backward(self, dy, learning_rate):
        super().backward(dy)
        self.W -= learning_rate * self.dW
        self.b -= learning_rate * self.db
        kept = self.dW, self.db
        dx = super().backward(dy)
        self.dW, self.db = kept
        return dx


class ConvUpdates(Conv):
    def backward(self, dy, learning_rate):
        dx = super().backward(dy)
        self.W -= learning_rate * self.dW
        self.b -= learning_rate * self.db
        return dx


class ConvReturnsNothing(Conv):
    def backward(self, dy):
        super().backward(dy)


def conv_forward(x, w, b, conv_param):
    """Patches as columns; settings in a dictionary."""
    s, p = conv_param["stride"], conv_param["pad"]
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    k = w.shape[2:]
    view = np.lib.stride_tricks.sliding_window_view(xp, k, axis=(2, 3))[:, :, ::s, ::s]
    out = np.einsum("ncijuv,fcuv->nfij", view, w) + b[None, :, None, None]
    return out, (x, w, b, conv_param, view)


def conv_backward(dout, cache):
    x, w, b, conv_param, view = cache
    s, p = conv_param["stride"], conv_param["pad"]
    n, c, h, wd = x.shape
    dw = np.einsum("nfij,ncijuv->fcuv", dout, view)
    db = dout.sum(axis=(0, 2, 3))
    dxp = np.zeros((n, c, h + 2 * p, wd + 2 * p))
    for i, j in np.ndindex(*dout.shape[2:]):
        part = np.einsum("nf,fcuv->ncuv", dout[:, :, i, j], w)
        dxp[:, :, i * s : i * s + w.shape[2], j * s : j * s + w.shape[3]] += part
    return dxp[:, :, p : p + h, p : p + wd], dw, db


def conv_backward_divided(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return dx / len(dx), dw, db


def conv_backward_sign(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return -dx, -dw, -db


def conv_forward_permuted(x, w, b, conv_param):
    out, cache = conv_forward(x, w, b, conv_param)
    return out.transpose(1, 0, 2, 3).reshape(out.shape), cache


def conv_backward_permuted(dout, cache):
    n, f, h, w = dout.shape
    return conv_backward(dout.reshape(f, n, h, w).transpose(1, 0, 2, 3), cache)


class Conv3x3:
    """One image (height, width), kernels (filters, 3, 3), output (height, width, filters)."""

    def __init__(self, num_filters):
        self.filters = np.random.randn(num_filters, 3, 3) / 9

    def forward(self, input):
        self.last_input = input
        h, w = input.shape
        out = np.zeros((h - 2, w - 2, len(self.filters)))
        for i, j in np.ndindex(h - 2, w - 2):
            out[i, j] = (input[i : i + 3, j : j + 3] * self.filters).sum(axis=(1, 2))
        return out

    def backprop(self, d_L_d_out):
        self.d_L_d_filters = np.zeros_like(self.filters)
        d_input = np.zeros_like(self.last_input)
        for i, j, f in np.ndindex(*d_L_d_out.shape):
            self.d_L_d_filters[f] += d_L_d_out[i, j, f] * self.last_input[i : i + 3, j : j + 3]
            d_input[i : i + 3, j : j + 3] += d_L_d_out[i, j, f] * self.filters[f]
        return d_input


class Conv3x3Flipped(Conv3x3):
    def backprop(self, d_L_d_out):
        d_input = super().backprop(d_L_d_out)
        self.d_L_d_filters = np.flip(self.d_L_d_filters, axis=(1, 2))
        return d_input


class ConvPadded(Conv):
    """Kernels of 3 rows and 5 columns, padded so that the maps keep their size."""

    def __init__(self, in_channels, out_channels):
        self.W = 0.1 * np.random.randn(out_channels, in_channels, 3, 5)
        self.b = np.zeros(out_channels)

    def forward(self, x):
        self.xp = np.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2)))
        self.shape = x.shape
        windows = np.lib.stride_tricks.sliding_window_view(self.xp, (3, 5), axis=(2, 3))
        return np.einsum("ncijuv,fcuv->nfij", windows, self.W) + self.b[:, None, None]

    def places(self, dy):
        for a, f, i, j in np.ndindex(*dy.shape):
            yield a, f, i, j, (slice(i, i + 3), slice(j, j + 5))

    def cut(self, dxp):
        (_, _, h, w) = self.shape
        return dxp[:, :, 1 : 1 + h, 2 : 2 + w]


class ConvPaddedHeightForWidth(ConvPadded):
    def cut(self, dxp):
        (_, _, h, w) = self.shape
        return np.pad(dxp, ((0, 0), (0, 0), (0, 1), (0, 0)))[:, :, 2 : 2 + h, 1 : 1 + w]
