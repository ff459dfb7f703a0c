"""Metrics against counting by hand."""

import numpy as np
import pytest

from sixloops.data import Dataset
from sixloops.errors import ConfigurationError, DataError
from sixloops.layers import Flatten
from sixloops.losses import RadialBasisLoss, SoftmaxCrossEntropy, SquaredError
from sixloops.network import Network
from sixloops.training import Evaluation, confusion_matrix, evaluate, top_k_accuracy
from sixloops.training.metrics import correct


def classes_and_answers(count=300, classes=7, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, classes, count), random.random((count, classes))


def test_confusion_counts_right_classes_down_and_answers_across():
    labels, predictions = classes_and_answers()
    matrix = confusion_matrix(predictions.argmax(axis=1), labels, 7)
    for right in range(7):
        for answer in range(7):
            pairs = zip(labels, predictions, strict=True)
            counted = sum(label == right and row.argmax() == answer for label, row in pairs)
            assert matrix[right, answer] == counted


@pytest.mark.parametrize("k", range(1, 8))
def test_top_k_is_membership_in_the_k_largest(k):
    labels, predictions = classes_and_answers()
    largest = np.argsort(-predictions, axis=1)[:, :k]
    hits = [label in row for label, row in zip(labels, largest, strict=True)]
    assert top_k_accuracy(predictions, labels, k) == np.mean(hits)


def test_what_is_not_a_number_is_never_among_the_first():
    predictions = np.array([[np.nan] * 3, [0.1, np.nan, 0.2], [0.1, np.nan, 0.2]])
    assert top_k_accuracy(predictions, np.array([0, 1, 2]), 1) == 0
    assert top_k_accuracy(predictions, np.array([0, 1, 2]), 2) == pytest.approx(1 / 3)


def test_the_network_that_passes_its_input_through_is_judged_by_hand():
    labels, scores = classes_and_answers(600)
    network = Network([Flatten()], input_shape=(7, 1, 1), dtype=np.float64)
    result = evaluate(network, Dataset(scores.reshape(-1, 7, 1, 1), labels), k=3, batch_size=100)
    shifted = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert result.loss == pytest.approx(-np.log(shifted[np.arange(600), labels]).mean())
    assert result.accuracy == (scores.argmax(axis=1) == labels).mean()
    assert result.top_k == top_k_accuracy(scores, labels, 3)
    assert (result.k, result.images) == (3, 600)
    assert result.confusion.sum() == 600


def test_k_is_at_most_the_number_of_classes():
    labels, scores = classes_and_answers(20)
    network = Network([Flatten()], input_shape=(7, 1, 1))
    assert evaluate(network, Dataset(scores.reshape(-1, 7, 1, 1), labels), k=50).top_k == 1.0


def test_the_nearest_code_is_the_answer_of_radial_basis_outputs():
    distances, labels = np.array([[0.1, 5.0], [3.0, 0.2]]), np.array([0, 0])
    assert correct(RadialBasisLoss(), distances, labels) == 1
    assert correct(SoftmaxCrossEntropy(), distances, labels) == 1
    assert correct(SoftmaxCrossEntropy(), distances[:1], labels[:1]) == 0


class Adjusted(SoftmaxCrossEntropy):
    def predictions(self, outputs):
        return super().predictions(outputs + np.array([0, 2]))


def test_a_loss_that_is_derived_says_itself_what_is_most_probable():
    outputs, labels = np.array([[1.0, 0.0]]), np.array([1])
    assert correct(Adjusted(), outputs, labels) == 1
    assert correct(SoftmaxCrossEntropy(), outputs, labels) == 0


def test_targets_that_are_no_labels_have_a_loss_alone():
    images = np.random.default_rng(0).random((10, 2, 1, 1))
    network = Network([Flatten()], input_shape=(2, 1, 1), loss=SquaredError(), dtype=np.float64)
    result = evaluate(network, Dataset(images, np.zeros((10, 2))))
    assert result.loss == pytest.approx((images**2).sum() / 2 / 10)
    assert result.accuracy is None
    assert result.confusion is None
    assert str(result) == f"loss {result.loss:.4f} on 10 images"


def test_data_that_does_not_fit_is_named():
    network = Network([Flatten()], input_shape=(2, 1, 1))
    with pytest.raises(DataError, match="The 'data' does not fit the network"):
        evaluate(network, Dataset(np.zeros((3, 2, 1, 1)), [0, 1, 5]))


@pytest.mark.parametrize(
    ("predicted", "labels", "words"),
    [
        ([0, 1], [0, 1, 1], r"predicted must be class numbers, whole and of shape \(3,\)"),
        ([0.0, 1.0], [0, 1], "predicted must be class numbers.* Got float64"),
        ([0, 1], [[0], [1]], "labels must be class numbers"),
        ([0, 2], [0, 1], "predicted must be from 0 to 1. Got some from 0 to 2"),
        ([0, 1], [-1, 1], "labels must be from 0 to 1. Got some from -1 to 1"),
    ],
)
def test_no_class_numbers(predicted, labels, words):
    with pytest.raises(DataError, match=words):
        confusion_matrix(np.array(predicted), np.array(labels), 2)


@pytest.mark.parametrize(
    ("predictions", "labels", "words"),
    [
        ([0.5, 0.5], [0, 1], r"predictions must be \(n, classes\)"),
        (np.zeros((0, 2)), [], r"predictions must be \(n, classes\), at least one row"),
        ([[0.5, 0.5]], [0, 1], "labels must be class numbers"),
        ([[0.5, 0.5]], [2], "labels must be from 0 to 1"),
    ],
)
def test_no_predictions(predictions, labels, words):
    with pytest.raises(DataError, match=words):
        top_k_accuracy(np.array(predictions), np.array(labels), 1)


def test_counts_that_make_no_sense():
    with pytest.raises(ConfigurationError, match="'k' of top_k_accuracy"):
        top_k_accuracy(np.array([[0.5, 0.5]]), np.array([0]), 0)
    with pytest.raises(ConfigurationError, match="'classes' of confusion_matrix"):
        confusion_matrix(np.array([0]), np.array([0]), 0)


def test_what_an_evaluation_says():
    confusion = np.eye(3, dtype=np.int64)
    assert str(Evaluation(1.5e36, 1.0, 1.0, 3, confusion, 3)) == (
        "loss 1.5e+36, accuracy 100.00% on 3 images"
    )
    assert str(Evaluation(0.25, 0.5, 0.75, 2, confusion, 1200)) == (
        "loss 0.2500, accuracy 50.00%, top-2 75.00% on 1,200 images"
    )
    assert str(Evaluation(0.25, None, None, 5, None, 3)) == "loss 0.2500 on 3 images"
