"""Errors that come back to the wrong places: windows, rows of windows, paddings, orders."""

import numpy as np
import pytest

from sixloops.doctor import check_layer
from sixloops.doctor.layer.vocabulary import guess
from sixloops.layers import Conv2D, MaxPool2D, MeanPool2D


class Pooled:
    """A pooling by our own definition."""

    def __init__(self, kernel=2, stride=2):
        self.k, self.s = kernel, stride

    def layer(self, stride=None):
        return MaxPool2D(self.k, self.s if stride is None else stride)

    def forward(self, x):
        self.x = x
        self.y, self.back = self.layer().forward(x)
        return self.y

    def backward(self, dy):
        return self.back(dy)[0]

    def patches(self):
        for i, j in np.ndindex(*self.y.shape[2:]):
            rows, columns = (slice(self.s * p, self.s * p + self.k) for p in (i, j))
            yield i, j, self.x[:, :, rows, columns]


class Averaged(Pooled):
    def layer(self, stride=None):
        return MeanPool2D(self.k, self.s if stride is None else stride)


class WinnersLaidWithoutStride(Pooled):
    def backward(self, dy):
        dx, k = np.zeros_like(self.x), self.k
        for i, j, patch in self.patches():
            won = patch == patch.max(axis=(2, 3), keepdims=True)
            dx[:, :, i : i + k, j : j + k] += won * dy[:, :, i : i + 1, j : j + 1]
        return dx


class AveragesWithoutStride(Averaged):
    def backward(self, dy):
        dx, k = np.zeros_like(self.x), self.k
        for i, j in np.ndindex(*dy.shape[2:]):
            dx[:, :, i : i + k, j : j + k] += dy[:, :, i : i + 1, j : j + 1] / k**2
        return dx


