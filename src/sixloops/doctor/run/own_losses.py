"""Proofs about a loss that the user wrote."""

from __future__ import annotations

import numpy as np

from sixloops.doctor.verdict import Diagnosis
from sixloops.layers.base import Array, Shape
from sixloops.losses import Loss

BATCH = 6


def check_loss(loss: Loss, output_shape: Shape) -> Diagnosis | None:
    """Return what is wrong with a loss of class labels; None if nothing is."""
    if len(output_shape) != 1 or output_shape[0] < 2:
        return None
    random, classes = np.random.default_rng(0), output_shape[0]
    outputs = random.normal(size=(BATCH, classes)).clip(-0.9, 0.9) * 0.5 + 0.5
    labels = random.permutation(np.arange(BATCH) % classes)
    for check in (_mixes, _gradient, _extremes, _floor):
        said = check(loss, outputs, labels)
        if said is not None:
            return said
    return None


def _losses(loss: Loss, outputs: Array, labels: Array) -> Array:
    return np.asarray(loss.forward(outputs, labels)[0], dtype=np.float64).reshape(len(outputs))


def _mixes(loss: Loss, outputs: Array, labels: Array) -> Diagnosis | None:
    """Compare the losses of a batch with those of its images alone."""
    together = _losses(loss, outputs, labels)
    alone = np.array(
        [_losses(loss, outputs[i : i + 1], labels[i : i + 1])[0] for i in range(len(labels))]
    )
    if np.allclose(together, alone, rtol=1e-6, atol=1e-9):
        return None
    return Diagnosis(
        "loss-mixes-images",
        f"An image's loss is {together[0]:.4g} in a batch of {len(labels)}, {alone[0]:.4g} alone.",
        "E_n belongs to outputs n and target n. (n, 1) against (n,), or p[:, labels] for "
        "p[rows, labels], makes an n × n table of every image with every target.",
        "Compare arrays of one shape, and take p[np.arange(n), labels].",
        number=30,
    )


def _gradient(loss: Loss, outputs: Array, labels: Array) -> Diagnosis | None:
    """Compare the gradient with measured slopes."""
    _, backward = loss.forward(outputs.copy(), labels)
    weights = np.random.default_rng(1).uniform(0.5, 1.5, len(labels)) / len(labels)
    claimed = np.asarray(backward(weights.copy()), dtype=np.float64)
    true = np.empty_like(outputs)
    for place in np.ndindex(*outputs.shape):
        step = np.zeros_like(outputs)
        step[place] = 1e-5
        above, below = _losses(loss, outputs + step, labels), _losses(loss, outputs - step, labels)
        true[place] = weights @ (above - below) / 2e-5
    if claimed.shape == true.shape and np.allclose(claimed, true, rtol=1e-4, atol=1e-7):
        return None
    return _named_gradient(claimed, true, len(labels))


def _named_gradient(claimed: Array, true: Array, batch: int) -> Diagnosis:
    why = "∂E/∂outputs of the mean loss is 1/batch times that of each image's."
    if claimed.shape != true.shape:
        words = f"The gradient has shape {claimed.shape}, the outputs {true.shape}."
        return Diagnosis("loss-gradient-wrong", words, why, "Return one number an output.")
    ratio = float((claimed * true).sum() / (true**2).sum())
    if np.allclose(claimed, ratio * true, rtol=1e-3, atol=1e-6):
        if abs(ratio + 1) < 1e-3:
            return Diagnosis("sign", "The gradient is −1 times the slope of the loss.",
                             "For softmax and cross-entropy ∂E/∂z = p − t, and not t − p.",
                             "Turn its sign.", number=23)  # fmt: skip
        name, number = ("summed-gradient", 22) if abs(ratio - batch) < 0.01 * batch else (
            "loss-gradient-wrong", None)  # fmt: skip
        words = f"The gradient is {ratio:.4g} times the slope of the loss, at a batch of {batch}."
        return Diagnosis(name, words, why, "Divide by the batch's size once.", number=number)
    worst = float(np.abs(claimed - true).max())
    words = f"The gradient differs from the measured slope of the loss by up to {worst:.3g}."
    return Diagnosis("loss-gradient-wrong", words, why, "Derive it once more from the forward.")


def _extremes(loss: Loss, outputs: Array, labels: Array) -> Diagnosis | None:
    """Give it outputs of very different sizes: rows far apart, then far apart in a row."""
    apart = outputs + np.array([0.0, 2000.0, -2000.0, 0.0, 500.0, -500.0])[:, None]
    if not _finite(loss, apart, labels):
        alone = all(_finite(loss, apart[i : i + 1], labels[i : i + 1]) for i in range(len(labels)))
        if alone:
            return Diagnosis(
                "softmax-shifted-together",
                "Rows of outputs near 0 and near 2000 in one batch give NaN or infinity, each row "
                "alone does not.",
                "exp(z − max) underflows in every row that is far below the largest of all rows.",
                "Subtract each row's own maximum: z − z.max(axis=1, keepdims=True).",
                number=31,
            )
    wide = np.zeros_like(outputs)
    wide[np.arange(len(labels)), (labels + 1) % outputs.shape[1]] = 800.0
    if _finite(loss, wide, labels):
        return None
    return Diagnosis(
        "log-of-zero",
        "A confident wrong answer gives a loss or gradient that is NaN or infinite.",
        "p = exp(z)/Σ exp(z) rounds to 0 for logits about 100 apart, and ln 0 = −∞.",
        "Compute it from logits: ln Σ exp(z − m) − (z_c − m), with the row's maximum m.",
        number=32,
    )


def _finite(loss: Loss, outputs: Array, labels: Array) -> bool:
    losses, backward = loss.forward(outputs.copy(), labels)
    slopes = backward(np.full(len(labels), 1 / len(labels)))
    return bool(np.isfinite(losses).all() and np.isfinite(slopes).all())


def _floor(loss: Loss, outputs: Array, labels: Array) -> Diagnosis | None:
    """See whether right and confident answers are worth a loss near 0."""
    classes = outputs.shape[1]
    sure = np.zeros_like(outputs)
    sure[np.arange(len(labels)), labels] = 40.0
    twice = -np.log(np.e / (np.e + classes - 1))
    if not np.allclose(_losses(loss, sure, labels), twice, rtol=1e-3):
        return None
    return Diagnosis(
        "softmax-twice",
        f"The loss of a right answer, as confident as can be, is {twice:.4g} and not 0.",
        "Softmax of numbers from 0 to 1 is nearly flat: −ln(e/(e + K − 1)) is the least.",
        "Apply softmax once.",
        number=21,
    )
