"""Wrong backwards of convolutions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sixloops.doctor.layer.mistakes.base import (
    CHAINED,
    JAVA,
    POST_316354,
    Case,
    Mistake,
    about,
    across_groups,
    assigned,
    assigned_by_taps,
    groups_of,
    mistake,
    reflected,
    weights_of,
    window_of,
)
from sixloops.doctor.layer.models import Roles
from sixloops.layers.base import Array
from sixloops.layers.windows import Window

KIND = "convolution"
DX = "dx[p,q] = Σ_k Σ_uv W[k,u,v] · dz[k,p−u,q−v] (the minus signs turn the kernel by 180°)"
DW = "dW[k,c,u,v] = Σ_n Σ_ij dz[n,k,i,j] · x[n,c,s·i+u,s·j+v]"
BACK = f"{POST_316354}#2-convolutions-error-back"
SHARED = f"{JAVA}#4-shared-weights"


def _dx(case: Case, weight: Array) -> Array:
    window = window_of(case)
    return window.scatter(np.einsum("kcuv,nkij->ncuvij", weight, case.dz))


@mistake(
    about(
        "kernel-not-rotated",
        "dX is right if the kernel is turned by 180°: the backward slides it in the same direction "
        "as the forward.",
        DX,
        "Turn the kernel for dX, np.rot90(W, 2, axes=(-2, -1)), or scatter: dx[window] += W · dz.",
        BACK,
        7,
    ),
    KIND,
)
def not_rotated(case: Case) -> Roles:
    """Use the flipped kernel in dX."""
    return {"x": _dx(case, weights_of(case)[..., ::-1, ::-1])}


@mistake(
    about(
        "kernel-transposed",
        "dX is right if each kernel is transposed: its rows and columns are swapped.",
        DX,
        "A scatter takes the kernel as it is, a sliding kernel is turned by 180°; neither is "
        "transposed.",
        BACK,
    ),
    KIND,
)
def kernel_transposed(case: Case) -> Roles:
    """Use the transposed kernel in dX."""
    return {"x": _dx(case, weights_of(case).swapaxes(2, 3))}


@mistake(
    about(
        "kernel-flipped-once",
        "dX is right if the kernel is reversed along its rows only: it was flipped along one axis.",
        DX,
        "Flip both axes: W[..., ::-1, ::-1].",
        BACK,
        7,
    ),
    KIND,
)
def flipped_rows(case: Case) -> Roles:
    """Flip the kernel's rows only."""
    return {"x": _dx(case, weights_of(case)[..., ::-1, :])}


@mistake(
    about(
        "kernel-flipped-once",
        "dX is right if the kernel is reversed along its columns only: it was flipped along one "
        "axis.",
        DX,
        "Flip both axes: W[..., ::-1, ::-1].",
        BACK,
        7,
    ),
    KIND,
)
def flipped_columns(case: Case) -> Roles:
    """Flip the kernel's columns only."""
    return {"x": _dx(case, weights_of(case)[..., :, ::-1])}


@mistake(
    about(
        "dw-rotated",
        "dW is the right gradient turned by 180°.",
        DW,
        "Swap the two arguments of the correlation, or turn the result back by 180°.",
        BACK,
        8,
    ),
    *(KIND, "transposed convolution"),
)
def dw_rotated(case: Case) -> Roles:
    """Turn dW."""
    return {"weight": case.truth["weight"][..., ::-1, ::-1]}


@mistake(
    about(
        "dw-transposed",
        "dW is the right gradient with rows and columns swapped.",
        DW,
        "Keep u for rows and v for columns on both sides.",
        BACK,
    ),
    *(KIND, "transposed convolution"),
)
def dw_transposed(case: Case) -> Roles:
    """Transpose dW."""
    return {"weight": case.truth["weight"].swapaxes(2, 3)}


@mistake(
    about(
        "conv-dx-assigned",
        "Where windows overlap, dX keeps only what the last window handed back: the backward "
        "assigns (=) where it must add (+=).",
        DX,
        "dx[window] += W · dz, with dx begun at zeros.",
        CHAINED,
        2,
    ),
    KIND,
)
def dx_assigned(case: Case) -> Roles:
    """Assign the patches of dX."""
    parts = np.einsum("kcuv,nkij->ncuvij", weights_of(case), case.dz)
    return {"x": assigned(window_of(case), parts)}


