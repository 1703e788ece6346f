"""Rollouts on three virtual devices, each with its own systemd and engine, by the real tasks."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest

from jetson_kit.paths import ROOT
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

    said = json.loads(site.task("rollback", "-i", str(site.inventory), "--json"))
    assert {host["state"] for host in said["hosts"].values()} == {"rolled-back"}
    assert site.running() == [v1.image_id] * 3
    print(f"all three went back in {said['seconds']} s")
    site.truth()


def test_only_what_changed_is_sent(board: Board) -> None:
    old, new = board.release(), board.release()
    board.fetch(old)
    assert board.offer(new)["bytes_to_send"] == new.layers[-1].size
    assert board.fetch(new) < 2000
    assert board.fetch(new) == 0


def test_a_killed_controller_is_followed_by_resume(site: Site) -> None:
    """SIGKILL in the middle of a step; a second controller is refused while the first one is."""
    new = site.release()
    words = ("rollout", str(new.folder), "-i", str(site.boards.inventory), *QUICK)
    for step in ("switch", "soak"):
        with subprocess.Popen(
            site.words(*(words if step == "switch" else ("rollout", "--resume"))),
            env=site.env, cwd=ROOT, stderr=subprocess.PIPE, text=True,
        ) as child:  # fmt: skip
            assert child.stderr
            for line in child.stderr:
                if f"  {step}: " in line:
                    break
            if step == "switch":
                said = site.task(*words, code=7)
                assert f"process {child.pid}" in said
            time.sleep(0.5)
            child.send_signal(signal.SIGKILL)
    done = json.loads(site.task("rollout", "--resume", "--json"))
    assert {host["state"] for host in done["hosts"].values()} == {"confirmed"}
    assert site.running() == [new.image_id] * 3
    site.truth()
    # There is nothing more to do.
    assert json.loads(site.task("rollout", "--resume", "--json")) == done
