"""Trainings under way, on disk, so that what was interrupted goes on from there.

A record is to be of one version, one machine and one number of threads, as its times are read.
So a training is kept under all of that and under what it is, and no other takes it up.
"""

from __future__ import annotations

import json
import shutil
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sixloops.report.machine import machine, versions


@dataclass
class Unfinished:
    """The trainings of one experiment by one seed.

    Args:
        folder: in which each has a folder; made when there is something to keep.

    Attributes:
        used: the folders of this experiment's trainings so far.
        taken_over: for each that went on, the seconds of training that it had before.
    """

    folder: Path
    used: list[Path] = field(default_factory=list)
    taken_over: list[float] = field(default_factory=list)

    def place(self, description: dict[str, Any], threads: int | None) -> Path:
        """Return where a training is kept.

        Args:
            description: all that its bits depend on, in JSON's types.
            threads: by how many it is trained; None for all.
        """
        kept_for = [description, threads, versions(), machine()]
        text = json.dumps(kept_for, sort_keys=True)
        place = self.folder / f"{zlib.crc32(text.encode()):08x}"
        self.used.append(place)
        return place

    def remove(self) -> None:
        """Remove what was used, and nothing that others left."""
        for place in self.used:
            shutil.rmtree(place, ignore_errors=True)
        with suppress(OSError):  # others are there, or it was never made
            self.folder.rmdir()
