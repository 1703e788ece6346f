"""What a lean runtime's fat binaries hold: of bytes made here, and of two real ones."""

from __future__ import annotations

import struct

import pytest

from jetson_kit.data_update import lean
from jetson_kit.wheels import runtimes


def fat(*entries: tuple[int, int], kind: int = lean.CUBIN) -> bytes:
    """Return a fat binary with (compute capability * 10, bytes of code) entries."""
    body = b""
    for architecture, size in entries:
        head = struct.pack("<HHIQ12xI32x", kind, 0x101, 64, size, architecture)
        body += head + b"\x5a" * size
    return struct.pack("<4sHHQ", lean.MAGIC, 1, 16, len(body)) + body


def test_each_fat_binary_and_each_entry_is_read() -> None:
    library = b"\x7fELF" + fat((87, 100), (110, 8)) + bytes(40) + fat((75, 0))
    assert list(lean.kernels(library)) == ["8.7", "11.0", "7.5"]


def test_source_for_a_compiler_is_no_kernel() -> None:
    assert list(lean.kernels(fat((87, 9), kind=1))) == []


@pytest.mark.parametrize("cut", [1, 17, 30, 60])
def test_a_library_that_ends_early(cut: int) -> None:
    library = fat((87, 100), (110, 100))
    assert set(lean.kernels(library[:-cut] if cut > 17 else library[:cut])) <= {"8.7", "11.0"}
    assert list(lean.kernels(lean.MAGIC * 3 + b"\xff" * 64)) == []


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("version", ["10.15.1.29", "11.4.0.106"])
def test_rows_that_were_written_by_hand_are_found_again(version: str) -> None:
    """One has kernels for Orin, the other has none."""
    result, known = lean.row(version), runtimes.table()["lean"][version]
    assert result is not None
    assert result["sms"] == known["sms"]
    for size in ("download_mb", "unpacked_mb"):
        assert result[size] == pytest.approx(known[size], rel=0.005)
