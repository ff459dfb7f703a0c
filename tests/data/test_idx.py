"""IDX files: what is written is read back, and no damaged file gives anything but a FileError."""

from __future__ import annotations

import gzip
import hashlib
import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sixloops.data import read_idx, write_idx
from sixloops.data.idx import idx_sha256
from sixloops.errors import DataError, FileError

TYPES = [np.uint8, np.int8, np.int16, np.int32, np.float32, np.float64]
ANY_ARRAY = st.sampled_from(TYPES).flatmap(
    lambda dtype: arrays.arrays(
        dtype, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
    )
)
IN_ONE_FOLDER = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def idx_bytes(array: Any, folder: Path, name: str = "file") -> bytes:
    write_idx(folder / name, array)
    return (folder / name).read_bytes()


@IN_ONE_FOLDER
@given(array=ANY_ARRAY, wrapped=st.booleans())
def test_round_trip(tmp_path: Path, array: Any, wrapped: bool) -> None:
    path = tmp_path / ("a.gz" if wrapped else "a")
    write_idx(path, array)
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == wrapped
    for source in (path, str(path), path.read_bytes(), memoryview(path.read_bytes())):
        back = read_idx(source)
        assert back.dtype == array.dtype
        assert back.dtype.isnative
        assert back.shape == array.shape
        assert back.tobytes() == array.tobytes()
        assert back.flags.writeable


def test_the_bytes_are_those_of_the_format(tmp_path: Path) -> None:
    array = np.array([[1, -2, 258]], np.int16)
    expected = bytes([0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 1, 0xFF, 0xFE, 1, 2])
    assert idx_bytes(array, tmp_path) == expected
    assert idx_bytes(array.astype(">i2"), tmp_path) == expected
    assert idx_bytes(np.asfortranarray(array), tmp_path) == expected
    assert idx_sha256(array) == hashlib.sha256(expected).hexdigest()


def test_the_wrapping_is_told_from_the_content(tmp_path: Path) -> None:
    content = gzip.compress(idx_bytes(np.arange(4, dtype=np.int32), tmp_path))
    (tmp_path / "no-suffix").write_bytes(content)
    assert list(read_idx(tmp_path / "no-suffix")) == [0, 1, 2, 3]


def test_the_same_array_gives_the_same_wrapped_file(tmp_path: Path) -> None:
    array = np.arange(9, dtype=np.uint8)
    content = idx_bytes(array, tmp_path, "a.gz")
    assert content == idx_bytes(array, tmp_path, "b.gz")
    assert content[4:8] == bytes(4), "the time of day is left out"


@IN_ONE_FOLDER
@given(array=ANY_ARRAY, wrapped=st.booleans(), data=st.data())
def test_every_truncation_is_a_file_error(
    tmp_path: Path, array: Any, wrapped: bool, data: st.DataObject
) -> None:
    content = idx_bytes(array, tmp_path, "a.gz" if wrapped else "a")
    cut = content[: data.draw(st.integers(0, len(content) - 1))]
    with pytest.raises(FileError):
        read_idx(cut)


@IN_ONE_FOLDER
@given(array=ANY_ARRAY, wrapped=st.booleans(), more=st.binary(min_size=1, max_size=9))
def test_what_is_too_long_is_a_file_error(
    tmp_path: Path, array: Any, wrapped: bool, more: bytes
) -> None:
    content = idx_bytes(array, tmp_path) + more
    with pytest.raises(FileError, match="Got more"):
        read_idx(gzip.compress(content) if wrapped else content)


@IN_ONE_FOLDER
@given(array=ANY_ARRAY, place=st.integers(0, 2), value=st.integers(0, 255))
def test_a_wrong_magic_is_a_file_error(tmp_path: Path, array: Any, place: int, value: int) -> None:
    content = bytearray(idx_bytes(array, tmp_path))
    right = {0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E} if place == 2 else {0}
    content[place] = value
    if value in right:
        return
    with pytest.raises(FileError, match="no IDX file"):
        read_idx(content)


@given(st.binary(max_size=80), st.sampled_from([b"", b"\0\0", b"\0\0\x08", b"\x1f\x8b\x08"]))
def test_any_bytes_give_an_array_or_a_file_error(content: bytes, start: bytes) -> None:
    with suppress(FileError):
        read_idx(start + content)


@IN_ONE_FOLDER
@given(array=ANY_ARRAY, data=st.data())
def test_any_damage_to_a_wrapped_file_is_seen(
    tmp_path: Path, array: Any, data: st.DataObject
) -> None:
    content = bytearray(idx_bytes(array, tmp_path, "a.gz"))
    # Bytes 3 to 9 of the wrapping are a name, a time and a system, which mean nothing here.
    place = data.draw(st.sampled_from([0, 1, 2, *range(10, len(content))]))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        back = read_idx(content)
    except FileError:
        return
    assert back.tobytes() == array.tobytes()


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    "lengths", [[2**32 - 1], [2**32 - 1] * 2, [2**32 - 1] * 5, [0, *[2**32 - 1] * 5], [1] * 200]
)
def test_an_absurd_size_takes_no_memory(lengths: list[int], wrapped: bool) -> None:
    content = struct.pack(f">4B{len(lengths)}I", 0, 0, 0x0E, len(lengths), *lengths)
    content += b"" if 0 in lengths else b"12345678"
    tracemalloc.start()
    try:
        with pytest.raises(FileError):
            read_idx(gzip.compress(content) if wrapped else content)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


def test_the_error_names_the_file_and_how_much_is_there(tmp_path: Path) -> None:
    content = idx_bytes(np.zeros((2, 3), np.int32), tmp_path)
    (tmp_path / "short").write_bytes(content[:-1])
    words = r"short must hold 24 bytes behind its header, for int32 of shape \(2, 3\). Got 23 bytes"
    with pytest.raises(FileError, match=words):
        read_idx(tmp_path / "short")


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"nowhere cannot be read: No such file"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(FileError, match="cannot be read"):
        read_idx(tmp_path)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint16, np.int64, np.float16, complex, object])
def test_types_that_idx_has_not(tmp_path: Path, dtype: Any) -> None:
    with pytest.raises(DataError, match="An IDX file must hold one of uint8, int8"):
        write_idx(tmp_path / "file", np.zeros(3, dtype))
    assert list(tmp_path.iterdir()) == []


def test_an_axis_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="under 2³²"):
        write_idx(tmp_path / "file", np.broadcast_to(np.uint8(0), (1 << 32,)))
