"""Convolution: copying what windows see, and the gradients behind a max pooling.

Maps have their channels last, (images, height, width × channels), padding included, so that
what a window's row sees is one run of kernel width × channels numbers that lie together (with
gaps between the taps, kernel width runs of channels numbers). ``geometry`` holds, as whole
numbers: positions down and across, stride down and across, dilation down and across, rows of
the kernel, runs a row, numbers a run, channels.
"""

from __future__ import annotations

from sixloops.engine.kernels.compiling import kernel
from sixloops.layers.base import Array

Geometry = tuple[int, int, int, int, int, int, int, int, int, int]


@kernel
def gather(x: Array, patches: Array, geometry: Geometry) -> None:
    """Copy what every window sees.

    Args:
        x: maps, (images, height, width × channels).
        patches: filled; (images × positions, rows × runs × run).
        geometry: see the module.
    """
    down, across, sh, sw, dh, dw, rows, runs, run, channels = geometry
    for n in range(x.shape[0]):
        for i in range(down):
            for j in range(across):
                patch = patches[(n * down + i) * across + j]
                for u in range(rows):
                    line = x[n, i * sh + u * dh]
                    for v in range(runs):
                        source = line[(j * sw + v * dw) * channels :][:run]
                        target = patch[(u * runs + v) * run :][:run]
                        for t in range(run):
                            target[t] = source[t]


@kernel
def scatter(patches: Array, x: Array, geometry: Geometry) -> None:
    """Add to every pixel what the windows that saw it carry back; the transpose of gather.

    Args:
        patches: (images × positions, rows × runs × run).
        x: added to; (images, height, width × channels).
        geometry: see the module.
    """
    down, across, sh, sw, dh, dw, rows, runs, run, channels = geometry
    for n in range(x.shape[0]):
        for i in range(down):
            for j in range(across):
                patch = patches[(n * down + i) * across + j]
                for u in range(rows):
                    line = x[n, i * sh + u * dh]
                    for v in range(runs):
                        target = line[(j * sw + v * dw) * channels :][:run]
                        source = patch[(u * runs + v) * run :][:run]
                        for t in range(run):
                            target[t] += source[t]


@kernel
def gather_single(x: Array, patches: Array, geometry: Geometry) -> None:
    """Copy what every window over maps of one channel sees, tap by tap.

    With one channel a run is only as long as the kernel is wide. Turned round, with a row
    for each tap, a run is as long as a row of positions.

    Args:
        x: maps, (images, height, width).
        patches: filled; (rows × runs × run, images × positions).
        geometry: see the module.
    """
    down, across, sh, sw, dh, dw, rows, runs, run, _ = geometry
    for u in range(rows):
        for v in range(runs * run):
            line = patches[u * runs * run + v]
            for n in range(x.shape[0]):
                for i in range(down):
                    source = x[n, i * sh + u * dh]
                    target = line[(n * down + i) * across :][:across]
                    if sw == 1:  # said apart, so that it becomes one copy of memory
                        shifted = source[v * dw :][:across]
                        for j in range(across):
                            target[j] = shifted[j]
                    else:
                        for j in range(across):
                            target[j] = source[j * sw + v * dw]


@kernel
def weight_gradient(
    patches: Array, error: Array, winners: Array, positions: int, gradient: Array, order: Array
) -> None:
    """Add ∂E/∂W[k] = Σ error · patch, over the windows that won in a pooling.

    Four winners are added at a time, which reads and writes the sum a quarter as often.

    Args:
        patches: (images × positions, taps).
        error: behind the pooling, (images × pooled positions, kernels).
        winners: of each, the position in its image, as error.
        positions: how many an image has.
        gradient: added to; (kernels, taps).
        order: scratch, whole numbers (images × pooled positions,).
    """
    taps = patches.shape[1]
    pooled = error.shape[0] // (patches.shape[0] // positions)
    for k in range(gradient.shape[0]):
        total, found = gradient[k], 0
        for p in range(error.shape[0]):
            if error[p, k] != 0:
                order[found] = p
                found += 1
        first = 0
        while first + 4 <= found:
            a, b, c, d = order[first], order[first + 1], order[first + 2], order[first + 3]
            ea, eb, ec, ed = error[a, k], error[b, k], error[c, k], error[d, k]
            pa = patches[(a // pooled) * positions + winners[a, k]]
            pb = patches[(b // pooled) * positions + winners[b, k]]
            pc = patches[(c // pooled) * positions + winners[c, k]]
            pd = patches[(d // pooled) * positions + winners[d, k]]
            for t in range(taps):
                total[t] += ea * pa[t] + eb * pb[t] + ec * pc[t] + ed * pd[t]
            first += 4
        while first < found:
            a = order[first]
            ea, pa = error[a, k], patches[(a // pooled) * positions + winners[a, k]]
            for t in range(taps):
                total[t] += ea * pa[t]
            first += 1


@kernel
def patch_gradient(
    weight: Array, error: Array, winners: Array, patches: Array, starts: Array, order: Array
) -> None:
    """Fill ∂E/∂patch = Σ error · W[k], over the kernels that won at its position.

    The winners of an image are sorted by position, so that a patch's kernels come together
    and four of them can be added at a time.

    Args:
        weight: (kernels, taps).
        error: behind the pooling, (images, pooled positions, kernels).
        winners: of each, the position in its image, as error.
        patches: filled; (images × positions, taps).
        starts: scratch, whole numbers (positions + 1,).
        order: scratch, whole numbers (pooled positions × kernels,).
    """
    positions, taps = starts.shape[0] - 1, patches.shape[1]
    kernels = weight.shape[0]
    for n in range(error.shape[0]):
        errors, won = error[n].reshape(-1), winners[n].reshape(-1)
        starts[:] = 0
        for e in range(errors.shape[0]):
            if errors[e] != 0:
                starts[won[e] + 1] += 1
        for position in range(positions):
            starts[position + 1] += starts[position]
        for e in range(errors.shape[0]):
            if errors[e] != 0:
                order[starts[won[e]]] = e
                starts[won[e]] += 1
        # Each start has moved on to the next one's place.
        first = 0
        for position in range(positions):
            total = patches[n * positions + position]
            total[:] = 0
            end = starts[position]
            while first + 4 <= end:
                a, b, c, d = order[first], order[first + 1], order[first + 2], order[first + 3]
                ea, eb, ec, ed = errors[a], errors[b], errors[c], errors[d]
                wa, wb = weight[a % kernels], weight[b % kernels]
                wc, wd = weight[c % kernels], weight[d % kernels]
                for t in range(taps):
                    total[t] += ea * wa[t] + eb * wb[t] + ec * wc[t] + ed * wd[t]
                first += 4
            while first < end:
                a = order[first]
                ea, wa = errors[a], weight[a % kernels]
                for t in range(taps):
                    total[t] += ea * wa[t]
                first += 1
