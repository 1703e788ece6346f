"""Killed, interrupted and concurrent commands leave nothing that the next one can't clean."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.progress import Progress
from jetson_kit.virtual_devices import board_profile, device_request, lifecycle
from tests.devices.front import Front

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def has_record(front: Front) -> bool:
    return (front.state / "jetson-1" / "device.json").exists()


def has_disk(front: Front) -> bool:
    shown = subprocess.run(["losetup", "--list"], capture_output=True, text=True, check=True)
    return str(front.state) in shown.stdout


def has_container(front: Front) -> bool:
    return any(row.startswith("container") for row in front.left())


def wait_for(seen: Callable[[Front], bool], front: Front) -> None:
    until = time.monotonic() + 120
    while not seen(front):
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("seen", [has_record, has_disk, has_container])
def test_killed_half_way_up(front: Front, seen: Callable[[Front], bool]) -> None:
    child = front.start("devices.up", "--count", "2")
    wait_for(seen, front)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert front.left()
    front.must("devices.down")
    assert front.left() == []


def test_killed_half_way_up_and_then_up_again(front: Front) -> None:
    child = front.start("devices.up", "--count", "2")
    wait_for(has_container, front)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert {item["status"] for item in front.listed()} == {"left behind"}
    document = json.loads(front.must("devices.up", "--json"))
    assert [item["name"] for item in document] == ["jetson-1"]
    assert [(item["name"], item["status"]) for item in front.listed()] == [("jetson-1", "up")]


def test_killed_half_way_down(front: Front) -> None:
    front.must("devices.up", "--count", "2")
    child = front.start("devices.down")
    wait_for(lambda front: any(state["status"] == "stopping" for state in states(front)), front)
    child.send_signal(signal.SIGKILL)
    child.wait()
    front.must("devices.down")
    assert front.left() == []


def states(front: Front) -> list[dict[str, str]]:
    """Return the records' stages as status, quicker than a command can."""
    result = []
    for path in front.state.glob("jetson-*/device.json"):
        try:
            result.append({"status": json.loads(path.read_text())["stage"]})
        except FileNotFoundError:
            result.append({"status": "stopping"})
    return result


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_half_way_cleans_up_itself(front: Front, how: signal.Signals) -> None:
    child = front.start("devices.up", "--count", "2")
    wait_for(has_container, front)
    child.send_signal(how)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 128 + how, err
    assert front.left() == []


def test_two_ups_at_once(front: Front) -> None:
    runs = [front.start("devices.up", "--count", "2", "--json") for _ in range(2)]
    result = []
    for run in runs:
        out, err = run.communicate(timeout=300)
        assert run.returncode == 0, err
        result += json.loads(out)
    assert sorted(item["name"] for item in result) == [f"jetson-{number}" for number in range(1, 5)]
    assert len({item["port"] for item in result}) == 4
    assert [item["status"] for item in front.listed()] == ["up"] * 4
    front.must("devices.down", "jetson-1", "jetson-4")
    assert [item["name"] for item in front.listed()] == ["jetson-2", "jetson-3"]
    assert front.inside("jetson-3", "hostname").strip() == "jetson-3"


def test_taken_down_while_it_starts(front: Front) -> None:
    child = front.start("devices.up")
    wait_for(has_container, front)
    front.must("devices.down", "jetson-1")
    _, err = child.communicate(timeout=120)
    assert child.returncode == 7
    assert "error: " in err
    assert front.left() == []


def test_one_that_dies_is_told_with_its_last_words_and_the_others_stay(front: Front) -> None:
    front.must("devices.up", "--name", "good")
    child = front.start("devices.up", "--name", "bad")
    wait_for(lambda front: "bad-1" in said_of_containers(), front)
    requested = ["docker", "ps", "-q", "--filter", "label=io.mediapipe-jetson.device=bad-1"]
    killed = subprocess.run(requested, capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["docker", "kill", *killed], capture_output=True, check=True)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 7
    assert "bad-1 lost its power while it started" in err
    assert [(item["name"], item["status"]) for item in front.listed()] == [("good-1", "up")]


def said_of_containers() -> str:
    listing = ["docker", "ps", "--format", "{{.Names}}"]
    return subprocess.run(listing, capture_output=True, text=True, check=True).stdout


def test_ten_cycles_leave_nothing(front: Front) -> None:
    for _ in range(10):
        front.must("devices.up")
        front.must("devices.down")
        assert front.left() == []


def test_other_state_folders_are_left_alone(front: Front) -> None:
    other = Front(front.state.with_name("other"))
    other.must("devices.up", "--name", "theirs")
    try:
        front.must("devices.up", "--name", "ours")
        front.must("devices.down")
        assert other.inside("theirs-1", "hostname").strip() == "theirs-1"
    finally:
        other.must("devices.down")
    assert other.left() == []


def test_a_device_whose_stand_ins_failed_is_not_up(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its device tree it would be taken for no Jetson at all."""
    broken = "ExecStart=/bin/sh -c 'echo no such tree >&2; exit 3'"
    text = board_profile.UNIT_TEXT.replace("ExecStart={folder}/face", broken)
    assert broken in text
    monkeypatch.setattr(board_profile, "UNIT_TEXT", text)
    monkeypatch.setenv("KIT_STATE", str(front.state))
    with pytest.raises(
        StepFailedError, match="the stand-ins of a Jetson were not put on"
    ) as caught:
        lifecycle.up(device_request.check(kind="container"), Progress(quiet=True))
    assert f"(degraded: {board_profile.UNIT})" in caught.value.message
    assert "no such tree" in caught.value.cure
    assert front.left() == []