@mistake(
    about(
        "conv-dx-last-filter",
        "dX holds only what the last filter hands back: over the filters it is assigned (=) where "
        "it must be added (+=).",
        "dx[c,p,q] = Σ_k …: every filter saw the pixel, so all of them add up",
        "dx += …, with dx begun at zeros before the loop over filters.",
        CHAINED,
        9,
    ),
    KIND,
)
def dx_last_filter(case: Case) -> Roles:
    """Keep the last filter's dX."""
    window = window_of(case)
    parts = np.einsum("cuv,nij->ncuvij", weights_of(case)[-1], case.dz[:, -1])
    return {"x": window.scatter(parts)}


@mistake(
    about(
        "dw-last-position",
        "dW holds only what the last position contributes: over positions it is assigned (=) where "
        "it must be added (+=).",
        DW,
        "dW += dz · patch, with dW begun at zeros.",
        SHARED,
        13,
    ),
    KIND,
)
def dw_last_position(case: Case) -> Roles:
    """Keep the last position of dW, of each image."""
    patches = window_of(case).gather(case.x)[..., -1, -1]
    dweight = np.einsum("nk,ncuv->kcuv", case.dz[..., -1, -1], patches)
    return {"weight": reflected(case, dweight)}


@mistake(
    about(
        "dw-last-patch",
        "dW holds only what the last position of the last image contributes: it is assigned (=) "
        "where it must be added (+=).",
        DW,
        "dW += dz · patch, with dW begun at zeros before all loops.",
        SHARED,
        13,
    ),
    KIND,
)
def dw_last_patch(case: Case) -> Roles:
    """Keep the very last patch of dW."""
    patch = window_of(case).gather(case.x)[-1, ..., -1, -1]
    return {"weight": reflected(case, np.einsum("k,cuv->kcuv", case.dz[-1, :, -1, -1], patch))}


@mistake(
    about(
        "dw-reshaped",
        "dW has the right numbers in the wrong places: the product is reshaped where it must be "
        "transposed first.",
        DW,
        "patches.T @ dz has its axes in the order (tap, filter): transpose it, then reshape.",
        BACK,
        11,
    ),
    KIND,
)
def dw_reshaped(case: Case) -> Roles:
    """Read (tap, filter) as (filter, tap)."""
    dweight = case.truth["weight"]
    return {"weight": dweight.reshape(len(dweight), -1).T.reshape(dweight.shape)}


@mistake(
    about(
        "db-last-position",
        "db holds only what the last position of the last image contributes: it is assigned (=) "
        "where it must be added (+=).",
        "db_k = Σ_n Σ_ij dz[n,k,i,j]: a bias is shared by all positions",
        "db += dz, with db begun at zeros.",
        SHARED,
        13,
    ),
    KIND,
)
def db_last_position(case: Case) -> Roles:
    """Keep the very last error."""
    return {"bias": case.dz[-1, :, -1, -1]}


@mistake(
    about(
        "channel-index",
        "dW of every input channel is that of channel 0: the channel's index is wrong.",
        DW,
        "Index x with the channel c that W[k,c] belongs to.",
        BACK,
        9,
    ),
    KIND,
)
def channel_index(case: Case) -> Roles:
    """Take channel 0 for all."""
    dweight = case.truth["weight"]
    return {"weight": np.broadcast_to(dweight[:, :1], dweight.shape)}


@mistake(
    about(
        "channels-summed",
        "dW is the same for every input channel, the sum over them: the loop over channels adds "
        "into one kernel.",
        DW,
        "Keep a kernel for each pair (output k, input c).",
        BACK,
        9,
    ),
    KIND,
)
def channels_summed(case: Case) -> Roles:
    """Sum dW over channels."""
    dweight = case.truth["weight"]
    return {"weight": np.broadcast_to(dweight.sum(axis=1, keepdims=True), dweight.shape)}


@mistake(
    about(
        "dx-channel-index",
        "dX of every input channel is that of channel 0: the channel's index is wrong.",
        DX,
        "Use W[k, c] for dx[c].",
        BACK,
        9,
    ),
    KIND,
)
def dx_channel_index(case: Case) -> Roles:
    """Use channel 0's kernels for all channels."""
    weight = weights_of(case)
    return {"x": _dx(case, np.broadcast_to(weight[:, :1], weight.shape))}


