"""Image files and folders of them."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sixloops.data import load_image_folder, read_image
from sixloops.data.image_files import open_image
from sixloops.errors import ConfigurationError, DataError, FileError

IN_ONE_FOLDER = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def gray(height: int = 5, width: int = 4) -> Any:
    return np.random.default_rng(height * width).integers(0, 256, (height, width), dtype=np.uint8)


def colour(height: int = 5, width: int = 4) -> Any:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, pixels: Any, **options: Any) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return pixels


def test_classes_are_sorted_sub_folders_and_images_come_by_name(tmp_path: Path) -> None:
    b = save(tmp_path / "dog" / "2.png", gray())
    a = save(tmp_path / "dog" / "1.bmp", gray())
    c = save(tmp_path / "Cat" / "x.png", gray())
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "dog" / ".DS_Store").write_text("no image")
    (tmp_path / "README.txt").write_text("beside the classes")
    data = load_image_folder(tmp_path)
    assert data.classes == ("Cat", "dog")
    assert data.name == tmp_path.name
    assert list(data.labels) == [0, 1, 1]
    assert data.images.dtype == np.uint8
    assert (data.images == np.stack([c, a, b])[:, None]).all()


def test_the_order_does_not_depend_on_the_file_system(tmp_path: Path) -> None:
    names = list(range(10, 30))
    for name in np.random.default_rng(0).permutation(names):
        save(tmp_path / f"class {name // 2 + 10}" / f"{name}.png", np.full((2, 2), name, np.uint8))
    data = load_image_folder(tmp_path)
    assert list(data.images[:, 0, 0, 0]) == names
    assert list(data.labels) == [(name - 10) // 2 for name in names]


def test_colour_images_come_as_red_green_blue(tmp_path: Path) -> None:
    pixels = save(tmp_path / "a" / "1.png", colour())
    data = load_image_folder(tmp_path)
    assert data.image_shape == (3, 5, 4)
    assert (data.images[0] == pixels.transpose(2, 0, 1)).all()


@pytest.mark.parametrize(("size", "shape"), [((6, 3), (6, 3)), (7, (7, 7))])
def test_a_size_stretches_every_image(tmp_path: Path, size: Any, shape: Any) -> None:
    save(tmp_path / "a" / "1.png", np.full((5, 4), 90, np.uint8))
    save(tmp_path / "a" / "2.png", np.full((9, 9), 90, np.uint8))
    data = load_image_folder(tmp_path, size=size)
    assert data.image_shape == (1, *shape)
    assert (data.images == 90).all()


def test_another_size_without_one_said_names_the_file(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png", gray(5, 4))
    save(tmp_path / "b" / "2.png", gray(6, 4))
    words = r"b/2\.png is 6 × 4 pixels .*/a/1\.png is 5 × 4\..* size=\(5, 4\)"
    with pytest.raises(DataError, match=words):
        load_image_folder(tmp_path)


def test_colour_among_gray_must_be_settled(tmp_path: Path) -> None:
    one = save(tmp_path / "a" / "1.png", gray())
    save(tmp_path / "b" / "2.png", colour())
    with pytest.raises(DataError, match=r"2\.png is in colour, but .*1\.png is gray"):
        load_image_folder(tmp_path)
    assert load_image_folder(tmp_path, channels=1).image_shape == (1, 5, 4)
    in_colour = load_image_folder(tmp_path, channels=3)
    assert (in_colour.images[0] == one).all()


def test_gray_among_colour_loses_nothing(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png", colour())
    two = save(tmp_path / "b" / "2.png", gray())
    assert (load_image_folder(tmp_path).images[1] == two).all()


@pytest.mark.parametrize("options", [{"size": 0}, {"size": (1, 2, 3)}, {"channels": 2}])
def test_options_that_make_no_sense(tmp_path: Path, options: Any) -> None:
    with pytest.raises(ConfigurationError):
        load_image_folder(tmp_path, **options)


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="missing or no folder"):
        load_image_folder(tmp_path / "nowhere")
    with pytest.raises(FileError, match="must have one sub-folder a class"):
        load_image_folder(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="empty has no image"):
        load_image_folder(tmp_path)


def test_only_folders_are_taken_for_data_sets(tmp_path: Path) -> None:
    save(tmp_path / "no" / "a" / "1.png", gray())
    (tmp_path / "act.py").write_text("")
    (tmp_path / "yes").mkdir()
    with pytest.raises(FileError, match=r"no must hold .* are data sets \(no, yes\), load each: "):
        load_image_folder(tmp_path)


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png", gray())
    (tmp_path / "a" / "notes.txt").write_text("no image")
    with pytest.raises(FileError, match=r"notes\.txt cannot be read as an image"):
        load_image_folder(tmp_path)
    (tmp_path / "a" / "notes.txt").unlink()
    (tmp_path / "a" / "deeper").mkdir()
    with pytest.raises(FileError, match="deeper cannot be read as an image"):
        load_image_folder(tmp_path)


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(colour(8, 8)).save(buffer, kind)
    return buffer.getvalue()


@IN_ONE_FOLDER
@given(data=st.data(), kind=st.sampled_from(["PNG", "GIF", "JPEG", "BMP", "TIFF"]))
def test_a_truncated_image_is_a_file_error(tmp_path: Path, data: st.DataObject, kind: str) -> None:
    content = encoded(kind)
    # The last few bytes of most formats only say that the end has come.
    cut = data.draw(st.integers(0, len(content) // 2))
    (tmp_path / "cut").write_bytes(content[:cut])
    with pytest.raises(FileError, match="cut cannot be read as an image"):
        read_image(tmp_path / "cut", (1, 4, 4))


@IN_ONE_FOLDER
@given(data=st.data(), kind=st.sampled_from(["PNG", "GIF", "JPEG", "BMP", "TIFF"]))
def test_a_damaged_image_is_read_or_a_file_error(
    tmp_path: Path, data: st.DataObject, kind: str
) -> None:
    content = bytearray(encoded(kind))
    for _ in range(data.draw(st.integers(1, 4))):
        # Sizes are left as they are: an image of a gigabyte would be read, slowly.
        place = data.draw(st.integers(40, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    (tmp_path / "damaged").write_bytes(content)
    with suppress(FileError):
        assert read_image(tmp_path / "damaged", (3, 4, 4)).shape == (3, 4, 4)


def test_an_image_as_a_network_takes_it(tmp_path: Path) -> None:
    pixels = save(tmp_path / "a.png", gray(6, 7))
    assert (read_image(tmp_path / "a.png", (1, 6, 7)) == pixels).all()
    assert (read_image(str(tmp_path / "a.png"), (1, 6, 7), invert=True) == 255 - pixels).all()
    in_colour = read_image(tmp_path / "a.png", (3, 6, 7))
    assert (in_colour == pixels).all()
    small = read_image(tmp_path / "a.png", (1, 3, 2))
    assert (small.shape, small.dtype) == ((1, 3, 2), np.uint8)
    assert small.flags.c_contiguous


@pytest.mark.parametrize("shape", [(2, 4, 4), (1, 0, 4), (4, 4), (1, 4.0, 4)])
def test_a_shape_that_no_image_has(tmp_path: Path, shape: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"\(channels, height, width\)"):
        read_image(tmp_path / "a.png", shape)


def test_a_missing_image(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"nowhere\.png is missing\. Check the name"):
        read_image(tmp_path / "nowhere.png", (1, 4, 4))


@pytest.mark.parametrize("bands", [2, 4])
def test_what_is_transparent_becomes_white(tmp_path: Path, bands: int) -> None:
    pixels = np.zeros((2, 2, bands), np.uint8)
    pixels[0, 0, -1] = 255
    save(tmp_path / "a.png", pixels)
    assert read_image(tmp_path / "a.png", (1, 2, 2)).tolist() == [[[0, 255], [255, 255]]]


def test_sixteen_bits_are_scaled_and_not_cut_off(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.array([[0, 256, 32768, 65535]], np.uint16))
    assert read_image(tmp_path / "a.png", (1, 1, 4)).tolist() == [[[0, 1, 128, 255]]]


def test_thirty_two_bits_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "a.tiff", np.ones((3, 3), np.float32))
    with pytest.raises(FileError, match=r"a\.tiff cannot .* pixels have 32 bits \(mode F\)"):
        read_image(tmp_path / "a.tiff", (1, 3, 3))


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("P", 3), ("CMYK", 3), ("LA", 1), ("RGBA", 3)]
)
def test_other_modes(tmp_path: Path, mode: str, channels: int) -> None:
    (tmp_path / "a").mkdir()
    image = Image.new("RGB", (4, 3), (250, 10, 10)).convert(mode)
    image.save(tmp_path / "a" / "1.tiff")
    assert load_image_folder(tmp_path).image_shape == (channels, 3, 4)


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    pixels = gray(3, 5)
    exif = Image.Exif()
    exif[0x0112] = 6  # held so that the picture must be turned clockwise
    save(tmp_path / "a.png", pixels, exif=exif)
    assert (read_image(tmp_path / "a.png", (1, 5, 3))[0] == np.rot90(pixels, -1)).all()


def test_a_class_whose_name_is_no_utf8_can_be_printed(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    Image.fromarray(gray()).save(folder / "0.png")
    assert load_image_folder(tmp_path).classes == ("caf?",)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparent_pixels_of_any_depth_become_white(tmp_path: Path, dtype: Any) -> None:
    pixels = np.array([[0, 100], [0, 50]], dtype) * (257 if dtype == np.uint16 else 1)
    Image.fromarray(pixels).save(tmp_path / "a.png", transparency=0)
    read = np.asarray(open_image(tmp_path / "a.png"))
    assert read.tolist() == [[255, 100], [255, 50]]
