from __future__ import annotations

import numpy as np
import pytest

from sixloops.errors import DataError, ShapeError
from sixloops.losses import (
    AbsoluteError,
    Huber,
    RadialBasisLoss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)

ALL = [
    SoftmaxCrossEntropy(),
    SigmoidCrossEntropy(),
    RadialBasisLoss(),
    SquaredError(),
    AbsoluteError(),
    Huber(),
]
OF_NUMBERS = [SquaredError(), AbsoluteError(), Huber(), SigmoidCrossEntropy()]


def named(loss: object) -> str:
    return type(loss).__name__


def both_refuse(loss, outputs, targets, message, error=DataError):
    """Require the same words from the check of a data set and from the pass of a batch."""
    with pytest.raises(error, match=message):
        loss.check_targets(targets, outputs.shape[1:])
    with pytest.raises(error, match=message):
        loss.forward(outputs, targets)


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_labels_outside_the_classes_are_named_with_their_place(loss):
    message = (
        rf"The labels of {named(loss)} must be from 0 to 9, as the network has 10 outputs\. "
        r"Got {} for target 2\. Count the classes from 0"
    )
    for wrong in (10, -1):
        both_refuse(loss, np.zeros((3, 10)), np.array([0, 9, wrong]), message.format(wrong))


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_labels_that_are_no_whole_numbers(loss):
    message = (
        rf"The targets of {named(loss)} must be class labels, whole numbers \(batch,\), or numbers "
        r"\(batch, 10\)\. Got float64 of shape \(3,\)\. Labels are whole numbers: .*astype\(int\)"
    )
    both_refuse(loss, np.zeros((3, 10)), np.array([0.0, 1.0, 2.0]), message)
    both_refuse(loss, np.zeros((2, 10)), np.array([True, False]), r"Got bool of shape \(2,\)")
    both_refuse(loss, np.zeros((2, 10)), np.array(["a", "b"]), r"Got <U1 of shape \(2,\)")
    both_refuse(loss, np.zeros((2, 10)), np.array(1), r"Got int64 of shape \(\)")


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_labels_with_an_axis_too_many(loss):
    message = r"Got int64 of shape \(3, 1\)\. Labels have one axis: targets\[:, 0\]\."
    both_refuse(loss, np.zeros((3, 10)), np.zeros((3, 1), dtype=int), message)


@pytest.mark.parametrize("loss", OF_NUMBERS, ids=named)
@pytest.mark.parametrize("dtype", [float, int])
def test_a_missing_axis_never_broadcasts(loss, dtype):
    targets = np.zeros(4, dtype=dtype)
    message = r"must be numbers \(batch, 1\)\. Got .* of shape \(4,\)\. .*targets\[:, np\.newaxis\]"
    both_refuse(loss, np.zeros((4, 1)), targets, message)
    message = rf"outputs of a network under {named(loss)} must have an axis besides the batch"
    both_refuse(loss, np.zeros(4), targets[:, np.newaxis], message, ShapeError)
    both_refuse(loss, np.zeros(4), targets, message, ShapeError)


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_rows_of_another_length(loss):
    message = r"Got float64 of shape \(3, 4\)\. The network's last layer gives \(10,\): change it"
    both_refuse(loss, np.zeros((3, 10)), np.zeros((3, 4)), message)


@pytest.mark.parametrize("loss", OF_NUMBERS, ids=named)
def test_maps_against_labels_or_against_other_maps(loss):
    outputs = np.zeros((2, 1, 3, 4))
    message = r"must be numbers \(batch, 1, 3, 4\)\. Got int64 of shape \(2,\)"
    both_refuse(loss, outputs, np.array([0, 0]), message)
    both_refuse(loss, outputs, np.zeros((2, 3, 4)), r"Got float64 of shape \(2, 3, 4\)\. The net")


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_as_many_targets_as_outputs(loss):
    message = rf"targets of {named(loss)} must be as many as the outputs\. Got 1 targets for 3 out"
    with pytest.raises(DataError, match=message):
        loss.forward(np.zeros((3, 2)), np.array([0]))
    with pytest.raises(DataError, match=message):
        loss.forward(np.zeros((3, 2)), np.array([[0.0, 1.0]]))


@pytest.mark.parametrize("loss", ALL, ids=named)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_targets_that_are_not_finite_are_named_with_their_place(loss, bad):
    targets = np.full((3, 2), 0.5)
    targets[1, 0] = bad
    message = rf"targets of {named(loss)} must be finite numbers\. Got {bad} at targets\[1, 0\]\."
    both_refuse(loss, np.zeros((3, 2)), targets, message)


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), RadialBasisLoss()], ids=named)
def test_rows_that_are_no_probabilities(loss):
    outputs = np.zeros((2, 2))
    rows = np.array([[0.5, 0.5], [-0.5, 1.5]])
    both_refuse(loss, outputs, rows, r"must be at least 0\. Got -0\.5 at targets\[1, 0\]\.")
    rows = np.array([[0.5, 0.5], [1.0, 1.0]])
    both_refuse(
        loss, outputs, rows, r"must be rows with sum 1\. Got \[1\.0, 1\.0\] at targets\[1\]\. Give"
    )
    loss.check_targets(np.full((1, 3), np.float32(1 / 3)), (3,))


def test_answers_that_are_no_probabilities():
    loss = SigmoidCrossEntropy()
    for bad in (-0.1, 1.1):
        message = (
            rf"targets of SigmoidCrossEntropy must be from 0 to 1\. Got {bad} at targets\[0, 1"
        )
        both_refuse(loss, np.zeros((1, 2)), np.array([[0.0, bad]]), message)
    loss.check_targets(np.ones((1, 2)), (2,))


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), RadialBasisLoss()], ids=named)
def test_losses_of_classes_want_one_number_a_class(loss):
    message = (
        rf"outputs of a network under {named(loss)} must be \(batch, classes\)\. Got \(3, 4, 5"
    )
    both_refuse(loss, np.zeros((2, 3, 4, 5)), np.array([0, 1]), message, ShapeError)
    both_refuse(loss, np.zeros(2), np.array([0, 1]), r"must be \(batch, classes\)", ShapeError)


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_good_targets_of_every_kind_pass(loss):
    good = [np.array([0, 2]), np.array([0, 2], dtype=np.uint8), [1, 0], np.zeros(0, dtype=int)]
    good += [np.eye(3), np.eye(3, dtype=np.float32), np.eye(3, dtype=int), np.eye(3, dtype=bool)]
    for targets in good:
        loss.check_targets(targets, (3,))
        loss.forward(np.zeros((len(targets), 3)), targets)


@pytest.mark.parametrize("loss", [SquaredError(), AbsoluteError(), Huber()], ids=named)
def test_any_finite_number_may_be_wanted(loss):
    loss.check_targets(np.array([[-1e6, 2.5]]), (2,))
    loss.check_targets(np.array([[3]]), (1,))
