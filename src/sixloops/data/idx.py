"""IDX files, the format of MNIST: reading and writing.

A file is, in this order: two zero bytes; one byte for the type of the numbers; one for
how many axes there are; each axis's length in four bytes; and the numbers in reading
order. Every number has its most significant byte first. The source is "The IDX file
format" at the foot of Y. LeCun's MNIST page. A file may be wrapped by gzip; that is
told from its content, not from its name.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import struct
import zlib
from typing import Any, BinaryIO

import numpy as np

from sixloops.errors import DataError, FileError
from sixloops.files import as_path, read_bytes, write_bytes
from sixloops.layers.base import Array, Shape

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CODES = {np.dtype(name).newbyteorder("="): code for code, name in _TYPES.items()}
_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20
_MOST_AXES = 64  # NumPy's limit
_MOST_BYTES = 1 << 62


def read_idx(source: str | os.PathLike[str] | bytes | bytearray | memoryview) -> Array:
    """Read an IDX file, wrapped by gzip or not.

    Args:
        source: its path, or its content.

    Returns:
        The array, in this machine's byte order: uint8, int8, int16, int32, float32 or
        float64, as the file says.

    Raises:
        FileError: the file is missing, damaged, shorter or longer than its header says,
            or no IDX file. Memory is taken for what the file holds, never for what its
            header claims.

    Examples:
        >>> read_idx(bytes([0, 0, 0x08, 1, 0, 0, 0, 3, 7, 8, 9]))
        array([7, 8, 9], dtype=uint8)
    """
    if isinstance(source, bytes | bytearray | memoryview):
        name, content = "The IDX data", bytes(source)
    else:
        name, content = str(as_path(source)), read_bytes(source)
    plain = io.BytesIO(content)
    try:
        if not content.startswith(_GZIP):
            return _read(plain, name)
        with gzip.GzipFile(fileobj=plain) as stream:
            return _read(stream, name)
    except (EOFError, OSError, zlib.error) as error:
        raise FileError(
            f"{name} is no whole gzip file ({error}). It is truncated or damaged: replace it by "
            "a sound copy."
        ) from error


def _read(stream: BinaryIO | gzip.GzipFile, name: str) -> Array:
    dtype, shape = _read_header(stream, name)
    expected = math.prod(shape) * dtype.itemsize
    body = _read_at_most(stream, expected + 1)
    if len(body) != expected:
        got = f"{len(body):,} bytes" if len(body) < expected else "more"
        raise FileError(
            f"{name} must hold {expected:,} bytes behind its header, for {dtype.name} of shape "
            f"{shape}. Got {got}. It is truncated or damaged: replace it by a sound copy."
        )
    return np.frombuffer(body, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_header(stream: BinaryIO | gzip.GzipFile, name: str) -> tuple[np.dtype[Any], Shape]:
    magic = _read_at_most(stream, 4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        codes = ", ".join(f"{code:02x}" for code in _TYPES)
        raise FileError(
            f"{name} is no IDX file: it must begin with two zero bytes and a type, one of {codes}. "
            f"Got {magic.hex(' ') or 'an empty file'}. Check that it is the right file."
        )
    dtype, axes = np.dtype(_TYPES[magic[2]]), magic[3]
    lengths = _read_at_most(stream, 4 * axes)
    if len(lengths) < 4 * axes:
        raise FileError(
            f"{name} is truncated: it ends within its header. Replace it by a sound copy."
        )
    shape = struct.unpack(f">{axes}I", lengths)
    # Lengths of 0 are left out, as NumPy cannot hold an absurd shape even if it is empty.
    if axes > _MOST_AXES or math.prod(n or 1 for n in shape) * dtype.itemsize > _MOST_BYTES:
        raise FileError(
            f"{name} claims an array of {axes} axes that no memory holds. It is damaged, or no "
            "IDX file."
        )
    return dtype, shape


def _read_at_most(stream: BinaryIO | gzip.GzipFile, limit: int) -> bytearray:
    """Read ``limit`` bytes or what there is, without taking memory for more than there is."""
    content = bytearray()
    while len(content) < limit:
        piece = stream.read(min(_PIECE, limit - len(content)))
        if not piece:
            break
        content += piece
    return content


def write_idx(path: str | os.PathLike[str], array: Array) -> None:
    """Write an IDX file; wrapped by gzip if its name ends in ``.gz``.

    Args:
        path: the file; it holds all of the old or all of the new at any moment.
        array: of type uint8, int8, int16, int32, float32 or float64.

    Raises:
        DataError: an array that IDX cannot hold.
        FileError: the file cannot be written there.
    """
    array = np.asarray(array)
    content = _header(array) + _body(array).tobytes()
    if as_path(path).suffix == ".gz":
        # Without the time of day in it, the same array always gives the same file.
        content = gzip.compress(content, mtime=0)
    write_bytes(path, content)


def idx_sha256(array: Array) -> str:
    """Return the SHA-256 of the unwrapped IDX file that holds ``array``.

    An array has only one such file, so that this checks what was read.
    """
    digest = hashlib.sha256(_header(array))
    digest.update(_body(array).data)
    return digest.hexdigest()


def _header(array: Array) -> bytes:
    code = _CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        names = ", ".join(dtype.name for dtype in _CODES)
        raise DataError(
            f"An IDX file must hold one of {names}. Got {array.dtype}. Convert it: "
            "array.astype(numpy.uint8), say."
        )
    if max(array.shape, default=0) >= 1 << 32:
        raise DataError(f"An axis of an IDX file must be under 2³². Got shape {array.shape}.")
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)


def _body(array: Array) -> Array:
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder(">"), copy=False))
