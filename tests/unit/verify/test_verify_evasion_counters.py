"""Counters that are not the driver's own: programs, libraries and files that stand in for them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from mediapipe_jetson.verify import (
    hardware,
    rules,
    session,
)

from tests.unit.verify.native_code import compiled, needs_compiler


def test_counters_are_never_taken_from_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor from LD_LIBRARY_PATH, nor a file that others may write."""
    for name in ("tegrastats", "libnvidia-ml.so.1"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'GR3D_FREQ 99%@[1]'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    for name in ("tegrastats", "nvml"):
        places = rules.book()["counters"][name]
        assert all(place.startswith("/") for place in places)
        assert hardware.own_file(name, tmp_path) is None
        own = tmp_path / places[0].lstrip("/")
        own.parent.mkdir(parents=True)
        own.write_text("")
        own.chmod(0o775)
        assert hardware.own_file(name, tmp_path) is None
        own.chmod(0o755)
        if os.getuid() == 0:
            assert hardware.own_file(name, tmp_path) == str(own)
            os.chown(own, 1000, 1000)
        assert hardware.own_file(name, tmp_path) is None
    if not any(map(hardware.own_file, ("tegrastats", "nvml"))):
        result, processes = hardware.sources()
        assert not processes
        assert {"tegrastats", "nvml"}.isdisjoint(result)


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files to others")
def test_without_root_its_own_files_are_no_counter(tmp_path: Path) -> None:
    """In a user namespace 0 is who started the container; root's files have no owner there."""
    library = tmp_path / rules.book()["counters"]["nvml"][0].lstrip("/")
    library.parent.mkdir(parents=True)
    library.write_text("")
    library.chmod(0o644)
    (tmp_path / "proc/self").mkdir(parents=True)
    for text, owner in (
        ("         0          0 4294967295\n", 0),
        ("         0       1000          1\n", hardware.NOBODY),
        ("         0       1000          1\n         1     100000      65536\n", hardware.NOBODY),
        ("         0     165536      65536\n", hardware.NOBODY),
        ("         0          0      65536\n", 0),
        ("         0          0          1\n", 0),
        ("         0          0       1000\n      1000     100000      64536\n", 0),
        ("         1     100001      65535\n         0          0          1\n", 0),
        ("      1000       1000          1\n", hardware.NOBODY),
        ("         1          0      65536\n", hardware.NOBODY),
    ):
        (tmp_path / "proc/self/uid_map").write_text(text)
        assert hardware.roots_number(tmp_path) == owner
        for other in (0, 1000, hardware.NOBODY):
            os.chown(library, other, other)
            expected = str(library) if other == owner else None
            assert hardware.own_file("nvml", tmp_path) == expected, (text, other)
    # In a namespace within another the map is told against that one, and 0 may be anybody.
    devices = tmp_path / "proc/devices"
    devices.write_text("Character devices:\n")
    (tmp_path / "proc/self/uid_map").write_text("         0          0      65536\n")
    for other, owner in ((0, 0), (hardware.NOBODY, hardware.NOBODY)):
        os.chown(devices, other, other)
        assert hardware.roots_number(tmp_path) == owner


NVML = """
#include <string.h>
struct use { unsigned gpu, memory; };
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 3; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device)
{
    *device = (void *)(long)(index + 1);
    return 0;
}
int nvmlDeviceGetName(void *device, char *name, unsigned size)
{
    strncpy(name, (long)device == 1 ? "Orin (nvgpu)" : "NVIDIA RTX A6000", size);
    return 0;
}
int nvmlDeviceGetUtilizationRates(void *device, struct use *use)
{
    use->gpu = 10 * (long)device;
    return (long)device == 3 ? 3 : 0;
}
"""


@needs_compiler
def test_nvml_counts_each_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of which it gives nothing (a part of a card) is left out, on a board the SoC's own."""
    (tmp_path / "nvml.c").write_text(NVML)
    compiled(tmp_path / "nvml.c", tmp_path / "libnvidia-ml.so.1")
    monkeypatch.setattr(hardware, "own_file", lambda _name: str(tmp_path / "libnvidia-ml.so.1"))
    assert {name: read() for name, read in hardware.nvml().items()} == {
        "nvml": 10.0, "nvml:1": 20.0,
    }  # fmt: skip
    assert [read() for read in hardware.nvml(soc=False).values()] == [20.0]
    monkeypatch.setattr(hardware, "own_file", lambda _name: None)
    assert hardware.nvml() == {}


@needs_compiler
@pytest.mark.parametrize(
    ("left_out", "read", "without_soc"),
    [
        ("nvmlDeviceGetCount_v2", {"nvml": 10.0}, {}),
        ("nvmlDeviceGetName", {"nvml": 10.0, "nvml:1": 20.0}, {"nvml": 10.0, "nvml:1": 20.0}),
        ("nvmlDeviceGetHandleByIndex_v2", {}, {}),
        ("nvmlDeviceGetUtilizationRates", {}, {}),
        ("nvmlInit_v2", {}, {}),
    ],
)
def test_a_library_may_lack_what_nvml_has(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    left_out: str,
    read: dict[str, float],
    without_soc: dict[str, float],
) -> None:
    """Without a count there is one GPU, without names none is the SoC's own."""
    (tmp_path / "nvml.c").write_text(NVML.replace(f"{left_out}(", "another("))
    compiled(tmp_path / "nvml.c", tmp_path / "libnvidia-ml.so.1")
    monkeypatch.setattr(hardware, "own_file", lambda _name: str(tmp_path / "libnvidia-ml.so.1"))
    for soc, expected in ((True, read), (False, without_soc)):
        seen = {name: reader() for name, reader in hardware.nvml(soc=soc).items()}
        assert seen == expected


TEGRASTATS = """\
#!{python}
import sys, time
# As C's standard streams: a block at once into a pipe, a line at once to a terminal.
for percent in range(2000):
    print(f"RAM 1/2MB GR3D_FREQ {{percent % 100}}%@[1,1] {{'x' * 80}}")
    time.sleep(0.02)
"""


def test_tegrastats_is_read_line_by_line(tmp_path: Path) -> None:
    program = tmp_path / "tegrastats"
    program.write_text(TEGRASTATS.format(python=sys.executable))
    program.chmod(0o755)
    source = hardware.Tegrastats(str(program))
    try:
        seen = set()
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            seen.add(source.read())
            time.sleep(0.01)
    finally:
        source.close()
    assert len(seen) > 10
    assert source.process.poll() is not None


def test_turns_are_as_long_as_the_source_needs(tmp_path: Path) -> None:
    sampler = hardware.Sampler(tmp_path)
    sampler.readers = {"nvml": lambda: 0.0}
    assert session.turns(((0.5, 1.0),), sampler) == ((1.25, 2.5),)
    sampler.readers["devfreq:/sys/devices/gpu.0/load"] = lambda: 0.0
    # Which of the two counts the GPU that works is not known before.
    assert session.turns(((0.5, 1.0),), sampler) == ((1.25, 2.5),)
    del sampler.readers["nvml"]
    assert session.turns(((0.5, 1.0),), sampler) == ((0.5, 1.0),)
    assert session.turns(((0.5, 1.0),), None) == ()
