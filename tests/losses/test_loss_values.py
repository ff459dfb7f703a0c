from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from gradient_check import check_loss_gradients
from sixloops.descriptions import from_data, to_data
from sixloops.errors import ConfigurationError
from sixloops.losses import (
    LOSSES,
    AbsoluteError,
    Huber,
    Loss,
    RadialBasisLoss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)

BATCH, CLASSES = 6, 5
CLASS_LOSSES = [
    SoftmaxCrossEntropy(),
    SoftmaxCrossEntropy(label_smoothing=0.2),
    SigmoidCrossEntropy(),
    RadialBasisLoss(margin=2.0),
]
NUMBER_LOSSES = [SquaredError(), AbsoluteError(), Huber(0.7)]
ALL = CLASS_LOSSES + NUMBER_LOSSES


def named(loss: object) -> str:
    return repr(loss)


def outputs(shape=(BATCH, CLASSES), scale=2.0):
    return scale * np.random.default_rng(4).normal(size=shape)


def labels():
    return np.array([0, 4, 2, 2, 1, 3])


def probabilities():
    rows = np.random.default_rng(8).uniform(size=(BATCH, CLASSES))
    rows[0] = [0, 0, 1, 0, 0]
    return rows / rows.sum(axis=1, keepdims=True)


def one_hot(off=0.0, on=1.0):
    return np.where(labels()[:, None] == np.arange(CLASSES), on, off)


def values(loss: Loss, y, t):
    return loss.forward(y, t)[0]


# ---- values ------------------------------------------------------------------------------


@pytest.mark.parametrize("targets", [labels(), probabilities()], ids=["labels", "probabilities"])
def test_softmax_cross_entropy_is_that_of_scipy_and_torch(targets):
    y = outputs()
    t = one_hot() if targets.ndim == 1 else targets
    expected = -(t * scipy.special.log_softmax(y, axis=1)).sum(axis=1)
    np.testing.assert_allclose(values(SoftmaxCrossEntropy(), y, targets), expected, rtol=1e-13)
    torch = pytest.importorskip("torch")
    theirs = torch.nn.functional.cross_entropy(
        torch.tensor(y), torch.tensor(targets), reduction="none"
    )
    np.testing.assert_allclose(expected, theirs.numpy(), rtol=1e-12)


@pytest.mark.parametrize("targets", [labels(), probabilities()], ids=["labels", "probabilities"])
def test_label_smoothing_shares_a_part_evenly(targets):
    y, loss = outputs(), SoftmaxCrossEntropy(label_smoothing=0.2)
    t = one_hot() if targets.ndim == 1 else targets
    mixed = -((0.8 * t + 0.2 / CLASSES) * scipy.special.log_softmax(y, axis=1)).sum(axis=1)
    np.testing.assert_allclose(values(loss, y, targets), mixed, rtol=1e-13)
    np.testing.assert_array_equal(loss.predictions(y), SoftmaxCrossEntropy().predictions(y))
    torch = pytest.importorskip("torch")
    theirs = torch.nn.functional.cross_entropy(
        torch.tensor(y), torch.tensor(targets), reduction="none", label_smoothing=0.2
    )
    np.testing.assert_allclose(mixed, theirs.numpy(), rtol=1e-12)


def test_sigmoid_cross_entropy_is_that_of_scipy_and_torch():
    y, t = outputs(), np.random.default_rng(1).uniform(size=(BATCH, CLASSES))
    p = scipy.special.expit(y)
    expected = scipy.special.kl_div(t, p) + scipy.special.kl_div(1 - t, 1 - p)
    entropy = scipy.special.entr(t) + scipy.special.entr(1 - t)
    ours = values(SigmoidCrossEntropy(), y, t)
    np.testing.assert_allclose(ours, (expected + entropy).sum(axis=1), rtol=1e-12)
    torch = pytest.importorskip("torch")
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(y), torch.tensor(t), reduction="none"
    )
    np.testing.assert_allclose(ours, theirs.sum(dim=1).numpy(), rtol=1e-12)


@pytest.mark.parametrize("shape", [(3, 4), (3, 1), (2, 3, 4, 5)])
def test_losses_of_numbers_are_those_of_scipy_and_torch(shape):
    y, t = outputs(shape), np.random.default_rng(2).normal(size=shape)
    axes = tuple(range(1, len(shape)))
    ours = {loss: values(loss, y, t) for loss in NUMBER_LOSSES}
    expected = scipy.special.huber(0.7, y - t).sum(axis=axes)
    np.testing.assert_allclose(ours[Huber(0.7)], expected, rtol=1e-13)
    np.testing.assert_allclose(ours[SquaredError()], 0.5 * ((y - t) ** 2).sum(axis=axes))
    np.testing.assert_allclose(ours[AbsoluteError()], abs(y - t).sum(axis=axes))
    torch = pytest.importorskip("torch")
    functional, tensors = torch.nn.functional, (torch.tensor(y), torch.tensor(t))
    for loss, theirs in {
        SquaredError(): functional.mse_loss(*tensors, reduction="none") / 2,
        AbsoluteError(): functional.l1_loss(*tensors, reduction="none"),
        Huber(0.7): functional.huber_loss(*tensors, reduction="none", delta=0.7),
    }.items():
        np.testing.assert_allclose(ours[loss], theirs.sum(dim=axes).numpy(), rtol=1e-12)


