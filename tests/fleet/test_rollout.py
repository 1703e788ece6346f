"""Rollouts on three virtual devices, each with its own systemd and engine, by the real tasks."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import Any

import pytest

from jetson_kit.paths import ROOT
from tests.fleet import small_release
from tests.fleet.site import QUICK, Site

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def test_v2_follows_v1_and_v3_is_stopped_at_the_canary(site: Site) -> None:
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


def test_not_now_and_unreachable_are_no_success(site: Site) -> None:
    new = site.release()
    lock = "/run/mediapipe-jetson/update.lock"
    site.boards.sh(f"echo busy > {lock}", 1)
    plan = site.folder / "plan.toml"
    plan.write_text("held_tries = 1\nheld_wait_s = 1\ntries = 1\nstop_at = 2\ncanary = 1\n")
    done = site.rollout(new, "--file", str(plan), "--stop-at", "2", code=1)
    assert [host["state"] for host in done["hosts"].values()] == ["confirmed", "held", "confirmed"]
    assert done["hosts"][site.names[1]]["why"].endswith("busy")
    site.boards.sh(f"rm {lock}", 1)
    site.task("rollout", "--resume")
    assert site.running() == [new.image_id] * 3
    site.truth()


def test_rollback_of_all_and_drift_of_one(site: Site) -> None:
    old, new = site.release(), site.release()
    site.rollout(old)
    site.rollout(new)
    # By hand, on one device: the controller does not know.
    site.boards.sh("mediapipe-image rollback", 2)
    body = site.status()
    assert [body["hosts"][name]["drift"] for name in site.names] == [[], [], ["image"]]
    site.task("status", "-i", str(site.boards.inventory), "--check", code=1)
    both = ",".join(site.names[:2])
    said = json.loads(
        site.task("rollback", "-i", str(site.boards.inventory), "--limit", both, "--json")
    )
    assert said["seconds"] < 60
    assert all(host["seconds"] < 30 for host in said["hosts"].values())
    assert site.running() == [old.image_id] * 3
    # The third one is where a rollback by hand left it, and is still told.
    body = site.status()
    assert [body["hosts"][name]["drift"] for name in site.names] == [[], [], ["image"]]


def report(milliseconds: float, *, as_expected: bool = True) -> dict[str, Any]:
    """Return as much of a report as a gate looks at."""
    verdict = "software" if as_expected else "cpu"
    tasks = {"HandLandmarker": {"latency_ms": {"gpu": milliseconds, "cpu": None}}}
    return {"as_expected": as_expected, "verdict": verdict, "reason": "so it is", "tasks": tasks}


def test_the_gates_of_the_verification(site: Site) -> None:
    """On one device: a good report, one that is too slow, one with another verdict."""
    limit = ("--limit", site.names[0], "--verify", "quick")
    good, other = site.release(report=report(20)), site.release(report=report(21))
    slow = site.release(report=report(90))
    wrong = site.release(report=report(20, as_expected=False))
    first = site.rollout(good, *limit)
    assert first["result"] == "all"
    kept = site.records(first["id"])
    assert {path.name for path in kept.iterdir()} >= {
        *("log", "rollout.json", "junit.xml", "rollout.prom", "report.html")
    }
    assert site.names[0] in (kept / "report.html").read_text()
    host = site.rollout(other, *limit)["hosts"][site.names[0]]
    assert (host["baseline_ms"], host["latency_ms"]) == (
        {"HandLandmarker": 20.0},
        {"HandLandmarker": 21.0},
    )
    for made, said in ((slow, "HandLandmarker takes 90.0 ms"), (wrong, "cpu, expected software")):
        stopped = site.rollout(made, *limit, code=1)
        assert said in stopped["hosts"][site.names[0]]["why"]
        assert site.running()[0] == other.image_id
    site.truth()
