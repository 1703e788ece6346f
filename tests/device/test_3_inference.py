"""Where inference runs in the service's container, by verify, and how fresh that is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jetson_kit.core.files import write_text
from jetson_kit.service import container_facts
from tests.device.board import BOOT_ID, Board, checked, fail

# Clocks of host and container are one; the report's is rounded.
SLACK_S = 1.0


def test_standing_report_is_fresh(board: Board) -> None:
    """What the role left there is of this start, this image and recent; else it proves nothing."""
    place = board.service.reports
    path = f"{board.folder}/{place.file if place else ''}"
    raw = board.left(path)
    if not raw:
        pytest.skip(f"there is no {path}: verify was not run by the role since the reports began")
    claimed = checked(raw)
    second = "/tmp/standing.json"
    arguments = ("--read", path, "--max-age", f"{board.expected.max_age_s:g}", "--json", second)
    board.run("docker", "exec", board.inspect["Id"], "python3", "-m", "mediapipe_jetson",
              "verify", *arguments)  # fmt: skip
    verdict = checked(board.left(second))
    if verdict["rule"] in ("stale-report", "other-boot", "future-report", "undated-report"):
        fail(f"the report {path} is not fresh: {verdict['reason']} [{verdict['rule']}]",
             [f"it claims {claimed['verdict']}, made at {claimed['time_s']:.0f}"],
             "run verify again")  # fmt: skip
    if claimed["image_digest"] not in container_facts.digests(board.seen):
        fail(f"the report {path} is of another image: {claimed['image_digest']}",
             remedy="run verify again")  # fmt: skip


def test_verify_says_what_is_expected(board: Board, reports: Path | None) -> None:
    done = board.verified
    if reports:
        name = f"{board.expected.host}.json"
        write_text(reports / name, json.dumps(done.report, indent=1) + "\n")
    expected = board.expected.verdict
    wrong = {name: task["verdict"] for name, task in done.report["tasks"].items()
             if task["verdict"] != expected}  # fmt: skip
    if wrong or done.report["verdict"] != expected or done.code:
        fail(f"expected {expected}, found {done.report['verdict']} (exit code {done.code}): "
             f"{', '.join(f'{name} {verdict}' for name, verdict in wrong.items())}",
             done.evidence(), "./inv doctor -i INVENTORY names the cause")  # fmt: skip


def test_every_task_was_judged(board: Board) -> None:
    result = tuple(board.verified.report["tasks"])
    if set(result) != set(board.expected.tasks):
        fail(f"requested {board.expected.tasks}, judged {result}")


def test_the_report_is_of_this_run(board: Board) -> None:
    done = board.verified
    here = board.must("no boot id", "cat", BOOT_ID).strip()
    if done.report["boot_id"] != here:
        fail(f"the report is of another start: {done.report['boot_id']}, not {here}",
             remedy="the container must see the host's /proc/sys/kernel")  # fmt: skip
    if not done.begun_s - SLACK_S <= done.report["time_s"] <= done.ended_s + SLACK_S:
        fail(f"the report's time {done.report['time_s']} is not between {done.begun_s} and "
             f"{done.ended_s}", remedy="set the host's clock")  # fmt: skip


def test_the_report_names_the_image_that_runs(board: Board) -> None:
    image_digest = board.verified.report["image_digest"]
    names = container_facts.digests(board.seen)
    if image_digest not in names:
        fail(f"the report names the image {image_digest}",
             [f"the engine: {name}" for name in sorted(names)],
             "set MEDIAPIPE_JETSON_IMAGE_DIGEST as service.toml says")  # fmt: skip
