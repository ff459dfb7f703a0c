"""Mistakes in grouped, dilated and transposed convolutions, upsampling, frames, normalisations."""

import numpy as np
import pytest

from sixloops.doctor import check_layer
from sixloops.layers import Conv2D, MeanPool2D

WINDOWS = np.lib.stride_tricks.sliding_window_view


class Spaced:
    """A convolution with gaps between its taps, or in groups, by our own definition."""

    options = {"dilation": 2}  # noqa: RUF012

    def __init__(self, in_channels=4):
        self.layer = Conv2D(6, 3, use_bias=False, **self.options)
        per_group = in_channels // self.options.get("groups", 1)
        self.W = np.random.default_rng(0).normal(size=(6, per_group, 3, 3))

    def forward(self, x):
        self.x = x
        y, self.back = self.layer.forward(x, {"weight": self.W})
        return y

    def backward(self, dy):
        self.dW, dx = self.gradients(dy)
        return dx

    def gradients(self, dy, x=None):
        x = self.x if x is None else x
        dx, found = self.layer.forward(x, {"weight": self.W})[1](dy)
        return found["weight"], dx


class Grouped(Spaced):
    options = {"groups": 2}  # noqa: RUF012


def tight(dy, x, weight):
    """Return dW and dX with the taps side by side."""
    dw, dx = np.zeros_like(weight), np.zeros_like(x)
    h, w = dy.shape[2:]
    for i, j in np.ndindex(3, 3):
        seen = x[:, :, i : i + h, j : j + w]
        dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dy, seen)
        dx[:, :, i : i + h, j : j + w] += np.einsum("nfhw,fc->nchw", dy, weight[:, :, i, j])
    return dw, dx


class DWTight(Spaced):
    def gradients(self, dy):
        return tight(dy, self.x, self.W)[0], super().gradients(dy)[1]


class DXTight(Spaced):
    def gradients(self, dy):
        return super().gradients(dy)[0], tight(dy, self.x, self.W)[1]


class DXFlipped(Grouped):
    def gradients(self, dy):
        dw = super().gradients(dy)[0]
        self.W = self.W[..., ::-1, ::-1]
        dx = super().gradients(dy)[1]
        self.W = self.W[..., ::-1, ::-1]
        return dw, dx


class DWFirstGroup(Grouped):
    def gradients(self, dy):
        first = np.concatenate([self.x[:, :2], self.x[:, :2]], axis=1)
        return super().gradients(dy, first)[0], super().gradients(dy)[1]


class DXFirstGroup(Grouped):
    def gradients(self, dy):
        dw, dx = super().gradients(dy)
        dx[:, :2] += dx[:, 2:]
        dx[:, 2:] = 0
        return dw, dx


