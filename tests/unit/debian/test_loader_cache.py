"""/etc/ld.so.cache as this machine's own ldconfig reads it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from jetson_kit.debian import loader_cache

FOLDER = "usr/lib/aarch64-linux-gnu"
HELD = (
    f"{FOLDER}/libportaudio.so.2", f"{FOLDER}/libportaudio.so.2.0.0", f"./{FOLDER}/libc.so.6",
    "lib/libz.so.1", f"{FOLDER}/pulseaudio/libhidden.so", f"{FOLDER}/libx.a", "usr/bin/libx.so.1",
    f"{FOLDER}/libfoo.so.9", f"{FOLDER}/libfoo.so.10", "opt/lib/liby.so.1", f"{FOLDER}/libfoo-2.so",
)  # fmt: skip


def test_ldconfig_reads_it(tmp_path: Path) -> None:
    program = shutil.which("/sbin/ldconfig")
    if not program:
        pytest.skip("no ldconfig here")
    cache = tmp_path / "ld.so.cache"
    cache.write_bytes(loader_cache.content(HELD, "arm64"))
    done = subprocess.run([program, "-C", cache, "-p"], check=True, capture_output=True, text=True)
    rows = re.findall(r"\t(\S+) \((\S+)\) => (\S+)", done.stdout)
    assert [name for name, _, _ in rows] == [
        "libz.so.1", "libportaudio.so.2.0.0", "libportaudio.so.2", "libfoo.so.10", "libfoo.so.9",
        "libfoo-2.so", "libc.so.6",
    ]  # fmt: skip
    assert {kind for _, kind, _ in rows} == {"libc6,AArch64"}
    assert ("libz.so.1", "libc6,AArch64", "/lib/libz.so.1") in rows


@pytest.mark.parametrize(
    ("names", "path"),
    [
        (("usr/lib/libx.so.1", f"{FOLDER}/libx.so.1"), f"/{FOLDER}/libx.so.1"),
        (("usr/lib/libx.so.1", "lib/libx.so.1"), "/lib/libx.so.1"),
        (("lib/libx.so.1", f"./{FOLDER}/libx.so.1"), f"/{FOLDER}/libx.so.1"),
        ((f"{FOLDER}/libx.so.1", "lib/aarch64-linux-gnu/libx.so.1"),
         "/lib/aarch64-linux-gnu/libx.so.1"),
        ((f"{FOLDER}/libx.so.1", "usr/lib/x86_64-linux-gnu/libx.so.1"), f"/{FOLDER}/libx.so.1"),
        (("usr/lib/x86_64-linux-gnu/libx.so.1",), ""),
        (("usr/lib/zfs-linux-gnu/libx.so.1",), ""),
    ],
)  # fmt: skip
def test_of_two_files_of_a_name_the_loaders_is_taken(names: tuple[str, ...], path: str) -> None:
    for given in (names, names[::-1]):
        content = loader_cache.content(given, "arm64")
        assert re.findall(rb"/[^\0]+/libx[^\0]+", content) == ([path.encode()] if path else [])


def test_it_does_not_depend_on_the_order_of_names() -> None:
    turned = loader_cache.content(HELD[::-1], "amd64")
    assert turned == loader_cache.content(HELD, "amd64")
    assert loader_cache.content((), "arm64").startswith(b"glibc-ld.so.cache1.1")
