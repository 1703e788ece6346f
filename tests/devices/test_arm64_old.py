"""Real ARM of TX1, Nano and TX2: cores of ARMv8.0, an old release, the service's container.

That images infer or are refused on such a core is in tests/image/test_emulate.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.devices.guest import Guest, built, powered

pytestmark = [pytest.mark.docker, pytest.mark.qemu, pytest.mark.slow, pytest.mark.network]


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


def test_the_service_runs(nano: Guest) -> None:
    facts = "{{.State.Running}} {{.HostConfig.Init}}"
    assert nano.must(f"docker inspect --format '{facts}' mediapipe").split() == ["true", "true"]
    probe = "docker exec mediapipe python3 -m mediapipe_jetson healthcheck"
    assert nano.must(probe) == "healthy\n"
