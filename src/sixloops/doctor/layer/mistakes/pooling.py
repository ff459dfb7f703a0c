"""Wrong backwards of poolings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sixloops.doctor.layer.mistakes.base import (
    CHAINED,
    JAVA,
    NUMPY_POOLING,
    POST_316354,
    Case,
    Mistake,
    about,
    assigned,
    mistake,
    window_of,
)
from sixloops.doctor.layer.models import Roles
from sixloops.layers import MeanPool2D
from sixloops.layers.base import Array

MAX, MEAN, L2 = "max pooling", "mean pooling", "L2 pooling"
WINNER = "dx_w = dy for the window's winner w, dx_i = 0 for the others"


def patches_of(case: Case) -> Array:
    """Return what each window hands back: the scatter's operand."""
    window = window_of(case)
    parts = np.zeros((*case.x.shape[:2], *window.kernel, *window.positions))
    for i, j in np.ndindex(*window.positions):
        dz = np.zeros_like(case.dz)
        dz[..., i, j] = case.dz[..., i, j]
        whole = np.pad(case.through_core(dz)["x"], ((0, 0), (0, 0), *window.padding))
        (sh, sw), (kh, kw) = window.stride, window.kernel
        parts[..., i, j] = whole[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw]
    return parts


def _everywhere(case: Case, share: Array) -> Array:
    window = window_of(case)
    taps = np.ones((*share.shape[:2], *window.kernel, *share.shape[2:]))
    return window.scatter(taps * share[:, :, None, None])


@mistake(
    about(
        "pool-assigned",
        "Where windows overlap, dX keeps only what the last window handed back: the backward "
        "assigns (=) where it must add (+=).",
        "a pixel that several windows saw has dx = the sum of what each of them hands back",
        "dx[window] += …, with dx begun at zeros.",
        CHAINED,
        2,
    ),
    *(MAX, MEAN, L2, "sum pooling", "min pooling"),
)
def overlap(case: Case) -> Roles:
    """Assign patch by patch."""
    return {"x": assigned(window_of(case), patches_of(case))}


@mistake(
    about(
        "pool-winner-assigned",
        "Where two windows have the same winner, dX keeps only one window's error: the backward "
        "assigns (=) where it must add (+=).",
        "a pixel that won in several windows has dx = the sum of their errors",
        "dx[winner] += dy, with dx begun at zeros.",
        CHAINED,
        2,
    ),
    *(MAX, "min pooling"),
)
def winner_assigned(case: Case) -> Roles:
    """Assign at the winners only."""
    window, parts = window_of(case), patches_of(case)
    (h, w), (sh, sw) = window.extent, window.stride
    sides = ((0, 0), (0, 0), *window.padding)
    dx = np.pad(np.zeros_like(case.x), sides)
    for i, j in np.ndindex(*window.positions):
        view = dx[:, :, i * sh : i * sh + window.kernel[0], j * sw : j * sw + window.kernel[1]]
        view[...] = np.where(parts[..., i, j] != 0, parts[..., i, j], view)
    (top, _), (left, _) = window.padding
    return {"x": dx[:, :, top : top + h, left : left + w]}


@mistake(
    about(
        "max-pool-ones",
        "dX is 1 at each winner, whatever the error is: the 1 is the pooling's own derivative, "
        "and must still be multiplied by dy.",
        WINNER + " (the derivative 1 times dy)",
        "Put the window's dy at the winner, not 1.",
        f"{JAVA}#3-the-poolings-error-signal",
        16,
    ),
    *(MAX, "min pooling"),
)
def ones(case: Case) -> Roles:
    """Hand out the pooling's derivative without the error."""
    return case.through_core(np.ones_like(case.dz))


@mistake(
    about(
        "max-pool-everywhere",
        "Every pixel of a window gets its error, the losers too.",
        WINNER,
        "Remember in the forward which pixel won, and give dy to that one alone.",
        f"{POST_316354}#3-max-poolings-error-back",
    ),
    *(MAX, "min pooling"),
)
def everywhere(case: Case) -> Roles:
    """Give each pixel of the window dy."""
    return {"x": _everywhere(case, case.dz)}


@mistake(
    about(
        "max-pool-first-pixel",
        "Every window's error goes to the window's first pixel, top left, whichever pixel won.",
        WINNER,
        "Remember in the forward which pixel won, and give dy to that one alone.",
        f"{POST_316354}#3-max-poolings-error-back",
    ),
    *(MAX, "min pooling"),
)
def first_pixel(case: Case) -> Roles:
    """Give the first pixel of the window dy."""
    window = window_of(case)
    taps = np.zeros((*case.dz.shape[:2], *window.kernel, *case.dz.shape[2:]))
    taps[:, :, 0, 0] = case.dz
    return {"x": window.scatter(taps)}


