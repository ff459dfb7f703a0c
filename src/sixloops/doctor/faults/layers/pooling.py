"""Poolings, sound and not."""

import numpy as np


class MeanPool:
    def __init__(self, size=2):
        self.size = size

    def forward(self, x):
        n, c, h, w = x.shape
        k = self.size
        return x.reshape(n, c, h // k, k, w // k, k).mean(axis=(3, 5))

    def backward(self, dout):
        k = self.size
        return dout.repeat(k, axis=2).repeat(k, axis=3) / (k * k)


class MeanPoolNotDivided(MeanPool):
    def backward(self, dout):
        return dout.repeat(self.size, axis=2).repeat(self.size, axis=3)


class MeanPoolDividedTwice(MeanPool):
    def backward(self, dout):
        return super().backward(dout) / self.size**2


class MeanPoolToWinner(MeanPool):
    def forward(self, x):
        self.x = x
        return super().forward(x)

    def backward(self, dout):
        k = self.size
        n, c, h, w = self.x.shape
        blocks = self.x.reshape(n, c, h // k, k, w // k, k)
        mask = blocks == blocks.max(axis=(3, 5), keepdims=True)
        return (mask * dout[:, :, :, None, :, None]).reshape(self.x.shape)


class MeanPoolWrongAxes(MeanPool):
    def forward(self, x):
        n, c, h, w = x.shape
        k = self.size
        return x.reshape(n, c, k, h // k, k, w // k).mean(axis=(2, 4))

    def backward(self, dout):
        k = self.size
        return np.tile(dout, (1, 1, k, k)) / (k * k)


def maxpool_forward(x, pool_size=3, stride=2):
    """One image (channels, height, width), with loops; windows overlap."""
    c, h, w = x.shape
    oh, ow = (h - pool_size) // stride + 1, (w - pool_size) // stride + 1
    out = np.zeros((c, oh, ow))
    for ch in range(c):
        for i in range(oh):
            for j in range(ow):
                a, b = i * stride, j * stride
                out[ch, i, j] = np.max(x[ch, a : a + pool_size, b : b + pool_size])
    return out, x


def maxpool_backward(dout, cache, pool_size=3, stride=2):
    x = cache
    dx = np.zeros_like(x)
    for ch, i, j in np.ndindex(*dout.shape):
        a, b = i * stride, j * stride
        patch = x[ch, a : a + pool_size, b : b + pool_size]
        u, v = np.unravel_index(np.argmax(patch), patch.shape)
        dx[ch, a + u, b + v] += dout[ch, i, j]
    return dx


def maxpool_backward_assigns(dout, cache, pool_size=3, stride=2):
    x = cache
    dx = np.zeros_like(x)
    for ch, i, j in np.ndindex(*dout.shape):
        a, b = i * stride, j * stride
        patch = x[ch, a : a + pool_size, b : b + pool_size]
        u, v = np.unravel_index(np.argmax(patch), patch.shape)
        dx[ch, a + u, b + v] = dout[ch, i, j]
    return dx


def maxpool_backward_assigns_patches(dout, cache, pool_size=3, stride=2):
    x = cache
    dx = np.zeros_like(x)
    for ch, i, j in np.ndindex(*dout.shape):
        a, b = i * stride, j * stride
        patch = x[ch, a : a + pool_size, b : b + pool_size]
        mask = patch == patch.max()
        dx[ch, a : a + pool_size, b : b + pool_size] = mask * dout[ch, i, j]
    return dx


def maxpool_backward_returns_early(dout, cache, pool_size=3, stride=2):
    x = cache
    dx = np.zeros_like(x)
    for i in range(dout.shape[1]):
        for j in range(dout.shape[2]):
            for ch in range(dout.shape[0]):
                a, b = i * stride, j * stride
                patch = x[ch, a : a + pool_size, b : b + pool_size]
                u, v = np.unravel_index(np.argmax(patch), patch.shape)
                dx[ch, a + u, b + v] += dout[ch, i, j]
            return dx


def maxpool_backward_returns_at_once(dout, cache, pool_size=3, stride=2):
    x = cache
    dx = np.zeros_like(x)
    for ch, i, j in np.ndindex(*dout.shape):
        a, b = i * stride, j * stride
        patch = x[ch, a : a + pool_size, b : b + pool_size]
        u, v = np.unravel_index(np.argmax(patch), patch.shape)
        dx[ch, a + u, b + v] += dout[ch, i, j]
        return dx


class MaxPool:
    """A batch of images, channels last."""

    def __init__(self, size=2):
        self.size = size

    def forward(self, inputs):
        n, h, w, c = inputs.shape
        k = self.size
        blocks = inputs.reshape(n, h // k, k, w // k, k, c).transpose(0, 1, 3, 2, 4, 5)
        self.flat = blocks.reshape(n, h // k, w // k, k * k, c)
        self.winners = self.flat.argmax(axis=3)
        self.shape = inputs.shape
        return self.flat.max(axis=3)

    def spread(self, mask, dvalues):
        n, h, w, c = self.shape
        k = self.size
        blocks = (mask * dvalues[:, :, :, None, :]).reshape(n, h // k, w // k, k, k, c)
        return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(self.shape)

    def mask(self, winners):
        return np.arange(self.size**2)[None, None, None, :, None] == winners[:, :, :, None, :]

    def backward(self, dvalues):
        self.dinputs = self.spread(self.mask(self.winners), dvalues)


class MaxPoolOnes(MaxPool):
    def backward(self, dvalues):
        self.dinputs = self.spread(self.mask(self.winners), np.ones_like(dvalues))


class MaxPoolEveryTie(MaxPool):
    def backward(self, dvalues):
        mask = self.flat == self.flat.max(axis=3, keepdims=True)
        self.dinputs = self.spread(mask, dvalues)


class MaxPoolEverywhere(MaxPool):
    def backward(self, dvalues):
        self.dinputs = self.spread(np.ones_like(self.flat), dvalues)


class MaxPoolSharedOut(MaxPool):
    def backward(self, dvalues):
        self.dinputs = self.spread(np.ones_like(self.flat), dvalues) / self.size**2


class MaxPoolRowForColumn(MaxPool):
    def backward(self, dvalues):
        k = self.size
        swapped = (self.winners % k) * k + self.winners // k
        self.dinputs = self.spread(self.mask(swapped), dvalues)


class MaxPoolLastSwitches(MaxPool):
    def backward(self, dvalues):
        last = np.broadcast_to(self.winners[-1:], self.winners.shape)
        self.dinputs = self.spread(self.mask(last), dvalues)


class MaxPoolDividedByBatch(MaxPool):
    def backward(self, dvalues):
        self.dinputs = self.spread(self.mask(self.winners), dvalues) / len(dvalues)


class MaxPoolNeverEqual(MaxPool):
    def backward(self, dvalues):
        mask = np.tanh(self.flat) == self.flat.max(axis=3, keepdims=True)
        self.dinputs = self.spread(mask, dvalues)


class MaxPoolKeepsFirst(MaxPool):
    """Remembers the winners of the first call only."""

    def forward(self, inputs):
        kept = getattr(self, "winners", None)
        y = super().forward(inputs)
        if kept is not None and kept.shape == self.winners.shape:
            self.winners = kept
        return y


class L2Pool:
    def __init__(self, size=2):
        self.size = size

    def forward(self, x):
        n, c, h, w = x.shape
        k = self.size
        self.x = x
        self.y = np.sqrt((x.reshape(n, c, h // k, k, w // k, k) ** 2).sum(axis=(3, 5)))
        return self.y

    def up(self, a):
        return a.repeat(self.size, axis=2).repeat(self.size, axis=3)

    def backward(self, dy):
        return self.x * self.up(dy / self.y)


class L2PoolNotDivided(L2Pool):
    def backward(self, dy):
        return self.x * self.up(dy)


class L2PoolNoInput(L2Pool):
    def backward(self, dy):
        return self.up(dy)


class MeanPoolReadsColumns(MeanPool):
    def backward(self, dout):
        n, c, h, w = dout.shape
        return super().backward(dout.transpose(0, 1, 3, 2).reshape(n, c, h, w))


class MeanPoolMixesImages(MeanPool):
    def backward(self, dout):
        dx = super().backward(dout)
        return dx.transpose(1, 0, 2, 3).reshape(dx.shape)
