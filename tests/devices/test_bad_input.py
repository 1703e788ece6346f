"""Bad arguments and missing parts: one line with the cure, the fixed exit code, nothing left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.devices.front import Front

pytestmark = pytest.mark.slow


@pytest.fixture
def alone(tmp_path: Path) -> Front:
    """Return the tasks on an empty state folder, with no Docker Engine in reach."""
    front = Front(tmp_path / "state")
    front.env |= {"DOCKER_HOST": f"unix://{tmp_path}/no.sock", "INV_NO_INSTALL": "1"}
    return front


def test_without_docker(alone: Front) -> None:
    done = alone("devices.up", "--count", "2")
    assert done.returncode == 3
    assert done.stderr.startswith("error: ")
    assert "Docker" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(alone.state.glob("jetson-*"))
    assert "no virtual device is up" in alone.must("devices.list")
    assert alone.listed() == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--count", "0"), '--count "0" is no whole number from 1 to 64'),
        (("--kind", "cloud"), '--kind "cloud" is not container or vm'),
        (("--module", "jetson-nano"), 'unknown module "jetson-nano"; did you mean'),
        (("--module", "nano", "--l4t", "36.4.4"), "Jetson Nano has no L4T r36.4.4"),
        (("--name", "My Jetson"), 'no name of a device can begin with "My Jetson"'),
        (("--name", "../x"), 'no name of a device can begin with "../x"'),
    ],
)
def test_bad_words(alone: Front, arguments: tuple[str, ...], why: str) -> None:
    done = alone("devices.up", *arguments)
    assert done.returncode == 2
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(alone.state.glob("*"))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "load takes a device and at most one image; name a device"),
        (("a", "b", "c"), "load takes a device and at most one image; name a device"),
        (("jetson-1",), 'there is no device "jetson-1"'),
        (("../x",), "is no name for a device"),
    ],
)
def test_bad_words_for_an_image(alone: Front, arguments: tuple[str, ...], why: str) -> None:
    done = alone("devices.load", *arguments)
    assert done.returncode == 2
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_down_where_nothing_is_up(alone: Front) -> None:
    assert "no virtual device was up" in alone.must("devices.down")