class Transposed:
    """A transposed convolution of stride 2, position by position."""

    def __init__(self, in_channels=3, out_channels=2, lr=0.5):
        self.W = np.ones((in_channels, out_channels, 3, 3))
        self.lr = lr

    def forward(self, x):
        self.x = x
        n, _, h, w = x.shape
        y = np.zeros((n, self.W.shape[1], 2 * h + 1, 2 * w + 1))
        for i, j in np.ndindex(h, w):
            y[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += np.tensordot(x[:, :, i, j], self.W, 1)
        return y

    def kernel(self):
        return self.W

    def backward(self, dy):
        seen = WINDOWS(dy, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
        self.dW = np.einsum("ncij,nfijuv->cfuv", self.x, seen)
        return np.einsum("nfijuv,cfuv->ncij", seen, self.kernel())


class TransposedTurned(Transposed):
    def kernel(self):
        return self.W[..., ::-1, ::-1]


class TransposedUpdates(Transposed):
    def kernel(self):
        self.W = self.W - self.lr * self.dW
        return self.W


class Repeats:
    def forward(self, x):
        self.shape = x.shape
        return x.repeat(2, axis=2).repeat(3, axis=3)

    def blocks(self, dy):
        n, c, h, w = self.shape
        return dy.reshape(n, c, h, 2, w, 3)

    def backward(self, dy):
        return self.blocks(dy).sum(axis=(3, 5))


class RepeatsFirst(Repeats):
    def backward(self, dy):
        return dy[:, :, ::2, ::3]


class RepeatsLargest(Repeats):
    def backward(self, dy):
        return self.blocks(dy).max(axis=(3, 5))


class RepeatsReshaped(Repeats):
    def backward(self, dy):
        n, c, h, w = self.shape
        return dy.reshape(n, c, 2, h, 3, w).sum(axis=(2, 4))


class Framed:
    def forward(self, x):
        self.h, self.w = x.shape[1:3]
        return np.pad(x, ((0, 0), (1, 2), (3, 1), (0, 0)))

    def backward(self, dy):
        return dy[:, 1 : 1 + self.h, 3 : 3 + self.w]


class FramedUncut(Framed):
    def backward(self, dy):
        return dy[:, : self.h, : self.w]


class CountsPadding:
    """Mean pooling whose backward counts the padding the other way than its forward."""

    counts = True

    def forward(self, x):
        self.x = x
        return MeanPool2D(3, 2, 1, count_padding=self.counts).forward(x)[0]

    def backward(self, dy):
        return MeanPool2D(3, 2, 1, count_padding=not self.counts).forward(self.x)[1](dy)[0]


class LeavesPadding(CountsPadding):
    counts = False


class Normal:
    """Layer normalisation with epsilon beside the standard deviation."""

    def __init__(self, dim=6):
        self.gamma, self.beta = np.ones(dim), np.zeros(dim)

    def forward(self, x):
        self.s = x.std(axis=1, keepdims=True) + 1e-6
        self.n = (x - x.mean(axis=1, keepdims=True)) / self.s
        return self.n * self.gamma + self.beta

    def backward(self, dy):
        self.dgamma, self.dbeta = (dy * self.n).sum(axis=0), dy.sum(axis=0)
        return self.dx(dy * self.gamma, lambda a: a.mean(axis=1, keepdims=True))

    def dx(self, u, mean):
        return (u - mean(u) - self.n * mean(u * self.n)) / self.s


class NormalVariance(Normal):
    def dx(self, u, mean):
        return (u - mean(u)) / self.s


class NormalMean(Normal):
    def dx(self, u, mean):
        return (u - self.n * mean(u * self.n)) / self.s


class NormalUndivided(Normal):
    def dx(self, u, mean):
        return super().dx(u, mean) * self.s


class NormalNoGamma(Normal):
    def dx(self, u, mean):
        return super().dx(u / self.gamma, mean)


class Scaled:
    """LeCun's tanh."""

    def forward(self, z):
        self.t = np.tanh(2 / 3 * z)
        return 1.7159 * self.t

    def backward(self, g):
        return g * self.slope()

    def slope(self):
        return 1.7159 * 2 / 3 * (1 - self.t**2)


class ScaledNoOuter(Scaled):
    def slope(self):
        return 2 / 3 * (1 - self.t**2)


class ScaledPlain(Scaled):
    def slope(self):
        return 1 - self.t**2


class ScaledOfOutput(Scaled):
    def slope(self):
        return 1 - (1.7159 * self.t) ** 2


class Unheard:
    """An activation that no list of activations has."""

    def forward(self, v):
        self.v, self.y = v, np.sin(v) + 0.3 * v**2
        return self.y

    def slope(self, v):
        return np.cos(v) + 0.6 * v

    def backward(self, d):
        return d * self.slope(self.v)


class UnheardDropped(Unheard):
    def backward(self, d):
        return self.slope(self.v)


class UnheardAtOutput(Unheard):
    def backward(self, d):
        return d * self.slope(self.y)


class UnheardTwice(Unheard):
    def backward(self, d):
        return d * self.slope(self.v) ** 2


class UnheardForgotten(Unheard):
    def backward(self, d):
        return d.copy()


NAMES = {
    DWTight: "dilation-forgotten",
    DXTight: "dx-dilation-forgotten",
    DXFlipped: "kernel-not-rotated",
    DWFirstGroup: "group-index",
    DXFirstGroup: "dx-group-index",
    TransposedTurned: "kernel-not-rotated",
    TransposedUpdates: "weights-updated-first",
    RepeatsFirst: "upsampling-one-copy",
    RepeatsLargest: "upsampling-largest",
    RepeatsReshaped: "upsampling-reshaped",
    FramedUncut: "padding-not-cut",
    CountsPadding: "mean-pool-padding-not-counted",
    LeavesPadding: "mean-pool-padding-counted",
    NormalVariance: "layer-norm-variance-constant",
    NormalMean: "layer-norm-mean-constant",
    NormalUndivided: "layer-norm-not-divided",
    NormalNoGamma: "layer-norm-no-gamma",
    ScaledNoOuter: "scaled-tanh-no-outer",
    ScaledPlain: "scaled-tanh-plain",
    ScaledOfOutput: "scaled-tanh-of-output",
    UnheardDropped: "error-dropped",
    UnheardAtOutput: "slope-at-output",
    UnheardTwice: "slope-twice",
    UnheardForgotten: "slope-forgotten",
}
SOUND = {
    Spaced: "convolution 3×3, dilation 2 (kernel not flipped)",
    Grouped: "convolution 3×3, 2 groups (kernel not flipped)",
    Transposed: "transposed convolution 3×3, stride 2",
    Repeats: "upsampling by repetition, 2×3",
    Framed: "zero padding ((1, 2), (3, 1))",
    Normal: "layer normalisation",
    Scaled: "scaled tanh",
    Unheard: "",
}


@pytest.mark.parametrize("kind", NAMES, ids=lambda kind: kind.__name__)
def test_a_mistake_has_its_name(kind):
    verdict = check_layer(kind)
    assert verdict.name == NAMES[kind], str(verdict)


@pytest.mark.parametrize("kind", SOUND, ids=lambda kind: kind.__name__)
def test_a_sound_one_is_recognised(kind):
    verdict = check_layer(kind)
    assert verdict.healthy, str(verdict)
    assert verdict.recognised == SOUND[kind]


def test_softmax_that_overflows_is_remarked_on_but_no_fault():
    class Softmax:
        def scores(self, z):
            return z

        def forward(self, z):
            e = np.exp(self.scores(z))
            self.p = e / e.sum(axis=1, keepdims=True)
            return self.p

        def backward(self, g):
            return self.p * (g - (g * self.p).sum(axis=1, keepdims=True))

    class Shifted(Softmax):
        def scores(self, z):
            return z - z.max(axis=1, keepdims=True)

    loud, quiet = check_layer(Softmax), check_layer(Shifted)
    assert loud.healthy
    assert quiet.healthy
    assert any("overflows" in note for note in loud.notes)
    assert not any("overflows" in note for note in quiet.notes)


class Squares:
    """A layer that is not recognised: squares of what a small kernel sees, and a leak learnt."""

    def __init__(self, in_channels=2, filters=3):
        self.W, self.c = np.ones((filters, in_channels, 3, 3)), np.array([0.3])

    def forward(self, x):
        self.x = x
        self.win = WINDOWS(x, (3, 3), axis=(2, 3))
        self.z = np.einsum("ncijuv,fcuv->nfij", self.win, self.W)
        return self.z**2 + self.c * self.z

    def for_x(self, dz):
        return dz

    def for_w(self, dz):
        return dz

    def for_c(self, dy):
        return dy

    def backward(self, dy):
        dz = dy * (2 * self.z + self.c)
        self.dW = np.einsum("nfij,ncijuv->fcuv", self.for_w(dz), self.win)
        self.dc = np.array([(self.for_c(dy) * self.z).sum()])
        dz, dx = self.for_x(dz), np.zeros_like(self.x)
        h, w = dz.shape[2:]
        for u, v in np.ndindex(3, 3):
            back = np.einsum("nfij,fc->ncij", dz, self.W[:, :, u, v])
            dx[:, :, u : u + h, v : v + w] += back
        return dx


def only(array, *index):
    kept = np.zeros_like(array)
    kept[index] = array[index]
    return kept


class SquaresLastFilter(Squares):
    def for_x(self, dz):
        return only(dz, slice(None), -1)


class SquaresFirstFilter(Squares):
    def for_x(self, dz):
        return only(dz, slice(None), 0)


class SquaresLastImage(Squares):
    def for_w(self, dz):
        return only(dz, -1)

    def for_c(self, dy):
        return only(dy, -1)


class SquaresFirstImage(Squares):
    def for_x(self, dz):
        return only(dz, 0)


class SquaresFirstWindow(Squares):
    def for_x(self, dz):
        return only(dz, slice(None), slice(None), 0, 0)


class SquaresNoError(Squares):
    def for_c(self, dy):
        return np.ones_like(dy)


PARTS = {
    SquaresLastFilter: "last-output-only",
    SquaresFirstFilter: "first-output-only",
    SquaresLastImage: "last-image-only",
    SquaresFirstImage: "dx-first-image-only",
    SquaresFirstWindow: "only-first-window",
    SquaresNoError: "error-dropped",
}


@pytest.mark.parametrize("kind", PARTS, ids=lambda kind: kind.__name__)
def test_a_part_of_the_error_is_named_without_knowing_the_layer(kind):
    verdict = check_layer(kind)
    assert not verdict.recognised
    assert verdict.name == PARTS[kind], str(verdict)


def test_the_unknown_layer_itself_is_healthy():
    verdict = check_layer(Squares)
    assert verdict.healthy, str(verdict)


class PerChannel:
    """Works with any input in forward, but back with maps alone; its arrays have odd names."""

    def __init__(self, channels=3):
        self.p = {"gamma": np.ones(channels), "beta": np.zeros(channels)}
        self.g = {}

    def forward(self, x):
        self.x = x
        return x * self.p["gamma"][:, None, None] + self.p["beta"][:, None, None]

    def backward(self, dy):
        self.g["gamma"] = (dy * self.x).sum(axis=(0, 2, 3))
        self.g["beta"] = dy.sum(axis=(0, 2, 3))
        return dy * self.p["gamma"][:, None, None]


def test_an_input_is_sought_that_backward_takes_too():
    verdict = check_layer(PerChannel)
    assert verdict.healthy, str(verdict)
    assert "dgamma, dbeta" in verdict.examined


def test_code_that_works_with_poorer_inputs_alone_still_raises():
    class MapsRaise:
        def forward(self, x):
            self.x = x
            return x * x + x.mean()

        def backward(self, dy):
            if dy.ndim > 2:
                raise ValueError("not today")
            return dy * (2 * self.x) + dy.sum() / dy.size

    assert check_layer(MapsRaise).name == "raises"


def test_a_vector_is_drawn_in_the_shape_of_its_gradient():
    def forward(x, gamma, beta):
        axes = (0, 1, 2)
        s = np.sqrt(x.var(axis=axes) + 1e-5)
        n = (x - x.mean(axis=axes)) / s
        return gamma * n + beta, (n, gamma, s)

    def backward(dy, cache):
        n, gamma, s = cache
        u, axes = dy * gamma, (0, 1, 2)
        dx = (u - u.mean(axis=axes) - n * (u * n).mean(axis=axes)) / s
        return dx, (dy * n).sum(axis=axes), dy.sum(axis=axes)

    verdict = check_layer((forward, backward), axes="NHWC")
    assert verdict.healthy, str(verdict)
    assert verdict.recognised == "batch normalisation"


def test_a_gradient_of_a_wrong_shape_is_still_said():
    def forward(x, w, b):
        return x @ w + b, (x, w)

    def backward(dy, cache):
        x, w = cache
        return dy @ w.T, x.T @ dy, dy

    assert check_layer((forward, backward)).name == "wrong-shape"


class Tiles:
    """Pooling with 2×2 windows that tile the maps, by a reshape and a transpose."""

    def windows(self, x):
        n, c, h, w = x.shape
        blocks = x.reshape(n, c, h // 2, 2, w // 2, 2).swapaxes(3, 4)
        return blocks.reshape(n, c, h // 2, w // 2, 4)

    def maps(self, windows):
        n, c, a, b, _ = windows.shape
        return windows.reshape(n, c, a, b, 2, 2).swapaxes(3, 4).reshape(n, c, 2 * a, 2 * b)

    def forward(self, x):
        windows = self.windows(x)
        self.winners = windows.argmax(axis=-1)[..., None]
        self.shape = windows.shape
        return windows.max(axis=-1)

    def backward(self, dy):
        windows = np.zeros(self.shape)
        np.put_along_axis(windows, self.winners, dy[..., None], axis=-1)
        return self.maps(windows)


class NotTurnedBack(Tiles):
    def maps(self, windows):
        n, c, a, b, _ = windows.shape
        return windows.reshape(n, c, 2 * a, 2 * b)


class MeanNotTurnedBack(NotTurnedBack):
    def forward(self, x):
        self.shape = self.windows(x).shape
        return self.windows(x).mean(axis=-1)

    def backward(self, dy):
        return self.maps(np.broadcast_to(dy[..., None] / 4, self.shape))


class ToTheFirstPixel(Tiles):
    def backward(self, dy):
        self.winners = np.zeros_like(self.winners)
        return super().backward(dy)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (Tiles, ""),
        (NotTurnedBack, "windows-not-turned-back"),
        (MeanNotTurnedBack, "windows-not-turned-back"),
        (ToTheFirstPixel, "max-pool-first-pixel"),
    ],
)
def test_where_a_pooling_puts_its_error(layer, name):
    verdict = check_layer(layer)
    assert verdict.healthy == (not name)
    assert verdict.name == name, str(verdict)
    assert not verdict.alternatives
