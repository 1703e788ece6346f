"""Switch, confirm, go back, hold: on a virtual device, with its own systemd and engine."""

from __future__ import annotations

import json
import time

import pytest

from jetson_kit.ansible_driver import ansible
from tests.fleet import known
from tests.fleet.board import LIB, Board
from tests.fleet.small_release import ENDS, UNHEALTHY

pytestmark = [pytest.mark.docker, pytest.mark.slow]
TRIAL = '\'"state": "trial"\''


def switch_and_die(board: Board, image_id: str) -> None:
    """Kill a switch as soon as its trial is in the state."""
    board.run(
        f"mediapipe-image switch {image_id} >/dev/null 2>&1 & pid=$!; "
        f"while kill -0 $pid && ! grep -q {TRIAL} {LIB}/state.json; do :; done; kill -9 $pid"
    )


def test_a_second_provisioning_changes_nothing(board: Board) -> None:
    """Also where an image runs: its service is left alone."""
    board.good(board.release())
    for check in (True, False):
        job = ansible.Job(
            "provision", board.inventory, hosts=(board.host,), tags=("image", "service"),
            check=check, diff=check,
        )  # fmt: skip
        outcome = ansible.run(job)
        assert not outcome.failed
        assert outcome.changed == 0


def test_switch_confirm_and_back(board: Board) -> None:
    old, new = board.release(), board.release()
    board.good(old)
    board.fetch(new)
    board.image("switch", new.image_id, "--why", "test", "--rollout", "r7")
    body = board.status()
    assert board.running() == new.image_id
    assert (body["current"]["state"], body["current"]["rollout"]) == ("trial", "r7")
    assert body["previous"]["image_id"] == old.image_id
    board.image("confirm", new.image_id)
    assert board.settle(new.image_id)["current"]["state"] == "good"
    document = json.loads(board.image("rollback", "--json"))
    assert document["image_id"] == old.image_id
    # Asked twice, it does not go forth again.
    second = json.loads(board.image("rollback", "--json", "--from", new.image_id))
    assert (second["changed"], second["image_id"]) == (False, old.image_id)
    assert board.settle(old.image_id)["previous"]["image_id"] == new.image_id


def test_the_same_again_changes_nothing(board: Board) -> None:
    release = board.release()
    board.good(release)
    assert json.loads(board.image("switch", "--json", release.image_id))["changed"] is False
    assert json.loads(board.image("confirm", "--json", release.image_id))["changed"] is False
    assert board.offer(release)["layers"] == []


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (UNHEALTHY, "it printed nothing"),
        (ENDS, "the application ended with exit code 3; its last lines: a mistake"),
    ],
)
def test_an_unhealthy_image_is_left(board: Board, kind: str, why: str) -> None:
    old, bad = board.release(), board.release(kind)
    board.good(old)
    board.fetch(bad)
    image = board.image("switch", bad.image_id, code=1)
    assert f"{why}; went back to" in image
    body = board.settle(old.image_id)
    assert body["current"]["state"] == "good"
    assert body["history"][-1]["event"] == "rollback"
    assert body["history"][-1]["image_id"] == bad.image_id
    # What runs now is well; a restart on request is no end of it, a kill is.
    assert body["ended"] == ""
    board.run("systemctl restart mediapipe")
    record = "/run/mediapipe-image/ended.json"
    board.run("test", "-e", record, code=1)
    board.run("docker kill mediapipe")
    board.run(f"for i in $(seq 100); do test -e {record} && exit; sleep 0.2; done; exit 1")
    assert board.run("stat", "-c", "'%a %U'", record) == "600 root\n"
    assert json.loads(board.run("cat", record))["exit_code"] == 137
    board.settle(old.image_id)


def test_a_trial_whose_controller_died_goes_back_by_itself(board: Board) -> None:
    old, bad = board.release(), board.release(UNHEALTHY)
    board.good(old)
    board.fetch(bad)
    # Killed as soon as the state is written: nobody restarts the service, nobody waits.
    switch_and_die(board, bad.image_id)
    assert board.status()["current"]["image_id"] == bad.image_id
    board.settle(old.image_id, limit_s=90)


def test_a_good_image_on_trial_stays_when_the_controller_died(board: Board) -> None:
    old, new = board.release(), board.release()
    board.good(old)
    board.fetch(new)
    switch_and_die(board, new.image_id)
    end = time.monotonic() + 60
    while known.image_id(board.ask(known.ASK).stdout) != new.image_id:
        assert time.monotonic() < end
        time.sleep(0.3)
    time.sleep(15)
    assert board.status()["current"]["image_id"] == new.image_id
    board.image("confirm", new.image_id)


def test_the_application_says_not_now(board: Board) -> None:
    old, new = board.release(), board.release()
    board.good(old)
    board.fetch(new)
    board.run("echo 'a patient is on the table' > /run/mediapipe-jetson/update.lock")
    try:
        image = board.image("switch", new.image_id, code=8)
        assert "a patient is on the table" in image
        assert board.status()["held"] == "a patient is on the table"
        assert board.running() == old.image_id
    finally:
        board.run("rm /run/mediapipe-jetson/update.lock")
    board.image("switch", new.image_id)
    board.image("confirm", new.image_id)


def test_prune_keeps_what_is_needed(board: Board) -> None:
    all_of = [board.release() for _ in range(4)]
    for release in all_of[:3]:
        board.good(release)
    board.fetch(all_of[3])
    body = json.loads(board.image("prune", "--json", "--keep", "1"))
    needed = {all_of[1].image_id, all_of[2].image_id}
    assert not needed & set(body["removed"])
    assert all_of[3].image_id in body["removed"]
    assert board.there() == needed
    assert json.loads(board.image("rollback", "--json"))["image_id"] == all_of[1].image_id


def test_the_end_of_a_trial_removes_old_images(board: Board) -> None:
    old, middle, new = (board.release() for _ in range(3))
    board.good(old)
    board.good(middle)
    board.fetch(new)
    board.image("switch", new.image_id)
    # A load is under way: the old images stay, and that is told.
    board.run(
        "setsid flock /run/mediapipe-image/receive.lock sleep 20 >/dev/null 2>&1 & sleep 0.5; "
        "pgrep -x sleep >/run/held"
    )
    body = json.loads(board.image("confirm", "--json", "--keep", "1", new.image_id))
    board.run("kill $(cat /run/held)")
    assert (body["changed"], body["status"]["current"]["state"]) == (True, "good")
    assert body["old_stay"]
    assert old.image_id in board.there()
    # Asked again, as a controller that was killed does: now they go.
    body = json.loads(board.image("confirm", "--json", "--keep", "1", new.image_id))
    assert not body["changed"]
    assert old.image_id in body["removed"]
    assert board.there() == {middle.image_id, new.image_id}


def test_the_service_comes_back_after_the_engine_was_killed(board: Board) -> None:
    release = board.release()
    board.good(release)
    board.run("kill -9 $(cat /run/docker.pid)")
    time.sleep(3)
    end = time.monotonic() + 90
    while not (board.status()["running"] or {}).get("container"):
        assert time.monotonic() < end
        time.sleep(1)
    assert board.running() == release.image_id
