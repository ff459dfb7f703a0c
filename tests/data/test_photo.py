"""Photographs of ink on paper become images like MNIST's."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from sixloops.data import load_mnist, prepare_photo, read_photo
from sixloops.errors import ConfigurationError, DataError, FileError

PEN = 12


def sheet(box=(60, 120, 160, 320), size=(640, 480), paper=205, ink=40, width=PEN):
    """Draw an L with its corner at the lower left; return (rows, columns)."""
    page = Image.new("L", size, paper)
    left, top, right, bottom = box
    points = [(left, top), (left, bottom), (right, bottom)]
    ImageDraw.Draw(page).line(points, fill=ink, width=width)
    return np.asarray(page)


def extent(image):
    rows, columns = np.nonzero(image > 40)
    return np.ptp(rows) + 1, np.ptp(columns) + 1


def test_the_ink_fills_twenty_rows_with_its_mass_in_the_middle():
    image = prepare_photo(sheet())
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    assert image.max() == 255
    rows, columns = extent(image)
    assert 18 <= rows <= 20
    assert columns == pytest.approx(rows / 2, abs=2)  # the drawn shape's proportion
    assert ndimage.center_of_mass(image) == pytest.approx((14, 14), abs=0.6)
    assert image[0].max() == image[:, 0].max() == image[-1].max() == image[:, -1].max() == 0


def test_place_size_paper_and_shadow_make_no_difference():
    first = prepare_photo(sheet()).astype(float)
    shadow = np.linspace(1, 0.5, 640)
    others = [
        sheet((400, 40, 500, 240)),
        sheet((200, 20, 400, 420), width=2 * PEN),
        sheet(paper=250, ink=90),
        sheet() * shadow,
        sheet() * shadow[::-1],
        sheet() + np.random.default_rng(0).normal(0, 4, (480, 640)),
    ]
    for other in others:
        again = prepare_photo(np.clip(other, 0, 255)).astype(float)
        near = min(
            np.abs(np.roll(again, shift, (0, 1)) - first).mean()
            for shift in [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)]
        )
        assert near < 12


def test_specks_and_the_edge_of_the_table_are_left_out():
    clean, spoilt = sheet(), sheet().copy()
    spoilt[460:, :] = 20
    spoilt[50:53, 500:503] = 30
    np.testing.assert_allclose(
        prepare_photo(spoilt).astype(float), prepare_photo(clean).astype(float), atol=40
    )


def test_a_thin_pen_comes_out_white_and_without_grain():
    grain = np.random.default_rng(0).normal(0, 4, (480, 640))
    image = prepare_photo(np.clip(sheet(width=3) + grain, 0, 255))
    assert image.max() == 255
    assert (image > 0).mean() < 0.12


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 56, 42), (1, 1, 1)])
def test_other_sizes_in_proportion(shape, tmp_path):
    Image.fromarray(sheet()).save(tmp_path / "a.png")
    image = read_photo(tmp_path / "a.png", shape)
    assert image.shape == shape
    assert image.dtype == np.uint8
    assert (image == image[0]).all()
    if shape[1] > 1:
        assert extent(image[0])[0] <= round(shape[1] * 20 / 28)


def test_mnist_itself_survives_being_photographed():
    _, test = load_mnist()
    digits, _ = test.take(np.arange(20))
    distances = []
    for digit in digits[:, 0]:
        large = Image.fromarray(255 - digit).resize((140, 140), Image.Resampling.BICUBIC)
        page = Image.new("L", (400, 300), 255)
        page.paste(large, (200, 30))
        again = prepare_photo(np.asarray(page) * 0.8).astype(float)
        distances.append(np.corrcoef(again.ravel(), digit.ravel())[0, 1])
    assert np.median(distances) > 0.9


def test_chalk_on_a_board(tmp_path):
    Image.fromarray(sheet()).save(tmp_path / "ink.png")
    Image.fromarray(255 - sheet()).save(tmp_path / "chalk.png")
    ink = read_photo(tmp_path / "ink.png", (1, 28, 28))
    np.testing.assert_array_equal(read_photo(tmp_path / "chalk.png", (1, 28, 28), invert=True), ink)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_empty_sheet_is_one_error(tmp_path, value):
    Image.new("L", (90, 60), value).save(tmp_path / "empty.png")
    with pytest.raises(DataError, match=r"empty\.png: The photograph must show dark ink"):
        read_photo(tmp_path / "empty.png", (1, 28, 28))


def test_files_and_shapes_that_cannot_be(tmp_path):
    with pytest.raises(FileError, match=r"none\.png is missing\. Check the name\."):
        read_photo(tmp_path / "none.png", (1, 28, 28))
    with pytest.raises(ConfigurationError, match="1 or 3 channels"):
        read_photo(tmp_path / "none.png", (2, 28, 28))


def test_the_photograph_is_not_changed():
    page = sheet().astype(float)
    before = page.copy()
    prepare_photo(page)
    np.testing.assert_array_equal(page, before)


@pytest.mark.parametrize(
    ("gray", "words"),
    [
        (np.zeros((5, 5, 3)), r"\(rows, columns\).*Got float64 of shape \(5, 5, 3\)"),
        (np.zeros((0, 5)), "at least one of each"),
        (np.full((5, 5), np.nan), "from nan to nan"),
        (np.full((5, 5), 300), "from 300 to 300"),
        (np.full((5, 5), "a"), "must be numbers"),
    ],
)
def test_what_is_no_gray_photograph(gray, words):
    with pytest.raises(DataError, match=words):
        prepare_photo(gray)
