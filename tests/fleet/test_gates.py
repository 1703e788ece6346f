"""What stops a rollout or puts a host aside, on three virtual devices, by the real tasks."""

from __future__ import annotations

import json

import pytest

from bench.faults.releases import report
from tests.fleet.site import Site

pytestmark = [pytest.mark.docker, pytest.mark.slow]


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
    document = json.loads(
        site.task("rollback", "-i", str(site.boards.inventory), "--limit", both, "--json")
    )
    assert sorted(document["hosts"]) == sorted(site.names[:2])
    assert site.running() == [old.image_id] * 3
    # The third one is where a rollback by hand left it, and is still told.
    body = site.status()
    assert [body["hosts"][name]["drift"] for name in site.names] == [[], [], ["image"]]
    # The next rollout ends it.
    site.rollout(site.release())
    site.truth()


def test_the_gates_of_the_verification(site: Site) -> None:
    """On one device: a good report, one that is too slow, one with another verdict."""
    limit = ("--limit", site.names[0], "--verify", "quick")
    good, other = site.release(report=report(20)), site.release(report=report(21))
    slow = site.release(report=report(90))
    wrong = site.release(report=report(20, as_expected=False))
    first = site.rollout(good, *limit)
    assert first["result"] == "all"
    records = site.records(first["id"])
    assert {path.name for path in records.iterdir()} >= {
        *("log", "rollout.json", "junit.xml", "rollout.prom", "report.html")
    }
    assert site.names[0] in (records / "report.html").read_text()
    host = site.rollout(other, *limit)["hosts"][site.names[0]]
    assert (host["baseline_ms"], host["latency_ms"]) == (
        {"HandLandmarker": 20.0},
        {"HandLandmarker": 21.0},
    )
    for release, output in (
        (slow, "HandLandmarker takes 90.0 ms"),
        (wrong, "cpu, expected software"),
    ):
        stopped = site.rollout(release, *limit, code=1)
        assert output in stopped["hosts"][site.names[0]]["why"]
        assert site.running()[0] == other.image_id
    site.truth()
