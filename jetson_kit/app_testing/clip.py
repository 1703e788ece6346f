"""A Motion-JPEG video of JPEG pictures as they are: an AVI file (RIFF, Microsoft's AVI 1.0)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import written_aside

FRAMES_A_SECOND = 10
HAS_INDEX, KEY_FRAME = 0x10, 0x10
# Start of frame of baseline to progressive JPEG: height and width follow (ITU-T T.81, B.2.2).
SIZES = range(0xC0, 0xC4)


def write(path: Path, pictures: Sequence[Path]) -> None:
    """Write the video. Raises BadInputError for what is no JPEG."""
    frames = [picture.read_bytes() for picture in pictures]
    width, height = _size(pictures[0], frames[0])
    largest = max(map(len, frames))
    main = struct.pack(
        "<14I", 1_000_000 // FRAMES_A_SECOND, largest * FRAMES_A_SECOND, 0, HAS_INDEX, len(frames),
        0, 1, largest, width, height, 0, 0, 0, 0,
    )  # fmt: skip
    stream = b"vidsMJPG" + struct.pack(
        "<I2H8I4h", 0, 0, 0, 0, 1, FRAMES_A_SECOND, 0, len(frames), largest, 0xFFFFFFFF, 0,
        0, 0, width, height,
    )  # fmt: skip
    form = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", width * height * 3,
                       0, 0, 0, 0)  # fmt: skip
    streams = _list(b"strl", _chunk(b"strh", stream) + _chunk(b"strf", form))
    movie, index = b"", b""
    for frame in frames:
        # Offsets count from the list's kind on.
        index += struct.pack("<4sIII", b"00dc", KEY_FRAME, len(movie) + 4, len(frame))
        movie += _chunk(b"00dc", frame)
    head = _list(b"hdrl", _chunk(b"avih", main) + streams)
    body = b"AVI " + head + _list(b"movi", movie) + _chunk(b"idx1", index)
    with written_aside(path) as aside:
        aside.write_bytes(_chunk(b"RIFF", body))


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _list(kind: bytes, content: bytes) -> bytes:
    return _chunk(b"LIST", kind + content)


def _size(path: Path, raw: bytes) -> tuple[int, int]:
    """Return width and height of a JPEG picture."""
    at = 2
    while raw[:2] == b"\xff\xd8" and at + 9 <= len(raw) and raw[at] == 0xFF:
        marker, length = raw[at + 1], struct.unpack_from(">H", raw, at + 2)[0]
        if marker in SIZES:
            height, width = struct.unpack_from(">HH", raw, at + 5)
            return width, height
        at += 2 + length
    raise BadInputError(f"{path} is no JPEG picture", "name another")
