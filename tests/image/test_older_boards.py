"""Images for each kind of board before Orin: built, started and inferring on its emulated core."""

from __future__ import annotations

import pytest

from tests.image.conftest import build

pytestmark = [pytest.mark.docker, pytest.mark.qemu, pytest.mark.slow, pytest.mark.network]
BOARDS = [
    ("r32", "tx1", "armv80", "cortex-a57"),
    ("r32", "nano", "armv80", "cortex-a57"),
    ("r32", "tx2", "armv80", "cortex-a57"),
    ("r32", "agx-xavier", "carmel", "carmel"),
    ("r35", "xavier-nx", "carmel", "carmel"),
]


@pytest.mark.parametrize(("release", "module", "core", "cpu"), BOARDS)
def test_the_image_infers_on_its_emulated_core(
    tmp_path_factory: pytest.TempPathFactory, release: str, module: str, core: str, cpu: str
) -> None:
    image = build(tmp_path_factory, "--jetson", "--l4t", release, "--module", module)
    start = image.manifest["first_start"]
    assert (start["cpu"], start["inference"]) == (cpu, "ok")
    assert start["selftest"]["verdict"] == "pass"
    assert start["distributions"]["mediapipe"].endswith(f".{core}")
    library = start["info"]["mediapipe_library"]
    assert library["gpu_compiled_in"] is True
    assert "translated for armv8" in library["translated"]
