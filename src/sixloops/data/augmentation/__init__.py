"""Augmentations: one file each, and the names under which the command line takes them."""

from sixloops.data.augmentation.affine import Affine
from sixloops.data.augmentation.base import Augmentation
from sixloops.data.augmentation.compose import Compose
from sixloops.data.augmentation.crop import RandomCrop
from sixloops.data.augmentation.elastic import ElasticDistortion
from sixloops.data.augmentation.erase import RandomErasing
from sixloops.data.augmentation.expansion import expand_by_shifts
from sixloops.data.augmentation.flip import Flip
from sixloops.data.augmentation.shift import Shift
from sixloops.data.augmentation.warp import Warp

AUGMENTATIONS: dict[str, type[Augmentation]] = {
    "shift": Shift,
    "affine": Affine,
    "elastic": ElasticDistortion,
    "flip": Flip,
    "crop": RandomCrop,
    "erase": RandomErasing,
    "compose": Compose,
}

__all__ = [
    "AUGMENTATIONS",
    "Affine",
    "Augmentation",
    "Compose",
    "ElasticDistortion",
    "Flip",
    "RandomCrop",
    "RandomErasing",
    "Shift",
    "Warp",
    "expand_by_shifts",
]