@mistake(
    about(
        "dx-channels-reversed-order",
        "dX uses the kernels in the wrong order: W's two channel axes are read the wrong way "
        "round (reshape where transpose was meant).",
        DX,
        "W.transpose(1, 0, 2, 3) swaps the axes; reshape only cuts the row of numbers elsewhere.",
        BACK,
        9,
    ),
    KIND,
)
def channels_reshaped(case: Case) -> Roles:
    """Reshape W to (channels, filters) where it should be transposed."""
    weight = weights_of(case)
    k, c, *size = weight.shape
    return {"x": _dx(case, weight.reshape(c, k, *size).transpose(1, 0, 2, 3))}


@mistake(
    about(
        "conv-dx-assigned",
        "Where taps of different windows fall on one pixel, dX keeps only what the last tap handed "
        "back: the backward assigns (=) where it must add (+=).",
        DX,
        "dx[…] += W[:, :, u, v] · dz, with dx begun at zeros.",
        CHAINED,
        2,
    ),
    KIND,
)
def dx_taps_assigned(case: Case) -> Roles:
    """Assign dX in a loop over the kernel's taps."""
    parts = np.einsum("kcuv,nkij->ncuvij", weights_of(case), case.dz)
    return {"x": assigned_by_taps(window_of(case), parts)}


GROUPS = (
    "filter k of group g sees the channels g·C/G … (g+1)·C/G − 1, and no others",
    "Begin at channel group * channels_per_group, forward and back.",
    BACK,
    9,
)


def _groups(case: Case) -> int:
    if groups_of(case) == 1:
        raise ValueError("a single group")
    return groups_of(case)


@mistake(
    about(
        "dx-group-index",
        "dX of every group lands in the first group's channels: the group's first channel is "
        "missing in the index.",
        *GROUPS,
    ),
    KIND,
)
def dx_group_index(case: Case) -> Roles:
    """Add all groups' dX up in the first group's channels."""
    dx, groups = case.truth["x"], _groups(case)
    parts = dx.reshape(len(dx), groups, -1, *dx.shape[2:])
    wrong = np.zeros_like(parts)
    wrong[:, 0] = parts.sum(axis=1)
    return {"x": wrong.reshape(dx.shape)}


