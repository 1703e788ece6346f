"""Real ARM of TX1, Nano and TX2: cores of ARMv8.0, on which MediaPipe 1.x can't run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.devices.guest import Guest, built, powered

pytestmark = [pytest.mark.docker, pytest.mark.qemu, pytest.mark.slow, pytest.mark.network]
OLD = "0.10.18"


@pytest.fixture(scope="module")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """Return a machine like a Nano that runs the service of the image for its release."""
    image = built(jetson=True, l4t="r32")
    with powered(tmp_path_factory.mktemp("nano"), image, "--module", "nano") as made:
        yield made


def test_its_cores_are_old(nano: Guest) -> None:
    seen = nano.must("cat /proc/cpuinfo; head -1 /etc/nv_tegra_release")
    assert "0xd07" in seen
    assert "atomics" not in seen
    assert "R32" in seen


def test_the_image_for_it_works(nano: Guest) -> None:
    code, found, said = nano.command("selftest", "--json", "--frames", "1")
    assert (code, found["verdict"], found["landmarks"]) == (0, "pass", 478), said
    assert (found["mediapipe"], found["cpu"]) == (OLD, "Cortex-A57")
    assert found["emulated"]


def test_the_image_for_orin_is_refused_with_the_reason(nano: Guest) -> None:
    """By the kit's own check: MediaPipe itself would end by SIGILL, or at a later frame."""
    image = built(jetson=True)
    nano.load(image)
    done = nano.run(f"docker run --rm --network none --runtime runc {image} selftest")
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: mediapipe ")
    assert "was not started: it needs LSE atomics" in lines[0]
    assert f"this Cortex-A57 lacks; install mediapipe=={OLD}" in lines[0]
    assert "SIGILL" not in done.stdout + done.stderr
