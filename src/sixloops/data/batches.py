"""The batches of an epoch: which images, in which order, augmented how.

All of it follows from the seed, the epoch and the batch's number, never from what was
drawn before: the order of epoch e is the permutation that the stream ``shuffle`` gives
at e, and batch b is augmented by the stream ``augment`` at (e, b). So a run that goes
on in the middle of an epoch sees the same bits as one that was never interrupted.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from math import prod

import numpy as np
import numpy.typing as npt

from sixloops.checks import whole_number
from sixloops.data.ahead import chained, made_ahead
from sixloops.data.augmentation.base import Augmentation, augmented
from sixloops.data.dataset import Dataset
from sixloops.errors import ConfigurationError, wrong
from sixloops.layers.base import Array
from sixloops.randomness import Streams

AT_ONCE = 1 << 17
"""Numbers that are read at once, and augmented before another thread's turn: small batches would
take more time to ask for, and to hand over, than to read."""


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Return into how many batches ``images`` images go, ⌈images / batch_size⌉.

    Raises:
        ConfigurationError: a batch size under 1.

    Examples:
        >>> steps_per_epoch(60_000, 64)
        938
    """
    return -(-images // whole_number("batch_size", "an epoch", batch_size))


def batches(
    dataset: Dataset,
    batch_size: int,
    *,
    streams: Streams,
    epoch: int,
    shuffle: bool = True,
    augmentation: Augmentation | None = None,
    start: int = 0,
    dtype: npt.DTypeLike = np.float32,
    threads: int = 1,
) -> Generator[tuple[Array, Array]]:
    r"""Go through a data set once.

    Small batches are read some at a time; with an augmentation, a few before they are asked for,
    and augmented in other threads.

    Args:
        dataset: images and labels; never more of it is held than some batches.
        batch_size: images a batch; the last one has what is left.
        streams: of the run.
        epoch: which pass it is, from 0.
        shuffle: whether the order is drawn anew each epoch, or is that of the data set.
        augmentation: changes the images of each batch, in their own type.
        start: how many batches to skip; they are neither read nor computed.
        dtype: the float type that the images are turned into.
        threads: how many threads augment.

    Returns:
        A generator of batches, to be closed if it is not used up: images, (batch, channels,
        height, width), in ``dtype``, and labels, (batch,), or targets,
        (batch, \*target shape), as the data set has them.

    Raises:
        ConfigurationError: an option makes no sense.
    """
    steps = steps_per_epoch(len(dataset), batch_size)
    start = whole_number("start", f"an epoch of {steps} batches", start, 0, steps)
    epoch = whole_number("epoch", "an epoch", epoch, 0)
    threads = whole_number("threads", "an epoch", threads)
    if augmentation is not None and not isinstance(augmentation, Augmentation):
        expected = "be an Augmentation or None"
        raise ConfigurationError(wrong("augmentation", "an epoch", expected, augmentation))

    order = np.arange(len(dataset))
    if shuffle:
        order = streams.generator("shuffle", epoch).permutation(len(dataset))
    some = max(1, AT_ONCE // (batch_size * prod(dataset.image_shape)))

    def read(first: int) -> tuple[int, Array, Array]:
        """Return the number of a batch, and the images and labels of it and of some after it."""
        return first, *dataset.take(order[first * batch_size : (first + some) * batch_size])

    def ready(first: int, images: Array, labels: Array) -> Iterator[tuple[Array, Array]]:
        for step, begin in enumerate(range(0, len(images), batch_size), first):
            end = begin + batch_size
            yield varied(step, images[begin:end]).astype(dtype, copy=False), labels[begin:end]

    def varied(step: int, images: Array) -> Array:
        if augmentation is None:
            return images
        return augmented(augmentation, images, streams.generator("augment", epoch, step))

    # Read in the thread that asks for batches: a source of the user's, such as a database, may
    # allow no other.
    blocks = map(read, range(start, steps, some))
    if augmentation is None:
        return chained(ready(*block) for block in blocks)
    return chained(made_ahead(lambda block: list(ready(*block)), blocks, threads))