class Tight:
    """Max pooling without overlaps, through comparisons with a map as large as the input."""

    def __init__(self, k=2):
        self.k = k

    def forward(self, x):
        n, c, h, w = x.shape
        self.x = x
        self.y = x.reshape(n, c, h // self.k, self.k, w // self.k, self.k).max(axis=(3, 5))
        return self.y

    def larger(self, a):
        return a.repeat(self.k, axis=2).repeat(self.k, axis=3)

    def backward(self, dy):
        return self.larger(dy) * (self.x == self.larger(self.y))


class TightTiled(Tight):
    def larger(self, a):
        return np.tile(a, (1, 1, self.k, self.k))


class TightErrorsTiled(Tight):
    def backward(self, dy):
        return np.tile(dy, (1, 1, self.k, self.k)) * (self.x == self.larger(self.y))


class OneRow(Pooled):
    def backward(self, dy):
        kept = np.zeros_like(dy)
        self.keep(kept, dy)
        return self.back(kept)[0]

    def keep(self, kept, dy):
        kept[:, :, -1] = dy[:, :, -1]


class FirstRowOfFirstImage(OneRow):
    def keep(self, kept, dy):
        kept[0, :, 0] = dy[0, :, 0]


class FirstRowOfFirstMap(OneRow):
    def keep(self, kept, dy):
        kept[0, 0, 0] = dy[0, 0, 0]


class Filtered:
    """A convolution with padding."""

    padding = 1

    def __init__(self, in_channels=2):
        self.layer = Conv2D(3, 3, padding=self.padding, use_bias=False)
        self.W = np.random.default_rng(0).normal(size=(3, in_channels, 3, 3))

    def forward(self, x):
        self.x = x
        y, self.back = self.layer.forward(x, {"weight": self.W})
        return y

    def backward(self, dy):
        dx, gradients = self.back(dy)
        self.dW = gradients["weight"]
        return self.placed(dx, dy)

    def placed(self, dx, dy):
        return dx


class CutAtTheWrongEnd(Filtered):
    def placed(self, dx, dy):
        h, w = dx.shape[2:]
        padded = np.zeros((*dx.shape[:2], h + 2, w + 2))
        for i, j in np.ndindex(3, 3):
            rows, columns = slice(i, i + dy.shape[2]), slice(j, j + dy.shape[3])
            padded[:, :, rows, columns] += np.einsum("nfhw,fc->nchw", dy, self.W[:, :, i, j])
        return padded[:, :, 2:, 2:]


class FiltersOfFirstRow(Filtered):
    def backward(self, dy):
        kept = np.zeros_like(dy)
        kept[:, :, 0] = dy[:, :, 0]
        return super().backward(kept)


class ErrorsOfFirstRow(Filtered):
    def placed(self, dx, dy):
        kept = np.zeros_like(dy)
        kept[:, :, 0] = dy[:, :, 0]
        return self.back(kept)[0]


class ErrorsOfLastRow(Filtered):
    def placed(self, dx, dy):
        kept = np.zeros_like(dy)
        kept[:, :, -1] = dy[:, :, -1]
        return self.back(kept)[0]


class Unheard(Filtered):
    """A padding that nobody has: the doctor does not know what forward computes."""

    padding = ((1, 2), (2, 1))


class UnheardFirstRow(FiltersOfFirstRow):
    padding = Unheard.padding


class LeakAtError:
    def forward(self, x):
        return np.where(x > 0, x, 0.07 * x)

    def backward(self, dy):
        return np.where(dy > 0, dy, 0.07 * dy)


class TanhAtError:
    def forward(self, x):
        return np.tanh(x)

    def backward(self, dy):
        return dy * (1 - np.tanh(dy) ** 2)


class Normal:
    """Layer normalisation."""

    def __init__(self, d=6):
        self.gamma, self.beta = np.ones(d), np.zeros(d)

    def forward(self, x):
        self.centred = x - x.mean(axis=1, keepdims=True)
        self.std = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
        return self.gamma * self.centred / self.std + self.beta

    def backward(self, dy):
        hat, u = self.centred / self.std, dy * self.gamma
        self.dgamma = (dy * self.factor(hat)).sum(axis=0)
        self.dbeta = dy.sum(axis=0)
        along = hat * (u * hat).mean(axis=1, keepdims=True)
        return (u - u.mean(axis=1, keepdims=True) - along) / self.std

    def factor(self, hat):
        return hat


class NormalCentred(Normal):
    def factor(self, hat):
        return self.centred


class ChannelsLast:
    """The channels go last, then all becomes a row."""

    def forward(self, x):
        n, self.c, self.h, self.w = x.shape
        return x.transpose(0, 2, 3, 1).reshape(n, -1)

    def backward(self, dy):
        return dy.reshape(-1, self.h, self.w, self.c).transpose(0, 3, 1, 2)


class MovedAgain(ChannelsLast):
    """The axes are moved on, not back."""

    def backward(self, dy):
        folded = dy.reshape(-1, self.h, self.w, self.c)
        return folded.transpose(0, 2, 3, 1).reshape(-1, self.c, self.h, self.w)


class OnlyFolded(ChannelsLast):
    def backward(self, dy):
        return dy.reshape(-1, self.c, self.h, self.w)


class Negated(ChannelsLast):
    def backward(self, dy):
        return -super().backward(dy)


class Halved(ChannelsLast):
    """Half of the numbers are lost on the way back."""

    def backward(self, dy):
        dx = super().backward(dy).copy()
        dx[:, :, ::2] = 0
        return dx


class Shuffled:
    """The channels of two groups are dealt out in turn, and stay maps."""

    def forward(self, x):
        n, c, h, w = x.shape
        return x.reshape(n, 2, c // 2, h, w).swapaxes(1, 2).reshape(x.shape)

    def backward(self, dy):
        n, c, h, w = dy.shape
        return dy.reshape(n, c // 2, 2, h, w).swapaxes(1, 2).reshape(dy.shape)


class ShuffledTwice(Shuffled):
    def backward(self, dy):
        return self.forward(dy)


class Sorted:
    """Moves numbers to places that depend on them."""

    def forward(self, x):
        self.order = np.argsort(x, axis=-1)
        return np.sort(x, axis=-1)

    def backward(self, dy):
        dx = np.zeros_like(dy)
        np.put_along_axis(dx, self.order, dy, axis=-1)
        return dx


class MixesImages:
    """The images' axis goes last, and comes back rightly."""

    def forward(self, x):
        self.shape = x.shape
        return np.moveaxis(x, 0, -1).reshape(len(x), -1)

    def backward(self, dy):
        return np.moveaxis(dy.reshape(*self.shape[1:], self.shape[0]), -1, 0)


NAMES = {
    WinnersLaidWithoutStride: "pool-stride-forgotten",
    AveragesWithoutStride: "pool-stride-forgotten",
    TightTiled: "pool-tiled",
    TightErrorsTiled: "pool-tiled",
    OneRow: "only-last-row-of-windows",
    FirstRowOfFirstImage: "only-first-row-of-windows",
    FirstRowOfFirstMap: "only-first-row-of-windows",
    CutAtTheWrongEnd: "padding-cut-before",
    FiltersOfFirstRow: "only-first-row-of-windows",
    ErrorsOfFirstRow: "only-first-row-of-windows",
    ErrorsOfLastRow: "only-last-row-of-windows",
    UnheardFirstRow: "only-first-row-of-windows",
    LeakAtError: "leaky-slope-by-error",
    TanhAtError: "slope-at-error",
    NormalCentred: "layer-norm-gamma-of-centred",
    MovedAgain: "numbers-in-another-order",
    OnlyFolded: "numbers-in-another-order",
    Negated: "sign",
    Halved: "",
}
ORDER = "another order of the same numbers"
SOUND = {
    Pooled: "max pooling 2×2",
    Averaged: "mean pooling 2×2",
    Filtered: "convolution 3×3, padding 1 (kernel not flipped)",
    Unheard: "",
    Normal: "layer normalisation",
    ChannelsLast: ORDER,
    Sorted: ORDER,
}


@pytest.mark.parametrize("kind", NAMES, ids=lambda kind: kind.__name__)
def test_a_moved_error_has_its_name(kind):
    verdict = check_layer(kind)
    assert not verdict.healthy
    assert verdict.name == NAMES[kind], str(verdict)
    assert not verdict.alternatives


@pytest.mark.parametrize("kind", SOUND, ids=lambda kind: kind.__name__)
def test_one_at_the_right_place_is_recognised(kind):
    verdict = check_layer(kind)
    assert verdict.healthy, str(verdict)
    assert verdict.recognised == SOUND[kind]


def test_channels_that_are_shuffled_come_back():
    assert check_layer(Shuffled, input_shape=(2, 6, 4, 4)).healthy
    verdict = check_layer(ShuffledTwice, input_shape=(2, 6, 4, 4))
    assert verdict.name == "numbers-in-another-order", str(verdict)


def test_images_that_forward_mixes_are_still_seen():
    assert check_layer(MixesImages, axes="NCHW").name == "images-mixed"


def test_what_padding_alone_shows_is_not_blamed_on_the_batch():
    class Padded(Filtered):
        def __init__(self, in_channels=2, pad=0):
            super().__init__(in_channels)
            self.layer, self.pad = Conv2D(3, 3, padding=pad, use_bias=False), pad

        def placed(self, dx, dy):
            return np.roll(dx, self.pad, axis=2)

    verdict = check_layer(Padded)
    assert [finding.what for finding in verdict.findings] == ["dX"], str(verdict)


@pytest.mark.parametrize("word", ["pool_h", "pool_w", "pool_height", "kh", "kw", "filterHeight"])
def test_the_two_sides_of_a_window_are_known_words(word):
    assert guess(word) == 2


def test_a_window_of_two_sides_needs_no_words():
    class Sides(Pooled):
        def __init__(self, pool_h, pool_w, stride_h=2, pad_h=0):
            super().__init__((pool_h, pool_w), stride_h)

    assert check_layer(Sides).healthy
