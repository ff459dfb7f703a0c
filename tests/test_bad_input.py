"""Bad input of many kinds gets one clear error, which names what the user wrote."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sixloops.data import Dataset, load_image_folder, load_mnist, read_idx, read_image, write_idx
from sixloops.data.photo import prepare_photo
from sixloops.engine import Plan
from sixloops.errors import ConfigurationError, DataError, FileError, ShapeError
from sixloops.layers import Dense, Flatten
from sixloops.losses import SoftmaxCrossEntropy, SquaredError
from sixloops.network import Network
from sixloops.report import RunFolder
from sixloops.training import Checkpoint, HistoryFile


def test_masked_images_are_refused_as_a_data_set_refuses_them():
    network = Network([Flatten(), Dense(2)], (1, 2, 2))
    images = np.ma.masked_array(np.ones((3, 1, 2, 2), np.float32), mask=True)
    with pytest.raises(DataError, match="must be an array without a mask"):
        network.predict(images)
    with Plan(network, 3) as plan, pytest.raises(DataError, match="without a mask"):
        plan.predict(images)


@pytest.mark.parametrize(
    "open_", [HistoryFile, Checkpoint, RunFolder, load_mnist, load_image_folder, read_idx]
)
@pytest.mark.parametrize("path", [5, 2.5])
def test_what_is_no_name_of_a_file_is_told(open_, path):
    with pytest.raises(FileError, match=f"file or folder must be a string or a Path. Got {path}"):
        open_(path)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Network([Dense(2)], (3,), seed=-1), ConfigurationError, "'seed' of Network"),
        (lambda: Network([Dense(2)], (0,)), ShapeError, "whole numbers of at least 1"),
        (lambda: DATA.split(2, seed=-1), ConfigurationError, "'seed' of Dataset.split"),
        (lambda: DATA.split(2, stratify="x"), ConfigurationError, "'stratify' of Dataset.split"),
        (lambda: read_image("seven.png", 5), ConfigurationError, "'shape' of an image"),
        (lambda: prepare_photo(GRAY, 2.5, 3), ConfigurationError, "'height' of prepare_photo"),
        (lambda: prepare_photo(GRAY, 3, 0), ConfigurationError, "'width' of prepare_photo"),
        (lambda: write_idx("x.idx", ["a"]), DataError, "IDX"),
    ],
)
def test_what_makes_no_sense_is_told_of_what_the_user_wrote(call, error, words):
    with pytest.raises(error, match=words):
        call()


DATA = Dataset(np.zeros((4, 1, 2, 2)), [0, 1, 0, 1])
GRAY = np.full((9, 9), 200)


@pytest.mark.parametrize("loss", [SquaredError(), SoftmaxCrossEntropy()])
def test_outputs_that_are_whole_numbers_are_refused(loss):
    # Half of what is wanted would be cut off: 0.5 to 0.
    with pytest.raises(DataError, match=re.escape("must be floats. Got int64")):
        loss.forward(np.array([[1, 2]]), np.array([[0.5, 0.5]]))


def test_outputs_without_a_number_are_told():
    with pytest.raises(DataError):
        SoftmaxCrossEntropy().forward(np.zeros((3, 0)), np.zeros(3, int))
