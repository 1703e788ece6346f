"""Rollouts on three virtual devices, each with its own systemd and engine, by the real tasks."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest

from jetson_kit.ansible_driver import board_program
from jetson_kit.core.paths import ROOT
from tests.fleet import small_release
from tests.fleet.board import Board
from tests.fleet.site import QUICK, Site

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def test_v2_follows_v1_v3_is_stopped_at_the_canary_and_all_go_back(site: Site) -> None:
    v1, v2 = site.release(), site.release()
    v3 = site.release(small_release.UNHEALTHY)
    assert site.rollout(v1)["result"] == "all"
    done = site.rollout(v2)
    assert {host["state"] for host in done["hosts"].values()} == {"confirmed"}
    assert site.running() == [v2.image_id] * 3
    site.truth()

    stopped = site.rollout(v3, code=1)
    first = site.names[0]
    assert stopped["result"] == "stopped"
    assert f"the canary {first} failed" in stopped["stopped"]
    assert [host["state"] for host in stopped["hosts"].values()] == ["failed", "fetched", "fetched"]
    assert not any(host["unsure"] for host in stopped["hosts"].values())
    assert site.running() == [v2.image_id] * 3
    for at in (1, 2):
        history = site.boards.sh("cat /var/lib/mediapipe-jetson/state.json", at)
        assert v3.image_id not in history
    site.truth()

    document = json.loads(site.task("rollback", "-i", str(site.inventory), "--json"))
    assert {host["state"] for host in document["hosts"].values()} == {"rolled-back"}
    assert site.running() == [v1.image_id] * 3
    print(f"all three went back in {document['seconds']} s")
    site.truth()


def test_only_what_changed_is_sent(board: Board) -> None:
    old, new = board.release(), board.release()
    board.fetch(old)
    assert board.offer(new)["bytes_to_send"] == new.layers[-1].size
    assert board.fetch(new) < 2000
    assert board.fetch(new) == 0


def test_a_killed_controller_is_followed_by_resume(site: Site) -> None:
    """SIGKILL in the middle of a step; a second controller is refused while the first one is."""
    if not site.made:
        # Run by itself: there must be an image to go back to.
        site.rollout(site.release())
    new = site.release()
    arguments = ("rollout", str(new.folder), "-i", str(site.boards.inventory), *QUICK)
    for step in ("switch", "soak"):
        with subprocess.Popen(
            site.words(*(arguments if step == "switch" else ("rollout", "--resume"))),
            env=site.env, cwd=ROOT, stderr=subprocess.PIPE, text=True,
        ) as child:  # fmt: skip
            assert child.stderr
            for line in child.stderr:
                if f"  {step}: " in line:
                    break
            if step == "switch":
                message = site.task(*arguments, code=7)
                assert f"process {child.pid}" in message
            time.sleep(0.5)
            child.send_signal(signal.SIGKILL)
    done = json.loads(site.task("rollout", "--resume", "--json"))
    assert {host["state"] for host in done["hosts"].values()} == {"confirmed"}
    assert site.running() == [new.image_id] * 3
    site.truth()
    # There is nothing more to do.
    second = json.loads(site.task("rollout", str(new.folder), "--resume", "--json"))
    assert (second["result"], second["hosts"]) == ("all", done["hosts"])
    # A board that went back by hand is seen: what it is on counts, not the journal.
    site.boards.sh("mediapipe-image rollback", 1)
    message = json.loads(site.task("rollout", "--resume", "--json", code=1))
    states = [host["state"] for host in message["hosts"].values()]
    assert states == ["confirmed", "failed", "confirmed"]
    assert "went back: by hand" in message["hosts"][site.names[1]]["why"]
    site.boards.sh("mediapipe-image rollback", 1)


def test_a_board_with_another_program_is_brought_to_it_before_anything_is_sent(site: Site) -> None:
    """The first one's knows no such command, the second one's differs in a word."""
    program = "/usr/local/sbin/mediapipe-image"
    site.boards.sh(f"printf '#!/bin/sh\necho usage >&2\nexit 2\n' >{program}", 0)
    site.boards.sh(f"sed -i 's/what the device is on/what it is on/' {program}", 1)
    new = site.release()
    done = site.rollout(new)
    assert {host["state"] for host in done["hosts"].values()} == {"confirmed"}
    answers = [json.loads(site.boards.sh(f"{program} version --json", at)) for at in range(3)]
    assert {body["program"] for body in answers} == {board_program.digest()}
    # Boards of one kernel and one root are told apart all the same.
    assert len({body["machine"] for body in answers}) == 3


def test_a_board_that_was_never_provisioned_is_called_so(site: Site) -> None:
    """Its program is taken away; status, rollback and a rollout say how to mend that."""
    name, where = site.names[2], ("-i", str(site.inventory), "--limit", site.names[2])
    site.boards.sh("mv /usr/local/sbin/mediapipe-image /root/", 2)
    try:
        row = json.loads(site.task("status", *where, "--json"))["hosts"][name]
        assert row["drift"] == ["unprovisioned"]
        assert f"--limit {name}" in row["answer"]
        assert "not provisioned" in site.task("rollback", *where, code=1)
        rollout = site.rollout(site.release(), "--limit", name, code=1)
        assert "not provisioned" in rollout["hosts"][name]["why"]
    finally:
        site.boards.sh("mv /root/mediapipe-image /usr/local/sbin/", 2)
