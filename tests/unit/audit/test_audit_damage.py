"""Files that are no wheels, or not whole: refused, or never a pass."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError
from tests.unit.audit.gl_wheels import LIB, all_verdicts, audited, gl_library
from tests.unit.tiny_wheel import wheel


def test_library_cut_short(tmp_path: Path) -> None:
    whole = gl_library()
    audit = audited(wheel(tmp_path, {LIB: whole[: len(whole) - 40]}))
    assert {item.verdict for item in all_verdicts(audit)} == {"no"}
    assert "damaged" in all_verdicts(audit)[0].reason


@pytest.mark.parametrize("keep", [8, 40, 64, 100, 200, 300])
def test_library_cut_anywhere_is_never_a_pass(tmp_path: Path, keep: int) -> None:
    audit = audited(wheel(tmp_path, {LIB: gl_library()[:keep]}))
    assert {item.verdict for item in all_verdicts(audit)} == {"no"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"hello", "not a zip archive"),
        (b"", "not a zip archive"),
        (b"PK\x03\x04 and then nothing", "damaged"),
    ],
)
def test_not_a_zip(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "a-1.0-py3-none-any.whl"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=says):
        audited(path)


def test_truncated_wheel(tmp_path: Path) -> None:
    path = wheel(tmp_path, {LIB: gl_library()})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BadInputError, match="damaged"):
        audited(path)


@pytest.mark.parametrize("member", [LIB, "mediapipe/data.bin"])
def test_flipped_bytes(tmp_path: Path, member: str) -> None:
    data = {LIB: gl_library(), "mediapipe/data.bin": os.urandom(500)}
    path = wheel(tmp_path, data)
    raw = bytearray(path.read_bytes())
    at = raw.index(member.encode()) + len(member) + 60
    raw[at] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(BadInputError, match="damaged"):
        audited(path)


def test_zip_that_is_no_wheel(tmp_path: Path) -> None:
    path = tmp_path / "a-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(BadInputError, match=r"no \.dist-info"):
        audited(path)
    with pytest.raises(BadInputError, match="no file"):
        audited(tmp_path / "none.whl")
    with pytest.raises(BadInputError, match="not a file"):
        audited(tmp_path)
