"""Augmentations: what each does, and what all keep to."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from sixloops.data.augmentation import (
    AUGMENTATIONS,
    Affine,
    Augmentation,
    Compose,
    ElasticDistortion,
    Flip,
    RandomCrop,
    RandomErasing,
    Shift,
    Warp,
)
from sixloops.data.augmentation.affine import inverse
from sixloops.data.augmentation.resample import resample
from sixloops.descriptions import from_data, to_data
from sixloops.errors import ConfigurationError

EXAMPLES = [
    Shift(2),
    Shift((0, 3), fill=1),
    Affine(rotation=20, scale=(0.8, 1.3), shear=15),
    Affine(rotation=0, scale=(1, 1), squeeze=1.5, fill=1),
    ElasticDistortion(),
    ElasticDistortion(alpha=8, sigma=2, fill=1),
    Flip(),
    Flip(horizontal=False, vertical=True),
    Flip(vertical=True, probability=0.9),
    RandomCrop(3),
    RandomCrop((1, 2), border="edge"),
    RandomCrop(2, border="reflect"),
    RandomErasing(0.9),
    RandomErasing(1.0, area=(0.1, 1.0), ratio=(0.01, 100.0), fill=1),
    Compose([Affine(), Shift(1), Flip()]),
    Compose([Affine(fill=1), ElasticDistortion(fill=1), Affine(), ElasticDistortion()]),
]
TYPES = [np.uint8, np.int16, np.bool_, np.float16, np.float32, np.float64, np.longdouble]
every_example = pytest.mark.parametrize("augmentation", EXAMPLES, ids=repr)


def draw(shape: tuple[int, ...] = (9, 2, 8, 6), dtype: Any = np.uint8, seed: int = 0) -> Any:
    values = 2 if dtype is np.bool_ else 256
    return np.random.default_rng(seed).integers(0, values, shape).astype(dtype)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_every_kind_has_an_example() -> None:
    assert {type(example) for example in EXAMPLES} == set(AUGMENTATIONS.values())


@every_example
@pytest.mark.parametrize("dtype", TYPES)
def test_shape_and_type_stay_and_the_input_is_untouched(
    augmentation: Augmentation, dtype: Any
) -> None:
    images = draw(dtype=dtype)
    before = images.copy()
    images.setflags(write=False)
    changed = augmentation.apply(images, generator())
    assert (changed.shape, changed.dtype) == (images.shape, images.dtype)
    assert not np.shares_memory(changed, images)
    assert (images == before).all()
    assert (changed != images).any()


@every_example
def test_the_generator_decides_everything(augmentation: Augmentation) -> None:
    images = draw()
    one = augmentation.apply(images, generator(5))
    assert (one == augmentation.apply(images, generator(5))).all()
    assert (one != augmentation.apply(images, generator(6))).any()


@every_example
def test_strange_memory_layouts_give_the_same(augmentation: Augmentation) -> None:
    images = draw()
    layout = np.asfortranarray(images)[:, :, :, ::-1][:, :, :, ::-1]
    expected = augmentation.apply(images, generator())
    assert (augmentation.apply(layout, generator()) == expected).all()


@every_example
def test_channels_move_together(augmentation: Augmentation) -> None:
    images = np.repeat(draw((9, 1, 8, 6)), 3, axis=1)
    changed = augmentation.apply(images, generator())
    assert (changed == changed[:, :1]).all()


@every_example
def test_images_are_changed_each_in_its_own_way(augmentation: Augmentation) -> None:
    images = np.repeat(draw((1, 1, 8, 6)), 12, axis=0)
    changed = augmentation.apply(images, generator())
    assert len(np.unique(changed.reshape(12, -1), axis=0)) > 1


@every_example
def test_as_data_and_back(augmentation: Augmentation) -> None:
    assert from_data(to_data(augmentation), AUGMENTATIONS.values()) == augmentation


def shifted(image: Any, down: int, across: int, fill: float) -> Any:
    """Shift one image in plain loops."""
    out = np.full_like(image, fill)
    _, h, w = image.shape
    for i in range(h):
        for j in range(w):
            if 0 <= i - down < h and 0 <= j - across < w:
                out[:, i, j] = image[:, i - down, j - across]
    return out


@given(
    st.tuples(st.integers(0, 3), st.integers(0, 9)),
    st.integers(0, 255),
    st.integers(0, 10),
    st.sampled_from([(4, 1, 5, 3), (3, 2, 1, 4)]),
)
def test_each_shift_is_one_that_plain_loops_make(
    pixels: tuple[int, int], fill: int, seed: int, shape: tuple[int, ...]
) -> None:
    images = draw(shape, seed=seed)
    changed = Shift(pixels, fill=fill).apply(images, generator(seed))
    for image, got in zip(images, changed, strict=True):
        assert any(
            (shifted(image, a, b, fill) == got).all()
            for a in range(-pixels[0], pixels[0] + 1)
            for b in range(-pixels[1], pixels[1] + 1)
        )


def test_all_shifts_are_equally_likely() -> None:
    dot = np.zeros((4000, 1, 5, 5), np.uint8)
    dot[:, 0, 2, 2] = 1
    counts = Shift((1, 2)).apply(dot, generator()).sum(axis=0)[0]
    assert (counts[[0, 4]] == 0).all()
    # 15 places; 5 standard deviations of the binomial.
    assert np.abs(counts[1:4] - 4000 / 15).max() < 5 * np.sqrt(4000 / 15)


def test_crops_are_shifts_with_a_border() -> None:
    images = draw((30, 2, 5, 4))
    assert (RandomCrop(3).apply(images, generator(2)) == Shift(3).apply(images, generator(2))).all()
    row = np.array([[[[1, 2, 3]]]] * 200, np.uint8)
    for border, pieces in {
        "edge": {(1, 1, 1), (1, 1, 2), (1, 2, 3), (2, 3, 3), (3, 3, 3)},
        "reflect": {(3, 2, 1), (2, 1, 2), (1, 2, 3), (2, 3, 2), (3, 2, 1)},
        "zero": {(0, 0, 1), (0, 1, 2), (1, 2, 3), (2, 3, 0), (3, 0, 0)},
    }.items():
        changed = RandomCrop((0, 2), border).apply(row, generator())
        assert {tuple(int(v) for v in image.ravel()) for image in changed} == pieces


@given(st.integers(0, 20))
def test_flips_mirror_some_images(seed: int) -> None:
    images = draw((20, 2, 3, 4))
    changed = Flip().apply(images, generator(seed))
    for image, got in zip(images, changed, strict=True):
        assert (got == image).all() or (got == image[:, :, ::-1]).all()
    sure = Flip(vertical=True, probability=1).apply(images, generator(seed))
    assert (sure == images[:, :, ::-1, ::-1]).all()
    assert (Flip(probability=0).apply(images, generator(seed)) == images).all()


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_flips_have_their_probability_and_are_independent(probability: float) -> None:
    images = np.tile([[1.0, 2.0], [3.0, 4.0]], (4000, 1, 1, 1))
    changed = Flip(vertical=True, probability=probability).apply(images, generator())
    left, below = changed[:, 0, 0, 0] % 2 == 0, changed[:, 0, 0, 0] > 2
    for chosen, expected in [
        (left, probability),
        (below, probability),
        (left & below, probability**2),
    ]:
        deviation = np.sqrt(expected * (1 - expected) / 4000)
        assert abs(chosen.mean() - expected) < 5 * deviation


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    "nothing",
    [
        Affine(rotation=0, scale=(1, 1), shear=0),
        ElasticDistortion(alpha=0),
        Shift(0),
        RandomCrop(0),
    ],
    ids=repr,
)
def test_nothing_is_the_identity(nothing: Augmentation, dtype: Any) -> None:
    for shape in [(3, 2, 8, 6), (2, 1, 1, 7), (2, 3, 5, 1)]:
        images = draw(shape, dtype)
        assert (nothing.apply(images, generator()) == images).all()


def interpolated(image: Any, down: float, across: float, fill: float) -> float:
    """Interpolate one channel in one place, in plain steps."""
    top, left = int(np.floor(down)), int(np.floor(across))
    value = 0.0
    for i in (top, top + 1):
        for j in (left, left + 1):
            inside = 0 <= i < image.shape[0] and 0 <= j < image.shape[1]
            weight = (1 - abs(down - i)) * (1 - abs(across - j))
            value += weight * (image[i, j] if inside else fill)
    return value


@pytest.mark.parametrize("dtype", [np.float64, np.uint8])
def test_interpolation_is_that_of_plain_loops(dtype: Any) -> None:
    images = draw((3, 2, 4, 5), dtype)
    down, across = generator().uniform(-4, 9, (2, 3, 4, 5))
    down[0, 0], across[0, 1] = 2.0, -1.0
    got = resample(Shift(0), images, down, across, 7.0)
    for n, c, i, j in np.ndindex(images.shape):
        expected = interpolated(images[n, c].astype(float), down[n, i, j], across[n, i, j], 7.0)
        tolerance = 0.5 if dtype is np.uint8 else 1e-12
        assert abs(float(got[n, c, i, j]) - expected) <= tolerance + 1e-9


def look(
    image: Any, angle: float = 0.0, scale: float = 1.0, slant: float = 0.0, factor: float = 1.0
) -> Any:
    angle, scale, slant, factor = (
        np.array([v]) for v in (np.radians(angle), scale, np.radians(slant), factor)
    )
    grid = np.mgrid[: image.shape[0], : image.shape[1]][:, None]
    down, across = inverse(*grid, image.shape, (angle, scale, slant, factor))
    return resample(Shift(0), image[None, None], down, across, 0.0)[0, 0]


def test_a_quarter_turn_is_clockwise() -> None:
    image = draw((5, 5), np.float64)
    assert look(image, angle=90) == pytest.approx(np.rot90(image, -1))
    assert look(image, angle=180) == pytest.approx(image[::-1, ::-1])


def test_scale_enlarges_about_the_centre() -> None:
    image = draw((5, 7), np.float64)
    larger = look(image, scale=2)
    assert larger[::2, 1::2] == pytest.approx(image[1:4, 2:5])


def test_a_squeezed_picture_is_narrower_and_taller() -> None:
    image = np.zeros((9, 9))
    image[3:6, 2:7] = 1
    squeezed = look(image, factor=2)
    assert squeezed[4] == pytest.approx([0, 0, 0, 1, 1, 1, 0, 0, 0])
    assert squeezed[:, 4] == pytest.approx([0, 0.5, 1, 1, 1, 1, 1, 0.5, 0])


def test_squeezing_goes_both_ways_within_its_range() -> None:
    """Two dots, on the axes, show by their places how far they were moved."""
    dots = np.zeros((400, 1, 41, 41))
    dots[:, 0, 10, 20] = dots[:, 0, 20, 10] = 1
    squeezed = Affine(rotation=0, scale=(1, 1), squeeze=1.5).apply(dots, generator())[:, 0]
    rows, columns = squeezed[:, :18, 20], squeezed[:, 20, :18]
    away = np.arange(20, 2, -1)
    tall, wide = ((part * away).sum(1) / part.sum(1) / 10 for part in (rows, columns))
    assert 0.6 < tall.min() < 0.72
    assert 1.44 < tall.max() < 1.56
    assert abs(np.log(tall).mean()) < 0.04
    np.testing.assert_allclose(tall * wide, 1, atol=0.05)


def test_shear_moves_each_row_by_its_height() -> None:
    image = draw((5, 9), np.float64)
    sheared = look(image, slant=45)
    for row, away in enumerate((-2, -1, 0, 1, 2)):
        assert sheared[row] == pytest.approx(shifted(image[None, row : row + 1], 0, away, 0)[0, 0])


def test_affine_is_scipys_with_the_matrix_of_the_docstring() -> None:
    image = draw((8, 6), np.float64)
    theta, s, phi = np.radians(25), 1.2, np.radians(-10)
    rotation = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    forward = s * rotation @ np.array([[1, np.tan(phi)], [0, 1]]) @ np.diag([1 / 1.3, 1.3])
    back = np.linalg.inv(forward)[::-1, ::-1]  # SciPy counts rows first
    centre = np.array([3.5, 2.5])
    expected = ndimage.affine_transform(
        image, back, centre - back @ centre, order=1, mode="grid-constant"
    )
    assert look(image, 25, s, -10, 1.3) == pytest.approx(expected)


def test_affine_stays_within_its_ranges() -> None:
    """A dot on the axis shows by its place how far it was turned."""
    dots = np.zeros((300, 1, 41, 41))
    dots[:, 0, 20, 36] = 1
    turned = Affine(rotation=30, scale=(1, 1)).apply(dots, generator())
    rows, columns = np.mgrid[:41, :41] - 20
    mass = turned.sum(axis=(1, 2, 3))
    down, across = (turned[:, 0] * rows).sum((1, 2)) / mass, (turned[:, 0] * columns).sum((1, 2))
    angles = np.degrees(np.arctan2(down, across / mass))
    assert np.abs(angles).max() < 31
    assert angles.min() < -25
    assert angles.max() > 25


def test_shear_slants_to_both_sides_within_its_range() -> None:
    """A dot above the centre stays in its row, and shows by its column how slanted it is."""
    dots = np.zeros((300, 1, 41, 41))
    dots[:, 0, 4, 20] = 1
    rows = Affine(rotation=0, scale=(1, 1), shear=30).apply(dots, generator())[:, 0, 4]
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    tangents = rows @ (20.0 - np.arange(41)) / 16
    angles = np.degrees(np.arctan(tangents))
    assert np.abs(angles).max() < 30 + 1e-9
    assert angles.min() < -28
    assert angles.max() > 28
    assert abs(angles.mean()) < 5 * 30 / np.sqrt(3 * 300)


def test_each_image_has_a_scale_of_its_own_within_the_range() -> None:
    """Enlarged by s, a ramp rises by 1/s a pixel."""
    ramps = np.broadcast_to(np.mgrid[:31, :31].astype(float), (300, 2, 31, 31))
    scaled = Affine(rotation=0, scale=(0.8, 1.3)).apply(ramps, generator())
    tall = 10 / (scaled[:, 0, 20, 15] - scaled[:, 0, 10, 15])
    wide = 10 / (scaled[:, 1, 15, 20] - scaled[:, 1, 15, 10])
    np.testing.assert_allclose(tall, wide)
    assert tall.min() > 0.8 - 1e-9
    assert tall.max() < 1.3 + 1e-9
    assert tall.min() < 0.82
    assert tall.max() > 1.28
    assert len(np.unique(tall.round(9))) == 300


@pytest.mark.parametrize("axis", [2, 3])
def test_elastic_fields_are_as_large_and_smooth_as_the_formula_says(axis: int) -> None:
    """Smoothing by σ leaves 1/(2σ√π) of the deviation √⅓ of the noise, inside the image."""
    ramp = np.broadcast_to(np.mgrid[:64, :64][axis - 2].astype(float), (40, 1, 64, 64))
    moved = (ElasticDistortion(alpha=20, sigma=3).apply(ramp, generator()) - ramp)[:, 0]
    inner = moved[:, 16:-16, 16:-16]
    assert inner.std() == pytest.approx(20 * np.sqrt(1 / 3) / (2 * 3 * np.sqrt(np.pi)), rel=0.05)
    assert np.abs(np.diff(inner, axis=1)).max() < inner.std()
    assert np.abs(np.diff(inner, axis=2)).max() < inner.std()


def displacements(elastic: ElasticDistortion, count: int, height: int, width: int) -> Any:
    """Return how far each pixel is moved, (down and across, images, height, width)."""
    grid = np.broadcast_to(np.mgrid[:height, :width][:, None], (2, count, height, width))
    return np.stack(elastic.origins(*grid, (height, width), generator())) - grid


def test_elastic_fields_down_and_across_are_alike_and_independent() -> None:
    field = displacements(ElasticDistortion(alpha=20, sigma=2), 200, 32, 32)
    down, across = field[:, :, 8:-8, 8:-8]
    assert down.std() == pytest.approx(across.std(), rel=0.05)
    # About 5 places that are independent of each other, 4πσ² pixels each, in 200 images.
    assert abs((down * across).mean()) < 5 / np.sqrt(1000) * down.std() * across.std()


@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_elastic_fields_are_weaker_at_the_border(sigma: float) -> None:
    """No noise is outside the image: at the border about half of the variance is missing."""
    reach = round(4 * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    # In row i the first `reach - i` weights fall outside the image.
    rows = range(reach + 1)
    share = [(weights[reach - i :] ** 2).sum() / (weights**2).sum() for i in rows]
    elastic = ElasticDistortion(alpha=20, sigma=sigma)
    field = displacements(elastic, 300, 2 * reach + 35, 2 * reach + 45)
    inside = (20 * weights @ weights / weights.sum() ** 2) ** 2 / 3
    for moved in (field, field.swapaxes(2, 3)):
        variance = moved[..., reach:-reach].var(axis=(1, 3))
        for i in rows:
            np.testing.assert_allclose(variance[:, [i, -1 - i]], inside * share[i], rtol=0.2)


def test_compose_draws_one_after_the_other() -> None:
    images = draw()
    random = generator(4)
    expected = Flip().apply(Shift(2).apply(images, random), random)
    assert (Compose((Shift(2), Flip())).apply(images, generator(4)) == expected).all()


class Move(Warp):
    """Half a pixel to the right."""

    def origins(self, down: Any, across: Any, extent: Any, random: Any) -> Any:
        return down, across - 0.5


class Widen(Warp):
    """Twice as wide, from the left border."""

    def origins(self, down: Any, across: Any, extent: Any, random: Any) -> Any:
        return down, across / 2


def test_warps_that_undo_each_other_leave_the_image() -> None:
    """Looked at twice, the first would have lost the border and blurred the rest."""
    images = draw(dtype=np.float64)
    there_and_back = Compose((Affine(0, (2, 2)), Move(), Affine(0, (0.5, 0.5))))
    moved = there_and_back.apply(images, generator())
    assert moved[..., 1:] == pytest.approx(0.75 * images[..., 1:] + 0.25 * images[..., :-1])


def test_warps_are_chained_in_their_order() -> None:
    ramp = np.broadcast_to(np.arange(8.0), (1, 1, 3, 8))
    moved_last = Compose((Widen(), Move())).apply(ramp, generator())[0, 0, 0]
    moved_first = Compose((Move(), Widen())).apply(ramp, generator())[0, 0, 0]
    assert moved_last[1:] == pytest.approx((np.arange(1, 8) - 0.5) / 2)
    assert moved_first[1:] == pytest.approx(np.arange(1, 8) / 2 - 0.5)


def test_an_elastic_field_is_interpolated_where_the_next_warp_looks() -> None:
    elastic = ElasticDistortion(alpha=20, sigma=3)
    ramp = np.broadcast_to(np.arange(32.0), (4, 1, 32, 32))
    alone = elastic.apply(ramp, generator())[..., 8:-8, 8:-8]
    halfway = Compose((elastic, Move())).apply(ramp, generator())[..., 8:-8, 8:-8]
    assert halfway[..., 1:] == pytest.approx((alone[..., 1:] + alone[..., :-1]) / 2)


@pytest.mark.parametrize("shift_first", [True, False])
def test_chained_warps_look_where_their_maps_taken_together_look(shift_first: bool) -> None:
    """A ramp is its own coordinate, and is not blurred by interpolating it twice."""
    shift, elastic = Shift((2, 5)), ElasticDistortion(alpha=60, sigma=4)
    affine = Affine(rotation=40, scale=(0.9, 1.3), shear=20, squeeze=1.2)
    ramps = np.broadcast_to(np.mgrid[:48, :48].astype(float), (6, 2, 48, 48))
    steps = (shift, elastic, affine) if shift_first else (elastic, affine, shift)
    chained = Compose(steps).apply(ramps, generator(3))
    random = generator(3)
    moved = shift.apply(ramps, random) if shift_first else ramps
    # Of warps that are looked up together, the last draws first.
    affine_draws = copy.deepcopy(random)
    affine.apply(ramps, random)
    expected = affine.apply(elastic.apply(moved, random), affine_draws)
    expected = expected if shift_first else shift.apply(expected, random)
    inner = (..., slice(18, 30), slice(18, 30))
    assert chained[inner] == pytest.approx(expected[inner], abs=1e-9)


def test_warps_that_fill_differently_are_not_chained() -> None:
    images = np.full((1, 1, 6, 6), 9.0)
    small, large = Affine(0, (0.5, 0.5), fill=1), Affine(0, (2, 2))
    once = Compose((small, large)).apply(images, generator())
    assert once == pytest.approx(large.apply(small.apply(images, generator()), generator()))
    assert once.min() < 9


def test_a_warp_of_your_own_must_define_origins() -> None:
    with pytest.raises(NotImplementedError, match="Warp must define origins"):
        Warp().apply(draw(), generator())


def test_erasing_covers_one_rectangle_of_the_asked_size_in_every_channel() -> None:
    images = draw((500, 2, 12, 20)) // 2 + 1
    for area, ratio, extent in [
        ((0.2, 0.2), (3.0, 3.0), (12, 4)),
        ((0.1, 0.1), (1.5, 1.5), (6, 4)),
    ]:
        erased = RandomErasing(1.0, area, ratio).apply(images, generator())
        covered = erased == 0
        assert (covered[:, 0] == covered[:, 1]).all()
        np.testing.assert_array_equal(erased[~covered], images[~covered])
        rows, columns = covered[:, 0].any(axis=2), covered[:, 0].any(axis=1)
        assert (rows.sum(axis=1) == extent[0]).all()
        assert (columns.sum(axis=1) == extent[1]).all()
        assert (covered[:, 0].sum(axis=(1, 2)) == extent[0] * extent[1]).all()
        assert columns[:, 0].any()
        assert columns[:, -1].any()  # every place occurs


def test_erased_areas_are_drawn_evenly_from_their_whole_range() -> None:
    images = np.ones((600, 1, 60, 60))
    erased = RandomErasing(1.0, (0.1, 0.5), (1.0, 1.0)).apply(images, generator())
    shares = (erased == 0).mean(axis=(1, 2, 3))
    # Rounding a side of 60 √share to whole pixels changes the share by up to √share / 60.
    assert 0.09 < shares.min() < 0.11
    assert 0.48 < shares.max() < 0.515
    assert abs(shares.mean() - 0.3) < 5 * 0.4 / np.sqrt(12 * 600)


def test_erased_rectangles_are_upright_as_often_as_lying() -> None:
    """The logarithm of the ratio is uniform."""
    images = np.ones((600, 1, 80, 80))
    erased = RandomErasing(1.0, (0.2, 0.2), (0.25, 4.0)).apply(images, generator())[:, 0] == 0
    heights, widths = erased.any(axis=2).sum(axis=1), erased.any(axis=1).sum(axis=1)
    logarithms = np.log(heights / widths) / np.log(4)
    # Rounding the shorter side, of 18 pixels at the least, changes the logarithm by up to 0.03.
    assert -1.04 < logarithms.min() < -0.95
    assert 0.95 < logarithms.max() < 1.04
    quartiles = np.quantile(logarithms, [0.25, 0.5, 0.75])
    # 0.2 is 5 standard deviations of the median of 600 such numbers.
    np.testing.assert_allclose(quartiles, [-0.5, 0.0, 0.5], atol=0.2)


def test_erasing_chooses_images_by_its_probability() -> None:
    images = np.ones((2000, 1, 6, 6), np.uint8)
    erased = RandomErasing(0.3).apply(images, generator())
    share = (erased.reshape(2000, -1) == 0).any(axis=1).mean()
    assert 0.26 < share < 0.34


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        (Shift, {"pixels": -1}, "'pixels' of Shift must be"),
        (Shift, {"pixels": (1, 2, 3)}, "'pixels' of Shift"),
        (Shift, {"fill": float("nan")}, "'fill' of Shift"),
        (Affine, {"rotation": 181}, "'rotation' of Affine"),
        (Affine, {"scale": (1.1, 0.9)}, "pair \\(least, largest\\)"),
        (Affine, {"scale": 1.0}, "pair \\(least, largest\\)"),
        (Affine, {"scale": (0.0, 1.0)}, "'scale' of Affine must be a pair"),
        (Affine, {"scale": (1, 1, 1)}, "'scale' of Affine"),
        (Affine, {"shear": 90}, "'shear' of Affine"),
        (Affine, {"squeeze": 0.9}, "'squeeze' of Affine must be a number of at least 1"),
        (ElasticDistortion, {"alpha": -1}, "'alpha' of ElasticDistortion"),
        (ElasticDistortion, {"sigma": 0}, "'sigma' of ElasticDistortion"),
        (Flip, {"probability": 1.5}, "'probability' of Flip"),
        (Flip, {"horizontal": 1}, "'horizontal' of Flip must be True or False"),
        (RandomCrop, {"padding": 1.5}, "'padding' of RandomCrop"),
        (RandomCrop, {"border": "wrap"}, "one of 'zero', 'edge', 'reflect'"),
        (RandomErasing, {"probability": 1.5}, "'probability' of RandomErasing"),
        (RandomErasing, {"area": (0.1, 1.5)}, "'area' of RandomErasing must be shares"),
        (RandomErasing, {"area": (0.4, 0.1)}, "pair \\(least, largest\\)"),
        (RandomErasing, {"ratio": (0.0, 1.0)}, "'ratio' of RandomErasing must be a pair"),
        (Compose, {"steps": ()}, "'steps' of Compose"),
        (Compose, {"steps": Shift(1)}, "'steps' of Compose"),
        (Compose, {"steps": ["shift"]}, "'steps' of Compose"),
    ],
)
def test_options_that_make_no_sense(kind: Any, options: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        kind(**options)


@pytest.mark.parametrize("fill", [256, -1, 0.5])
@pytest.mark.parametrize("kind", [Shift, Affine, ElasticDistortion])
def test_a_fill_that_bytes_have_not(kind: Any, fill: float) -> None:
    with pytest.raises(ConfigurationError, match=r"'fill' of .* the images' type, uint8"):
        kind(fill=fill).apply(draw(), generator())


def test_one_of_your_own_must_define_apply() -> None:
    with pytest.raises(NotImplementedError, match="Augmentation must define apply"):
        Augmentation().apply(draw(), generator())


@pytest.mark.parametrize("kind", [Shift, RandomErasing])
def test_a_fill_that_a_float_type_has_not(kind: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"'fill' of .* the images' type, float16"):
        kind(fill=1e6).apply(draw().astype(np.float16), generator())