@pytest.mark.parametrize("margin", [0.1, 2.0, 50.0])
def test_radial_basis_loss_is_equation_9(margin):
    y = outputs() ** 2
    rubbish = np.exp(-margin)
    expected = [
        row[c] + np.log(rubbish + np.exp(-row).sum()) for row, c in zip(y, labels(), strict=True)
    ]
    np.testing.assert_allclose(values(RadialBasisLoss(margin), y, labels()), expected, rtol=1e-12)


def test_radial_basis_loss_pushes_no_class_beyond_the_margin():
    y = np.array([[0.0, 3.0, 60.0]])
    slopes = RadialBasisLoss(margin=10.0).forward(y, np.array([0]))[1](np.ones(1))
    assert slopes[0, 0] > 0
    assert slopes[0, 1] < -1e-2
    assert abs(slopes[0, 2]) < 1e-20


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_a_label_means_its_row(loss):
    np.testing.assert_array_equal(
        values(loss, outputs(), labels()), values(loss, outputs(), one_hot())
    )
    small = labels().astype(np.uint8)
    np.testing.assert_array_equal(values(loss, outputs(), labels()), values(loss, outputs(), small))


@pytest.mark.parametrize("kind", [SquaredError, AbsoluteError, Huber])
def test_labels_take_the_levels_off_and_on(kind):
    ours = values(kind(off=-1.0, on=0.9), outputs(), labels())
    np.testing.assert_array_equal(ours, values(kind(), outputs(), one_hot(-1.0, 0.9)))
    assert not np.allclose(ours, values(kind(), outputs(), labels()))


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_one_value_an_image_whatever_the_batch(loss):
    whole = values(loss, outputs(), labels())
    assert whole.shape == (BATCH,)
    for n in range(BATCH):
        alone = values(loss, outputs()[n : n + 1], labels()[n : n + 1])
        np.testing.assert_allclose(alone, whole[n : n + 1], rtol=1e-14)
    empty, backward = loss.forward(outputs()[:0], labels()[:0])
    assert empty.shape == (0,)
    assert backward(empty).shape == (0, CLASSES)


# ---- gradients ---------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ALL, ids=named)
@pytest.mark.parametrize("targets", [labels(), probabilities()], ids=["labels", "rows"])
def test_gradients_are_the_slopes(loss, targets):
    check_loss_gradients(loss, outputs(), targets)


@pytest.mark.parametrize("loss", [*NUMBER_LOSSES, SigmoidCrossEntropy()], ids=named)
@pytest.mark.parametrize("shape", [(3, 1), (2, 3, 4, 5), (1, 2, 3)])
def test_gradients_of_outputs_of_any_rank(loss, shape):
    check_loss_gradients(loss, outputs(shape), np.random.default_rng(3).uniform(size=shape))


def test_softmax_cross_entropys_gradient_is_p_minus_t():
    loss, y = SoftmaxCrossEntropy(), outputs()
    slopes = loss.forward(y, labels())[1](np.ones(BATCH))
    np.testing.assert_allclose(slopes, loss.predictions(y) - one_hot(), atol=1e-15)


def test_gradients_at_kinks_are_the_ones_promised():
    y = np.array([[1.0, 2.0, -0.5]])
    t = np.array([[1.0, 1.0, 0.5]])
    assert AbsoluteError().forward(y, t)[1](np.array([2.0])).tolist() == [[0.0, 2.0, -2.0]]
    assert Huber(1.0).forward(y, t)[1](np.array([2.0])).tolist() == [[0.0, 2.0, -2.0]]


