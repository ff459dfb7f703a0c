r"""A rate for each weight: the stochastic diagonal Levenberg–Marquardt method of LeNet-5.

Online gradient descent in which weight k has the rate

    η_k = η / (μ + h_k)

where h_k is the curvature of the error along it, estimated before each pass on some images and
kept for the pass, and μ keeps the rate in bounds where there is little curvature (LeCun, Bottou,
Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition", section III.B
and appendix C).

**What is estimated.** Let x be what goes into the radial-basis units, the outputs of F6, and c the
code of the right class. The paper's first criterion (eq. 8) is E = |x − c|², which has the
curvature ∂²E/∂x² = 2·I. With the Jacobian J[i,k] = ∂x_i/∂w_k, its Gauss-Newton matrix is
Jᵀ·2I·J, and

    h_k = mean over the images of 2·Σ_i J[i,k]²

This is never below 0, as the paper asks, and needs no labels. The criterion that is trained (eq. 9)
also pushes other classes away. With d_i = x − c_i, the shares q_i = e^{−y_i}/Z of the classes, and
q_0 that of the class "rubbish", for which d_0 = 0, its own curvature is

    ∂²E/∂x² = 2·q_0·I + 4·Σ_i q_i·(d_i − m)(d_i − m)ᵀ        m = Σ_i q_i·d_i

At the beginning, when all codes are far away, that is 2·I too. But it vanishes for images that are
recognised for sure (q_c → 1), so that rates would grow towards η/μ as training goes well; tried on
LeNet-5, the error rose again in the second pass. So the curvature of the distance is taken
throughout.

**How it is estimated.** For v with independent entries ±1, E[v·vᵀ] = I, and so

    E[((Jᵀ·√2·v)_k)²] = (Jᵀ·2I·J)_kk

One ordinary backward pass that begins with √2·v at x gives Jᵀ·√2·v, whose squares are thus an
unbiased estimate (Martens, Sutskever & Swersky 2012, "Estimating the Hessian by Back-propagating
Curvature"). The paper instead passes second derivatives back from layer to layer, which leaves out
what couples two units of a layer, and what couples two places that share a weight. Both are in
J here: this is the true diagonal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sixloops import checks
from sixloops.engine import Plan
from sixloops.layers import Context, Layer, Sequential
from sixloops.layers.base import EVALUATION, Array, Parameters
from sixloops.optimizers import Optimizer
from sixloops.recipes.epochs import Measuring
from sixloops.training.run import Run


@dataclass(frozen=True)
class DiagonalLevenbergMarquardt(Optimizer):
    """w ← w − η·g / (μ + h), with the curvature h that :class:`EstimateCurvature` sets.

    Args:
        rate: the global rate η, above 0.
        damping: μ, above 0.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> parameters = {"0.weight": np.array([1.0, 1.0])}
        >>> state = {"0.weight.curvature": np.array([0.0, 0.5])}
        >>> gradients = {"0.weight": np.array([1.0, 1.0])}
        >>> optimizer = DiagonalLevenbergMarquardt(rate=0.05, damping=0.5)
        >>> optimizer.update(parameters, gradients, state, optimizer.rate, step=1)
        >>> parameters["0.weight"]
        array([0.9 , 0.95])
    """

    memory: ClassVar[tuple[str, ...]] = ("curvature",)

    rate: float = 0.0005
    damping: float = 0.02

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(self, "damping", above=0)

    def change(
        self,
        name: str,
        parameter: Array,
        gradient: Array,
        kept: Sequence[Array],
        rate: float,
        step: int,
    ) -> None:
        """Go against the gradient, each weight at its own rate."""
        (curvature,) = kept
        parameter -= rate * gradient / (curvature + self.damping)


@dataclass
class EstimateCurvature(Measuring):
    """Estimates the curvatures before each pass, and puts them into the optimiser's state.

    The network must end in radial-basis units. Images, signs and, if the run has an
    augmentation, variations are drawn from the stream ``curvature`` at the epoch, so that a
    resumed run has the same.

    Args:
        images: on how many images of the training set, or on all if there are fewer.
    """

    kind: ClassVar[str] = "curvature"

    images: int = 500

    def __post_init__(self) -> None:
        checks.whole(self, "images")

    @property
    def ranges(self) -> list[tuple[float, float]]:
        """The least and the largest curvature before each pass, of all that are not 0."""
        return [(record["least"], record["largest"]) for record in self.records]

    def on_train_start(self, run: Run, plan: Plan) -> None:
        """Estimate, unless the run goes on and has what was estimated for this pass."""
        super().on_train_start(run, plan)
        if len(self.records) <= run.epoch < run.settings.epochs:
            self._estimate(run)

    def on_epoch_end(self, run: Run, plan: Plan) -> None:
        """Estimate for the next pass."""
        if run.epoch < run.settings.epochs:
            self._estimate(run)

    def _estimate(self, run: Run) -> None:
        network, augmentation = run.network, run.settings.augmentation
        random = run.streams.generator("curvature", run.epoch)
        count = min(self.images, len(run.data))
        images = run.data.random_subset(count, random).take(np.arange(count))[0]
        if augmentation is not None:
            images = augmentation.apply(images, random)
        features = Sequential(network.layers[:-1])
        shape = (count, *features.output_shape(network.input_shape))
        signs = random.choice([-1.0, 1.0], shape).astype(network.dtype)
        context = Context(state=network.state)
        found = gauss_newton_diagonal(
            features, network.parameters, images.astype(network.dtype), signs, context
        )
        for name, curvature in found.items():
            run.optimizer_state[f"{name}.curvature"][...] = curvature
        seen = np.concatenate([curvature[curvature > 0] for curvature in found.values()])
        # Where all features are saturated there are none.
        least, largest = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 0.0)
        run.record(self.kind, least=least, largest=largest)


def gauss_newton_diagonal(
    features: Layer,
    parameters: Parameters,
    images: Array,
    signs: Array,
    context: Context = EVALUATION,
) -> dict[str, Array]:
    """Estimate the diagonal of mean_n Jᵀ·2I·J, from one backward pass an image.

    Args:
        features: what gives x, all before the radial-basis units.
        parameters: of the features.
        images: (n, *input shape), n at least 1.
        signs: v, +1 and −1 at random, (n, *output shape).
        context: with the features' state, if they have one.

    Returns:
        The curvatures by the parameters' names, each at least 0.

    Examples:
        >>> from sixloops.layers import Dense
        >>> parameters = {"weight": np.array([[1.0, 1.0]]), "bias": np.array([0.0])}
        >>> images, signs = np.array([[3.0, 2.0]]), np.array([[-1.0]])
        >>> gauss_newton_diagonal(Dense(1), parameters, images, signs)["weight"].round(6)
        array([[18.,  8.]])
    """
    sums: dict[str, Array] = {}
    for image, sign in zip(images, signs, strict=True):
        _, backward = features.forward(image[np.newaxis], parameters, context)
        _, gradients = backward(math.sqrt(2) * sign[np.newaxis])
        for name, gradient in gradients.items():
            sums[name] = sums.get(name, 0) + np.square(gradient)
    return {name: total / len(images) for name, total in sums.items()}
