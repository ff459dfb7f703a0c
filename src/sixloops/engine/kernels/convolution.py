"""Convolution with the max pooling behind it: both ways, a block of images at a time.

Maps have their channels last, (images, height, width × channels), padding included, so that
what a window's row sees is one run of kernel width × channels numbers that lie together (with
gaps between the taps, kernel width runs of channels numbers). ``geometry`` holds, as whole
numbers: positions down and across, stride down and across, dilation down and across, rows of
the kernel, runs a row, numbers a run, channels.
"""

from __future__ import annotations

import numpy as np

from sixloops.engine.kernels.compiling import kernel
from sixloops.engine.kernels.max_pool import Pooling, max_pool, send_back
from sixloops.engine.kernels.relu import cut_off, let_through
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


@kernel
def add_rows(error: Array, total: Array) -> None:
    """Add to each kernel's total its error at all images and positions.

    Args:
        error: (images, positions, kernels).
        total: added to; (kernels,).
    """
    for n in range(error.shape[0]):
        for p in range(error.shape[1]):
            row = error[n, p]
            for k in range(row.shape[0]):
                total[k] += row[k]


@kernel
def forward(
    x: Array,
    weight: Array,
    bias: Array,
    geometry: Geometry,
    single: bool,
    pooling: Pooling,
    relu: bool,
    block: int,
    patches: Array,
    z: Array,
    y: Array,
    winners: Array,
) -> None:
    """Compute max(W·P) + b for some images, or W·P + b where there is no pooling.

    Args:
        x: maps, (images, height, width × channels).
        weight: (kernels, taps).
        bias: (kernels,).
        geometry: see the module.
        single: whether the maps have one channel.
        pooling: see :mod:`~sixloops.engine.kernels.max_pool`; a height of 0 for none.
        relu: whether ReLU follows.
        block: images that go through one product.
        patches: scratch, (block × positions × taps,).
        z: scratch, (block × positions × kernels,).
        y: filled; (images, positions down, positions across, kernels), behind the pooling.
        winners: filled where there is a pooling, as y.
    """
    down, across = geometry[0], geometry[1]
    kernels, taps = weight.shape
    for begin in range(0, x.shape[0], block):
        end = min(begin + block, x.shape[0])
        rows = (end - begin) * down * across
        products = z[: rows * kernels].reshape(rows, kernels)
        if single:
            turned = patches[: rows * taps].reshape(taps, rows)
            gather_single(x[begin:end], turned, geometry)
            np.dot(turned.T, weight.T, products)
        else:
            seen = patches[: rows * taps].reshape(rows, taps)
            gather(x[begin:end], seen, geometry)
            np.dot(seen, weight.T, products)
        if pooling[0] > 0:
            maps = products.reshape(end - begin, down, across, kernels)
            max_pool(maps, bias, pooling, y[begin:end], winners[begin:end])
        else:
            flat = y[begin:end].reshape(rows, kernels)
            for row in range(rows):
                source, target = products[row], flat[row]
                for k in range(kernels):
                    target[k] = source[k] + bias[k]
    if relu:
        cut_off(y.reshape(-1))


@kernel
def backward(
    x: Array,
    weight: Array,
    geometry: Geometry,
    single: bool,
    pooled: bool,
    relu: bool,
    block: int,
    patches: Array,
    z: Array,
    y: Array,
    error: Array,
    winners: Array,
    weight_sum: Array,
    weight_part: Array,
    bias_sum: Array,
    dx: Array,
    needs_dx: bool,
) -> None:
    """Add the gradients by full products, the error spread over the maps.

    Args:
        x: maps, (images, height, width × channels).
        weight: (kernels, taps).
        geometry: see the module.
        single: whether the maps have one channel.
        pooled: whether there is a pooling.
        relu: whether ReLU follows.
        block: images that go through one product.
        patches: scratch, (block × positions × taps,).
        z: scratch, (block × positions × kernels,).
        y: what forward gave, (images, pooled positions, kernels).
        error: ∂E/∂y, changed to that before ReLU; as y.
        winners: of each, the position in its image, as error.
        weight_sum: added to; (kernels, taps).
        weight_part: scratch, as weight_sum.
        bias_sum: added to; (kernels,).
        dx: filled where it is needed; as x.
        needs_dx: whether it is.
    """
    positions = geometry[0] * geometry[1]
    kernels, taps = weight.shape
    if relu:
        let_through(y.reshape(-1), error.reshape(-1))
    for begin in range(0, x.shape[0], block):
        end = min(begin + block, x.shape[0])
        rows = (end - begin) * positions
        dz = z[: rows * kernels].reshape(rows, kernels)
        if pooled:
            dz[:] = 0
            send_back(
                error[begin:end],
                winners[begin:end],
                dz.reshape(end - begin, positions, kernels),
            )
        else:
            dz[:] = error[begin:end].reshape(rows, kernels)
        if single:
            turned = patches[: rows * taps].reshape(taps, rows)
            gather_single(x[begin:end], turned, geometry)
            np.dot(dz.T, turned.T, weight_part)
        else:
            seen = patches[: rows * taps].reshape(rows, taps)
            gather(x[begin:end], seen, geometry)
            np.dot(dz.T, seen, weight_part)
        weight_sum += weight_part
        if needs_dx:
            dx[begin:end] = 0
            carried = patches[: rows * taps].reshape(rows, taps)
            np.dot(dz, weight, carried)
            scatter(carried, dx[begin:end], geometry)
    add_rows(error, bias_sum)


@kernel
def backward_of_winners(
    x: Array,
    weight: Array,
    geometry: Geometry,
    relu: bool,
    block: int,
    patches: Array,
    y: Array,
    error: Array,
    winners: Array,
    weight_sum: Array,
    bias_sum: Array,
    dx: Array,
    needs_dx: bool,
    starts: Array,
    order: Array,
) -> None:
    """Add the same gradients, visiting only the winners of the pooling.

    Args:
        x: maps, (images, height, width × channels).
        weight: (kernels, taps).
        geometry: see the module.
        relu: whether ReLU follows.
        block: images whose patches are copied at a time.
        patches: scratch, (block × positions × taps,).
        y: what forward gave, (images, pooled positions, kernels).
        error: ∂E/∂y, changed to that before ReLU; as y.
        winners: of each, the position in its image, as error.
        weight_sum: added to; (kernels, taps).
        bias_sum: added to; (kernels,).
        dx: filled where it is needed; as x.
        needs_dx: whether it is.
        starts: scratch, whole numbers (positions + 1,).
        order: scratch, whole numbers (pooled positions × the larger of block and kernels,).
    """
    positions = geometry[0] * geometry[1]
    kernels, taps = weight.shape
    if relu:
        let_through(y.reshape(-1), error.reshape(-1))
    for begin in range(0, x.shape[0], block):
        end = min(begin + block, x.shape[0])
        rows = (end - begin) * positions
        seen = patches[: rows * taps].reshape(rows, taps)
        gather(x[begin:end], seen, geometry)
        errors, won = error[begin:end], winners[begin:end]
        flat_errors, flat_won = errors.reshape(-1, kernels), won.reshape(-1, kernels)
        weight_gradient(seen, flat_errors, flat_won, positions, weight_sum, order)
        if needs_dx:
            dx[begin:end] = 0
            patch_gradient(weight, errors, won, seen, starts, order)
            scatter(seen, dx[begin:end], geometry)
    add_rows(error, bias_sum)
