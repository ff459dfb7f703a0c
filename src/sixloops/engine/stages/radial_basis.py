"""Radial-basis units, with codes that stay or are learnt.

As with a dense layer, the codes' gradient is not summed up in every share: once all shares are
done, it is written over the whole batch, by codes on several threads.
"""

from __future__ import annotations

from sixloops.engine.kernels.radial_basis import (
    radial_basis,
    radial_basis_back,
    radial_basis_center,
)
from sixloops.engine.places import Place
from sixloops.engine.program import Program
from sixloops.engine.stages.base import Learned, Stage, Values
from sixloops.layers import RadialBasis


class RadialBasisStage(Stage):
    """Squared distances from codes.

    Args:
        place: the layer at its place.
        layer: the layer itself.
        learned: the network's parameters and gradients.
    """

    def __init__(self, place: Place, layer: RadialBasis, learned: Learned) -> None:
        self._layer, self._learned = layer, learned
        self._form = len(layer.codes), len(layer.codes[0])
        self._center = f"{place.path}.center"
        self.learns = layer.trainable
        self.name = f"{place.path} RadialBasis {len(layer.codes)}: sums in registers"

    def forward(self, program: Program, x: Values) -> Values:
        """Write y = Σ (x − w)²."""
        codes, learnt = self._layer.codes, self._learned.parameters
        center = learnt[self._center] if self.learns else program.array(codes)
        self._x, self._known = x, (x.buffer, center, *self._form)
        y = Values(program.buffer(self._form[0]), self._form[:1])
        program.each(radial_basis, *self._known, y.buffer)
        return y

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Write dx = Σ dy · 2·(x − w), and the codes' gradient if they are learnt."""
        if self.learns:
            self._x.buffer.whole = dy.buffer.whole = True
            gradient = self._learned.gradients[self._center]
            for begin, end, where in program.cut(self._form[0], gradient.size):
                operands = *self._known, dy.buffer, gradient, begin, end
                program.after(radial_basis_center, *operands, where=where)
        if not needs_dx:
            return dy
        dx = Values(program.buffer(self._form[1]), self._x.shape)
        program.each(radial_basis_back, *self._known, dy.buffer, dx.buffer)
        return dx