@mistake(
    about(
        "windows-not-turned-back",
        "dX holds the right numbers in the wrong places: the windows' pixels were laid one window "
        "after the other, and reshaped to maps without being turned back.",
        "blocks[n, c, a, b, u, v] is dx[n, c, k·a + u, k·b + v]: u belongs beside a",
        "Undo the forward's transpose before the reshape: "
        "blocks.transpose(0, 1, 2, 4, 3, 5).reshape(x.shape).",
        f"{NUMPY_POOLING}#the-symbols",
    ),
    *(MAX, MEAN, L2, "sum pooling", "min pooling"),
)
def not_turned_back(case: Case) -> Roles:
    """Lay the windows' pixels one window after the other."""
    window = window_of(case)
    tiled = tuple(n * k for n, k in zip(window.positions, window.kernel, strict=True))
    if tiled != tuple(window.extent) or window.stride != window.kernel:
        raise ValueError("windows that do not tile the map")
    patches = patches_of(case).transpose(0, 1, 4, 5, 2, 3)
    return {"x": patches.reshape(case.x.shape)}


@mistake(
    about(
        "max-pool-shared-out",
        "The error is shared out evenly among the pixels of each window: this is mean pooling's "
        "backward, but the forward takes the maximum.",
        WINNER,
        "Remember in the forward which pixel won, and give dy to that one alone.",
        f"{POST_316354}#3-max-poolings-error-back",
    ),
    *(MAX, "min pooling"),
)
def shared(case: Case) -> Roles:
    """Give each pixel of the window dy / area."""
    return {"x": _everywhere(case, case.dz) / np.prod(window_of(case).kernel)}


@mistake(
    about(
        "mean-pool-to-winner",
        "Only the largest pixel of each window gets an error: this is max pooling's backward, but "
        "the forward takes the mean.",
        "dx_i = dy / k² for each of the window's k² pixels",
        "Hand dy / k² to every pixel of the window.",
        f"{NUMPY_POOLING}#mean-pooling-and-why-every-pixel-gets-dy--k",
    ),
    MEAN,
)
def to_winner(case: Case) -> Roles:
    """Give dy to the largest."""
    window = window_of(case)
    patches = window.gather(case.x)
    won = patches == patches.max(axis=(2, 3), keepdims=True)
    return {"x": window.scatter(won * case.dz[:, :, None, None])}


@mistake(
    about(
        "max-pool-row-for-column",
        "The errors arrive, but at the wrong pixel of the window: the winner's row and column are "
        "swapped.",
        "the winner's flat index is t = u·k_w + v: row u = t // k_w, column v = t % k_w",
        "Take np.unravel_index(t, (k_h, k_w)), in this order.",
        f"{POST_316354}#6-how-to-investigate",
    ),
    MAX,
)
def swapped(case: Case) -> Roles:
    """Swap row and column of the winner."""
    return {"x": window_of(case).scatter(patches_of(case).swapaxes(2, 3))}


def _switches_of(case: Case, image: int) -> Roles:
    window, parts = window_of(case), patches_of(case)
    won = np.broadcast_to((parts[image] != 0)[None], parts.shape)
    return {"x": window.scatter(won * case.dz[:, :, None, None])}


SWITCHES = (
    "dx[n] at the winner of image n: each image has winners of its own",
    "Keep the winners of every image: an array with the batch's axis, such as (N, C, H', W').",
    f"{POST_316354}#6-how-to-investigate",
    5,
)


@mistake(
    about(
        "switches-of-last-image",
        "Every image's errors are put where the last image of the batch had its winners: the "
        "switches have no batch index.",
        *SWITCHES,
    ),
    MAX,
)
def last_switches(case: Case) -> Roles:
    """Use the last image's winners for all."""
    return _switches_of(case, -1)


@mistake(
    about(
        "switches-of-first-image",
        "Every image's errors are put where the first image of the batch had its winners: the "
        "switches have no batch index.",
        *SWITCHES,
    ),
    MAX,
)
def first_switches(case: Case) -> Roles:
    """Use the first image's winners for all."""
    return _switches_of(case, 0)


def _one_window(case: Case, place: tuple[int, int]) -> Roles:
    dz = np.zeros_like(case.dz)
    dz[..., place[0], place[1]] = case.dz[..., place[0], place[1]]
    return case.through_core(dz)