# ---- extremes ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), SigmoidCrossEntropy()], ids=named)
def test_huge_logits_give_exact_losses_and_slopes(loss, dtype):
    y = np.array([[1e4, -1e4], [-1e4, 1e4], [1e4, 1e4], [-1e4, -1e4]], dtype=dtype)
    found, backward = loss.forward(y, np.array([0, 0, 0, 0]))
    if isinstance(loss, SoftmaxCrossEntropy):
        expected = [0, 2e4, np.log(2), np.log(2)]
        slopes = [[0, 0], [-1, 1], [-0.5, 0.5], [-0.5, 0.5]]
    else:
        expected = [0, 2e4, 1e4, 1e4]
        slopes = [[0, 0], [-1, 1], [0, 1], [-1, 0]]
    np.testing.assert_allclose(found, np.array(expected, dtype=dtype), rtol=1e-6)
    np.testing.assert_allclose(backward(np.ones(4, dtype=dtype)), slopes, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_distances_do_no_harm(dtype):
    y = np.array([[0.0, 1e4], [1e4, 0.0], [1e4, 1e4]], dtype=dtype)
    for margin in (0.1, 1e4):
        found, backward = RadialBasisLoss(margin).forward(y, np.array([0, 0, 0]))
        assert np.isfinite(found).all()
        assert np.isfinite(backward(np.ones(3, dtype=dtype))).all()
    np.testing.assert_allclose(found, [0, 1e4, np.log(3)], atol=1e-2)


def test_huber_does_not_square_what_is_far():
    far = np.array([[1e30, -1e30]], dtype=np.float32)
    found, _ = Huber(1.0).forward(far, np.zeros((1, 2), dtype=np.float32))
    assert found == pytest.approx(2e30)


def test_small_losses_keep_their_digits():
    found = values(SigmoidCrossEntropy(), np.array([[40.0, -40.0]]), np.array([0])).item()
    assert found == pytest.approx(2 * np.exp(-40.0), rel=1e-12, abs=0)


# ---- types, inputs, predictions ----------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ALL, ids=named)
def test_the_float_type_of_the_outputs_stays(loss, dtype):
    y = outputs().astype(dtype)
    for targets in (labels(), one_hot(), one_hot().astype(np.float32), one_hot().astype(bool)):
        found, backward = loss.forward(y, targets)
        slopes = backward(np.full(BATCH, 1 / BATCH))
        assert (found.dtype, slopes.dtype) == (dtype, dtype)
        assert slopes.shape == y.shape
    assert loss.predictions(y).dtype == dtype


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_inputs_may_be_read_only_and_backward_be_called_twice(loss):
    y, t, cotangent = outputs(), one_hot(), np.random.default_rng(6).normal(size=BATCH)
    for array in (y, t, cotangent):
        array.flags.writeable = False
    _, backward = loss.forward(y, t)
    first = backward(cotangent).copy()
    np.testing.assert_array_equal(backward(cotangent), first)


def test_predictions_are_probabilities_where_the_loss_is_one_of_classes():
    y = outputs()
    expected = scipy.special.softmax(y, axis=1)
    np.testing.assert_allclose(SoftmaxCrossEntropy().predictions(y), expected, rtol=1e-13)
    expected = scipy.special.softmax(-y, axis=1)
    np.testing.assert_allclose(RadialBasisLoss().predictions(y), expected, rtol=1e-13)
    np.testing.assert_allclose(SigmoidCrossEntropy().predictions(y), 1 / (1 + np.exp(-y)))
    for loss in NUMBER_LOSSES:
        np.testing.assert_array_equal(loss.predictions(y), y)
    extreme = np.array([[1e4, -1e4, 0.0]], dtype=np.float32)
    assert SoftmaxCrossEntropy().predictions(extreme).tolist() == [[1.0, 0.0, 0.0]]
    assert RadialBasisLoss().predictions(extreme).tolist() == [[0.0, 1.0, 0.0]]
    assert SigmoidCrossEntropy().predictions(extreme).tolist() == [[1.0, 0.0, 0.5]]


# ---- descriptions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Huber(0), r"The 'delta' of Huber must be a number above 0\. Got 0\."),
        (lambda: Huber(off=None), r"'off' of Huber must be a finite number\. Got None"),
        (lambda: SquaredError(1, 1), r"'on' of SquaredError must differ from off=1\. Got 1"),
        (lambda: AbsoluteError(on=np.inf), r"'on' of AbsoluteError must be a finite number"),
        (lambda: RadialBasisLoss(-1), r"'margin' of RadialBasisLoss must be a number above 0"),
        (
            lambda: SoftmaxCrossEntropy(label_smoothing=1),
            r"'label_smoothing' of SoftmaxCrossEntropy must be a number of at least 0 and below 1",
        ),
    ],
)
def test_wrong_hyper_parameters_are_named(build, message):
    with pytest.raises(ConfigurationError, match=message):
        build()


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_descriptions_come_back_from_data(loss):
    assert from_data(to_data(loss), LOSSES.values()) == loss


def test_the_table_holds_all_of_them():
    assert set(LOSSES.values()) == {type(loss) for loss in ALL}


def test_a_loss_of_ones_own_needs_forward_alone():
    with pytest.raises(NotImplementedError, match=r"Loss must define forward"):
        Loss().forward(outputs(), labels())
    assert Loss().predictions(outputs()).shape == (BATCH, CLASSES)
