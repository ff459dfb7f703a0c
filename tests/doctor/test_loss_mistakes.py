"""Every known loss is recognised, and every wrong gradient of one gets its name."""

from pathlib import Path

import numpy as np
import pytest

from sixloops.doctor import check_layer
from sixloops.doctor.layer.losses import LOSSES
from sixloops.doctor.layer.mistakes.losses import DIRECTIONS, RATIOS

SOUND = [loss for loss in LOSSES if not loss.fault]
PLANTED = [
    (loss, direction) for direction in DIRECTIONS for loss in SOUND if loss.kind in direction.kinds
]


def _verdict(loss, gradient):
    def forward(prediction, target):
        return loss.value(_inside(loss, prediction), target) / len(prediction)

    def backward(prediction, target):
        return gradient(_inside(loss, prediction), target) / len(prediction)

    return check_layer((forward, backward))


def _inside(loss, prediction):
    """Keep probabilities away from 0 and 1, as careful people do."""
    if loss.kind in ("cross-entropy", "binary cross-entropy"):
        return np.clip(prediction, 1e-9, 1 - 1e-9)
    return np.clip(prediction, -20, 20) if "entropy" in loss.kind else prediction


@pytest.mark.parametrize("loss", SOUND, ids=lambda loss: loss.words)
def test_a_sound_loss_is_recognised(loss):
    verdict = _verdict(loss, loss.gradient)
    assert verdict.healthy, str(verdict)
    assert verdict.recognised.startswith(loss.words)


def _mean(y, t):
    return np.mean((y - t) ** 2)


def _mean_back(y, t):
    return 2 * (y - t) / y.size


def _with_probabilities(logits, labels):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(p)), labels]).mean(), p


def _from_probabilities(p, labels):
    return (p - np.eye(p.shape[1])[labels]) / len(p)


def _from_probs(probs, labels):
    return _from_probabilities(probs, labels)


@pytest.mark.parametrize(
    "pair",
    [
        (_mean, _mean_back),
        (_with_probabilities, _from_probabilities),
        (_with_probabilities, _from_probs),
    ],
)
def test_a_losss_arguments_are_taken_by_their_place_and_by_what_forward_returned(pair):
    verdict = check_layer(pair)
    assert verdict.healthy, str(verdict)
    wrong = check_layer((pair[0], lambda *given: 3 * pair[1](*given)))
    assert not wrong.healthy


@pytest.mark.parametrize(("loss", "direction"), PLANTED, ids=lambda part: "")
def test_a_wrong_gradient_is_named(loss, direction):
    verdict = _verdict(loss, direction.wrong)
    assert not verdict.healthy
    assert verdict.name == direction.diagnosis.id, str(verdict)


@pytest.mark.parametrize(("said", "ratio"), RATIOS, ids=lambda part: getattr(part, "id", ""))
def test_a_wrong_factor_is_named(said, ratio):
    loss = next(loss for loss in SOUND if loss.kind == "squared error")
    verdict = _verdict(loss, lambda x, t: ratio(*map(float, x.shape)) * loss.gradient(x, t))
    assert verdict.name == said.id, str(verdict)


def test_a_loss_that_mixes_up_shapes_is_seen_only_where_it_does():
    def forward(prediction, target):
        return np.mean((prediction - target.reshape(prediction.shape)) ** 2)

    def backward(prediction, target):
        return 2 * (prediction - target.reshape(prediction.shape)) / prediction.size

    assert check_layer((forward, backward), input_shape=(6, 1)).healthy


def test_softmax_without_axes_is_right_for_one_image_and_wrong_for_a_batch():
    class Softmax:
        def forward(self, x):
            e = np.exp(x - np.max(x))
            self.p = e / np.sum(e)
            return self.p

        def backward(self, g):
            return self.p * (g - np.sum(g * self.p))

    assert check_layer(Softmax).healthy
    assert check_layer(Softmax, axes="ND").name == "softmax-of-all"


def test_targets_are_taken_as_the_user_gives_them():
    class Loss:
        def forward(self, scores, flavour):
            self.d = scores - flavour
            return 0.5 * (self.d**2).sum()

        def backward(self):
            return -self.d

    given = {"flavour": np.zeros((4, 3))}
    verdict = check_layer(Loss, input_shape=(4, 3), arguments=given)
    assert verdict.name == "sign"


def test_pages_and_their_sections_exist():
    root = Path(__file__).parents[2]
    for said in {each.diagnosis for each in DIRECTIONS} | {said for said, _ in RATIOS}:
        file, _, section = said.page.partition("#")
        if file:
            text = (root / file).read_text(encoding="utf-8")
            heads = [line.lstrip("# ").lower() for line in text.splitlines() if line[:1] == "#"]
            kept = ["".join(c for c in head if c.isalnum() or c in " -_") for head in heads]
            assert section in {head.replace(" ", "-") for head in kept}, said.page


def test_a_loss_of_another_kind_is_not_taken_for_one_of_mixed_shapes():
    class Huber:
        def forward(self, pred, target):
            self.d = pred - target
            far = np.abs(self.d)
            return np.where(far < 1, 0.5 * self.d**2, far - 0.5).sum()

        def backward(self):
            return np.clip(self.d, -1, 1)

    assert check_layer(Huber).healthy


def test_layers_with_lists_of_matrices():
    class Deep:
        def __init__(self):
            self.weights = [np.random.default_rng(n).normal(size=(4, 4)) for n in range(2)]

        def forward(self, x):
            self.h = [x]
            for weight in self.weights:
                self.h.append(np.tanh(self.h[-1] @ weight))
            return self.h[-1]

        def backward(self, g):
            self.dweights = []
            for x, y, weight in zip(self.h[1::-1], self.h[:0:-1], self.weights[::-1], strict=True):
                g = g * (1 - y**2)
                self.dweights.append(x.T @ g)
                g = g @ weight.T
            self.dweights = self.dweights[::step]
            return g

    step = -1
    assert check_layer(Deep).healthy
    step = 1
    assert check_layer(Deep).name == "numbers-moved"


def test_not_every_wrong_mass_on_ties_is_blamed_on_ties():
    class Pool:
        def forward(self, x):
            n, c, h, w = x.shape
            self.shape = x.shape
            rows = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5)
            self.rows = rows.reshape(n, c, h // 2, w // 2, 4)
            return self.rows.max(axis=-1)

        def backward(self, dy):
            top = np.sort(self.rows, axis=-1)
            alone = top[..., -1] > top[..., -2]  # where two are equal the error is lost
            hot = (np.arange(4) == self.rows.argmax(-1)[..., None]) * (dy * alone)[..., None]
            n, c, h, w = self.shape
            hot = hot.reshape(n, c, h // 2, w // 2, 2, 2)
            return hot.transpose(0, 1, 2, 4, 3, 5).reshape(self.shape)

    assert check_layer(Pool).name == "ties-mass"