@mistake(
    about(
        "group-index",
        "dW of every group is computed with the first group's channels: the group's first channel "
        "is missing in the index.",
        *GROUPS,
    ),
    KIND,
)
def group_index(case: Case) -> Roles:
    """Use the first group's channels for all."""
    first = case.x[:, : case.x.shape[1] // _groups(case)]
    dweight = np.einsum("nkij,ncuvij->kcuv", case.dz, window_of(case).gather(first))
    return {"weight": reflected(case, dweight)}


DILATED = (
    "tap (u, v) of the window at (i, j) looks at pixel (s·i + d·u, s·j + d·v)",
    "Multiply the tap by the dilation, forward and back.",
    BACK,
)


def _undilated(case: Case) -> tuple[Window, tuple[int, int]]:
    """Return the window with its taps side by side, and how many positions there must be."""
    window = window_of(case)
    if window.dilation == (1, 1):
        raise ValueError("no dilation")
    return replace(window, dilation=(1, 1)), window.positions


@mistake(
    about(
        "dilation-forgotten",
        "dW is computed as if the taps lay side by side: the dilation is missing.",
        *DILATED,
    ),
    KIND,
)
def dilation_forgotten(case: Case) -> Roles:
    """Gather without gaps."""
    window, (down, across) = _undilated(case)
    patches = window.gather(case.x)[..., :down, :across]
    dweight = np.einsum("nkij,ncuvij->kcuv", case.dz, patches)
    return {"weight": reflected(case, dweight)}


@mistake(
    about(
        "dx-dilation-forgotten",
        "dX is handed back as if the taps lay side by side: the dilation is missing.",
        *DILATED,
    ),
    KIND,
)
def dx_dilation_forgotten(case: Case) -> Roles:
    """Scatter without gaps."""
    window, (down, across) = _undilated(case)
    dz = np.zeros((*case.dz.shape[:2], *window.positions))
    dz[:, :, :down, :across] = case.dz
    return {"x": window.scatter(np.einsum("kcuv,nkij->ncuvij", weights_of(case), dz))}


@mistake(
    about(
        "stride-forgotten",
        "dW is computed as if the stride were 1: position (i, j) looks at pixel (i, j), not at "
        "(s·i, s·j).",
        DW,
        "Multiply the position by the stride: x[s·i + u, s·j + v].",
        SHARED,
    ),
    KIND,
)
def stride_forgotten(case: Case) -> Roles:
    """Gather with stride 1."""
    window = window_of(case)
    down, across = window.positions
    patches = replace(window, stride=(1, 1)).gather(case.x)[..., :down, :across]
    dweight = np.einsum("nkij,ncuvij->kcuv", case.dz, patches)
    return {"weight": reflected(case, dweight)}


@mistake(
    about(
        "dx-stride-forgotten",
        "dX is handed back as if the stride were 1: position (i, j) gives to pixel (i, j), not to "
        "(s·i, s·j).",
        "dx[s·i + u, s·j + v] += W[u,v] · dz[i,j]",
        "Multiply the position by the stride.",
        CHAINED,
    ),
    KIND,
)
def dx_stride_forgotten(case: Case) -> Roles:
    """Scatter with stride 1."""
    window = replace(window_of(case), stride=(1, 1))
    down, across = window.positions
    dz = np.zeros((*case.dz.shape[:2], down, across))
    dz[:, :, : case.dz.shape[2], : case.dz.shape[3]] = case.dz
    return {"x": window.scatter(np.einsum("kcuv,nkij->ncuvij", weights_of(case), dz))}


def _dy_read(order: tuple[int, ...]) -> Mistake:
    """Reshape dy to rows of a product, where its axes have to be moved first."""

    def wrong(case: Case) -> Roles:
        shape = [case.dy.shape[axis] for axis in order]
        dy = case.dy.reshape(shape).transpose(np.argsort(order))
        return case.through_core(case.trace.activation_backward(dy))

    return Mistake(DY_RESHAPED, (KIND, *POOLINGS), wrong)


def _dy_moved(order: tuple[int, ...]) -> Mistake:
    """Move dy's axes and flatten it, where the rows stand in dy's own order."""

    def wrong(case: Case) -> Roles:
        dy = case.dy.transpose(order).reshape(case.dy.shape)
        return case.through_core(case.trace.activation_backward(dy))

    return Mistake(DY_MOVED, (KIND, *POOLINGS), wrong)


POOLINGS = ("max pooling", "mean pooling", "L2 pooling")
DY_MOVED = about(
    "dy-moved",
    "dy's axes are moved before it is flattened, but the rows that it meets are not in that "
    "order: the errors arrive at the wrong positions.",
    "row r of the patches belongs to that number of dy which forward made of it",
    "Flatten dy in the order in which forward unflattened its output.",
    BACK,
    12,
)
ORDERS = ((0, 2, 3, 1), (1, 0, 2, 3), (1, 2, 3, 0), (2, 3, 0, 1), (2, 3, 1, 0))


DY_RESHAPED = about(
    "dy-reshaped",
    "dy is reshaped into the rows of the product where its axes must be moved first: the errors "
    "meet the wrong positions, and all gradients are wrong.",
    "row (n, i, j) of the product belongs to dy[n, :, i, j]",
    "Undo the forward's steps in reverse: dy.transpose(0, 2, 3, 1).reshape(-1, filters).",
    BACK,
    11,
)


@mistake(
    about(
        "weights-updated-first",
        "dX is that of the weights after the update: W was changed before dX was computed "
        "(the error vanishes at learning rate 0).",
        DX + ", with the W that the forward used",
        "Compute dX first, and update last.",
        f"{JAVA}#5-the-update",
        19,
    ),
    KIND,
)
def updated_first(case: Case) -> Roles:
    """Use W − rate·dW in dX."""
    moved = reflected(case, case.truth["weight"])
    return {"x": _dx(case, weights_of(case) - case.rate * across_groups(case, moved))}


MISTAKES: tuple[Mistake, ...] = (
    *(not_rotated, kernel_transposed, flipped_rows, flipped_columns, dw_rotated, dw_transposed),
    *(dx_assigned, dx_last_filter, dw_last_position, dw_last_patch),
    *(dw_reshaped, db_last_position),
    *(channel_index, channels_summed, dx_channel_index, channels_reshaped),
    *(dx_taps_assigned, group_index, dx_group_index, dilation_forgotten, dx_dilation_forgotten),
    *(stride_forgotten, dx_stride_forgotten, updated_first),
    *(_dy_read(order) for order in ORDERS),
)
MOVED: tuple[Mistake, ...] = tuple(_dy_moved(order) for order in ORDERS)
"""What a more general mistake may explain better."""