ONE_WINDOW = (
    "dx is the sum over all windows",
    "Move the return (and the creation of dx) out of the loop.",
    CHAINED,
    4,
)


@mistake(
    about(
        "only-first-window",
        "Only the first window has a gradient: there is a return inside the loop over windows.",
        *ONE_WINDOW,
    ),
    *(MAX, MEAN, L2, "convolution"),
)
def first_window(case: Case) -> Roles:
    """Return after the first window."""
    return _one_window(case, (0, 0))


@mistake(
    about(
        "only-last-window",
        "Only the last window has a gradient: the array is made anew (or assigned) inside the "
        "loop over windows.",
        *ONE_WINDOW,
    ),
    *(MAX, MEAN, L2, "convolution"),
)
def last_window(case: Case) -> Roles:
    """Keep the last window only."""
    return _one_window(case, (-1, -1))


@mistake(
    about(
        "only-first-patch-of-first-image",
        "Only the first window of the first image and channel has a gradient: there is a return "
        "inside the innermost loop.",
        *ONE_WINDOW,
    ),
    *(MAX, MEAN, L2),
)
def first_patch(case: Case) -> Roles:
    """Return in the innermost loop."""
    dz = np.zeros_like(case.dz)
    dz[0, 0, 0, 0] = case.dz[0, 0, 0, 0]
    return case.through_core(dz)


def _l2(case: Case, power: int, factor: float = 1.0) -> Roles:
    window = window_of(case)
    share = factor * case.dz / case.trace.z**power
    return {"x": window.scatter(window.gather(case.x) * share[:, :, None, None])}


def _other_divisor(case: Case, counts: bool) -> Roles:
    """Divide by the whole area, or by the real pixels, where forward does the other."""
    layer, window = case.trace.model.core.layer, window_of(case)
    padded = window.padding != ((0, 0), (0, 0))
    if not isinstance(layer, MeanPool2D) or layer.count_padding != counts or not padded:
        raise ValueError("no padding, or counted the other way")
    return {"x": replace(layer, count_padding=not counts).forward(case.x)[1](case.dz)[0]}


@mistake(
    about(
        "mean-pool-padding-counted",
        "At the border dX is divided by the window's whole area, but forward takes the mean of the "
        "real pixels there, without the padding.",
        "y = (1/m) Σ x_i over the m real pixels of the window, so dx_i = dy / m",
        "Divide by the number of real pixels, window by window, as forward does.",
        CHAINED,
        1,
    ),
    MEAN,
)
def padding_counted(case: Case) -> Roles:
    """Divide by the area everywhere."""
    return _other_divisor(case, counts=False)


@mistake(
    about(
        "mean-pool-padding-not-counted",
        "At the border dX is divided by the number of real pixels, but forward counts the padding "
        "in its mean: it divides by the window's whole area.",
        "y = (1/k²) Σ x_i, with zeros for the padding, so dx_i = dy / k²",
        "Divide by the window's area everywhere, as forward does.",
        CHAINED,
        1,
    ),
    MEAN,
)
def padding_not_counted(case: Case) -> Roles:
    """Divide by the number of real pixels."""
    return _other_divisor(case, counts=True)


L2_RIGHT = ("dx_i = dy · x_i / y, with y the window's norm", "Multiply by x_i and divide by y.")


@mistake(
    about(
        "l2-pool-not-divided", "dX lacks the division by the window's norm y.", *L2_RIGHT, CHAINED
    ),
    L2,
)
def not_divided(case: Case) -> Roles:
    """Give dy · x."""
    return _l2(case, 0)


@mistake(
    about(
        "l2-pool-square",
        "dX is that of the sum of squares: the root was not differentiated.",
        *L2_RIGHT,
        CHAINED,
    ),
    L2,
)
def square(case: Case) -> Roles:
    """Give 2 · dy · x."""
    return _l2(case, 0, 2.0)


@mistake(
    about(
        "l2-pool-no-input", "dX lacks the factor x_i / y: each pixel gets dy.", *L2_RIGHT, CHAINED
    ),
    L2,
)
def no_input(case: Case) -> Roles:
    """Give dy to each pixel."""
    return {"x": _everywhere(case, case.dz)}


MISTAKES: tuple[Mistake, ...] = (
    *(overlap, winner_assigned, ones, everywhere, shared, to_winner, swapped),
    *(first_pixel, not_turned_back),
    *(last_switches, first_switches, first_window, last_window, first_patch),
    *(padding_counted, padding_not_counted, not_divided, square, no_input),
)
