"""Max pooling of maps with channels last, straight behind a convolution."""

from __future__ import annotations

from sixloops.engine.kernels.compiling import kernel
from sixloops.layers.base import Array

Pooling = tuple[int, int, int, int, int, int]


@kernel
def max_pool_2x2(z: Array, bias: Array, y: Array, winners: Array) -> None:
    """Do what max_pool does for windows of 2×2 that tile the maps: four values in one go.

    Args:
        z: maps without their bias, (images, height, width, channels).
        bias: (channels,).
        y: filled; (images, height // 2, width // 2, channels).
        winners: filled, as y; of each value the pixel's number, row · width + column.
    """
    width, channels = z.shape[2], z.shape[3]
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                best, won = y[n, i, j], winners[n, i, j]
                a, b = z[n, 2 * i, 2 * j], z[n, 2 * i, 2 * j + 1]
                c, d = z[n, 2 * i + 1, 2 * j], z[n, 2 * i + 1, 2 * j + 1]
                number = 2 * i * width + 2 * j
                for k in range(channels):
                    value, place = a[k], number
                    wins = b[k] > value or b[k] != b[k]
                    value, place = (b[k], number + 1) if wins else (value, place)
                    wins = c[k] > value or c[k] != c[k]
                    value, place = (c[k], number + width) if wins else (value, place)
                    wins = d[k] > value or d[k] != d[k]
                    value, place = (d[k], number + width + 1) if wins else (value, place)
                    best[k] = value + bias[k]
                    won[k] = place


@kernel
def max_pool(z: Array, bias: Array, pooling: Pooling, y: Array, winners: Array) -> None:
    """Take the largest value in each window, add the bias, and remember whose it was.

    Args:
        z: maps without their bias, (images, height, width, channels).
        bias: (channels,).
        pooling: whole numbers: window's height and width, stride down and across, padding
            above and left.
        y: filled; (images, positions down, positions across, channels).
        winners: filled, as y; of each value the pixel's number, row · width + column.
    """
    kh, kw, sh, sw, top, left = pooling
    # A window that reaches over the lower or right edge has fewer than four values.
    inside = z.shape[1] >= 2 * y.shape[1] and z.shape[2] >= 2 * y.shape[2]
    if inside and kh == 2 and kw == 2 and sh == 2 and sw == 2 and top == 0 and left == 0:
        max_pool_2x2(z, bias, y, winners)
        return
    _, height, width, channels = z.shape
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                best, won = y[n, i, j], winners[n, i, j]
                begun = False
                for u in range(max(i * sh - top, 0), min(i * sh - top + kh, height)):
                    for v in range(max(j * sw - left, 0), min(j * sw - left + kw, width)):
                        value, number = z[n, u, v], u * width + v
                        if not begun:
                            begun = True
                            for c in range(channels):
                                best[c] = value[c]
                                won[c] = number
                        else:
                            for c in range(channels):
                                # The second comparison lets a NaN win, so that it shows.
                                wins = value[c] > best[c] or value[c] != value[c]
                                best[c] = value[c] if wins else best[c]
                                won[c] = number if wins else won[c]
                for c in range(channels):
                    best[c] += bias[c]


@kernel
def send_back(error: Array, winners: Array, dz: Array) -> None:
    """Give each winner its error; the rest of ``dz`` must be 0.

    Args:
        error: (images, pooled positions, channels).
        winners: as error.
        dz: added to; (images, pixels, channels).
    """
    for n in range(error.shape[0]):
        for p in range(error.shape[1]):
            errors, won = error[n, p], winners[n, p]
            for c in range(errors.shape[0]):
                dz[n, won[c], c] += errors[c]
