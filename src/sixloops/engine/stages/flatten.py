"""Flattening: the same numbers, channels first, looked at as one row."""

from __future__ import annotations

from sixloops.engine.places import Place
from sixloops.engine.program import Program
from sixloops.engine.stages.base import Stage, Values, arranged


class FlattenStage(Stage):
    """Looks at maps as features.

    Args:
        place: the layer at its place.
    """

    def __init__(self, place: Place) -> None:
        self.name, self._place = f"{place.path} Flatten: channels first", place

    def forward(self, program: Program, x: Values) -> Values:
        """Write how the channels come first, where they are not."""
        maps = arranged(program, x, channels_last=False)
        return Values(maps.buffer, self._place.output_shape)

    def backward(self, program: Program, dy: Values, needs_dx: bool) -> Values:
        """Look at the features as maps again."""
        return Values(dy.buffer, self._place.input_shape)
