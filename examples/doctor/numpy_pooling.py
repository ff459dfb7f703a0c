"""Pooling in NumPy: both directions in one line each, and what is wrong with two of them.

sixloops doctor layer numpy_pooling.py:mean_forward,mean_backward
sixloops doctor layer numpy_pooling.py:mean_forward,mended_mean_backward
sixloops doctor layer numpy_pooling.py:max_forward,max_backward
sixloops doctor layer numpy_pooling.py:max_forward,mended_max_backward
"""

from __future__ import annotations

import numpy as np


def mean_forward(x):
    """Return the mean of each 2×2 window, and what the way back needs."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5)), x.shape


def mean_backward(dy, cache):
    """Repeat the error to the input's size: nobody divides it by 4."""
    return dy.repeat(2, axis=2).repeat(2, axis=3)


def mended_mean_backward(dy, cache):
    """Repeat a quarter of the error."""
    return dy.repeat(2, axis=2).repeat(2, axis=3) / 4


def max_forward(x):
    """Return the largest of each 2×2 window, and what the way back needs."""
    n, c, h, w = x.shape
    y = x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))
    return y, (x, y)


def max_backward(dy, cache):
    """Give the error to whoever is as large as the maximum: where pixels tie, to all of them."""
    x, y = cache
    mask = y.repeat(2, axis=2).repeat(2, axis=3) == x
    return dy.repeat(2, axis=2).repeat(2, axis=3) * mask


def mended_max_backward(dy, cache):
    """Give the error to the first winner of each window."""
    x, y = cache
    n, c, h, w = y.shape
    windows = x.reshape(n, c, h, 2, w, 2).swapaxes(3, 4).reshape(n, c, h, w, 4)
    first = windows.argmax(axis=4)[..., np.newaxis] == np.arange(4)
    dx = first * dy[..., np.newaxis]
    return dx.reshape(n, c, h, w, 2, 2).swapaxes(3, 4).reshape(x.shape)
