"""What the bench of faults counts and keeps: tries, settings, phases, earlier days."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import pages as readme
from bench.faults import (
    cases,
    command,
    page,
    record,
    setting,
)
from bench.faults.cases import Attempt
from jetson_kit.core.errors import CheckFailedError

FIRST = setting.check()


def test_tries_are_counted_and_a_torn_line_is_none(tmp_path: Path) -> None:
    log = tmp_path / "tries.jsonl"
    known = {name: cases.load()[name] for name in ("unhealthy", "net-off-fetch")}
    record.append(log, "net-off-fetch", "s", Attempt(ended="all", seconds=2.0), FIRST)
    record.append(
        log, "net-off-fetch", "s", Attempt(ended="some", lost=["a", "b"], seconds=3.0), FIRST
    )
    record.append(log, "gone", "s", Attempt(lost=["a"]), FIRST)
    with log.open("ab") as out:
        out.write(b'{"case": "unheal')
    summary = record.summary(record.read(log), known)
    assert (summary["tried"], summary["lost"], summary["false_success"]) == (2, 1, 0)
    assert summary["by_fault"]["net-off-fetch"]["ended"] == {"all": 1, "some": 1}
    assert summary["not_tried"] == {"unhealthy": 1}


def test_what_was_wrong_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "OUT", tmp_path / "faults.json")
    monkeypatch.setattr(readme, "PAGES", {})
    log = tmp_path / "tries.jsonl"
    known = {"unhealthy": cases.load()["unhealthy"]}
    record.append(log, "unhealthy", "s", Attempt(ended="stopped"), FIRST)
    assert command.finish(log, known)["lost"] == 0
    record.append(log, "unhealthy", "s", Attempt(ended="all", false_success=["a"]), FIRST)
    with pytest.raises(CheckFailedError, match="of 2 tries: false_success 1"):
        command.finish(log, known)
    assert json.loads(record.OUT.read_text())["false_success"] == 1


def run_of(case: str, day: str, tried: int) -> dict[str, Any]:
    """Return what an earlier run of a case came to."""
    wrong = dict.fromkeys(record.WRONG, 0)
    counts = {"by_setting": {"20.10, small image": tried}, "tried": tried, "ended": {"all": tried}}
    days = {"first": day, "last": day, "commits": ["0123456789ab"]}
    return {"case": case, **days, **counts, **wrong, "seconds_median": 2.0, "seconds_max": 3.0}


def test_tries_of_other_machines_and_of_earlier_days_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "OUT", tmp_path / "faults.json")
    log = tmp_path / "tries.jsonl"
    known = {
        name: replace(case, repeat=9)
        for name, case in cases.load().items()
        if name in ("unhealthy", "net-off-fetch", "frozen-switch")
    }
    runs = [run_of("unhealthy", "2026-01-02", 4), run_of("frozen-switch", "2026-01-03", 5)]
    record.OUT.write_text(json.dumps({"runs": runs}))
    record.append(log, "net-off-fetch", "s", Attempt(ended="all", seconds=7.0), FIRST)
    facts = command.finish(log, known)
    assert (facts["tried"], facts["not_tried"]["unhealthy"]) == (10, 5)
    assert facts["by_fault"]["frozen-switch"]["tried"] == 5
    assert runs[0] in facts["runs"]
    # The same tries again, and more of them, are the same run; those of another log are not.
    record.append(log, "frozen-switch", "s", Attempt(ended="some", seconds=8.0), FIRST)
    for _ in range(2):
        facts = command.finish(log, known)
        row = facts["by_fault"]["frozen-switch"]
        assert (row["tried"], row["ended"], row["seconds_max"]) == (6, {"all": 5, "some": 1}, 8.0)
    assert facts["tried"] == 11
    assert facts["by_setting"] == {"20.10, small image": 11}
    text = page.table(facts)
    (line,) = [line for line in text.splitlines() if line.startswith("| frozen-switch |")]
    days = ["2026-01-03 0123456789ab", f"{time.strftime('%F', time.gmtime())} {record.commit()}"]
    assert line.endswith(f"| 6 | 0 | 0 | 5 all, 1 some | {'; '.join(days)} |")
    # What is tried anew takes the place of what was.
    other = {(name, "28, small image") for name in known}
    assert command.finish(log, known, other)["tried"] == 11
    facts = command.finish(log, known, {(name, FIRST.label) for name in known})
    assert {run["case"]: run["tried"] for run in facts["runs"]} == {
        "net-off-fetch": 1,
        "unhealthy": 4,
        "frozen-switch": 1,
    }
    # What is tried in another setting leaves it alone.
    real = replace(FIRST, engine="28", build=tmp_path)
    record.append(log, "unhealthy", "s", Attempt(ended="all", seconds=7.0), real)
    facts = command.finish(log, known, {("unhealthy", real.label)})
    assert facts["by_setting"] == {"20.10, small image": 6, "28, real image": 1}


def test_what_was_measured_lost_nothing() -> None:
    facts = json.loads(record.OUT.read_text(encoding="utf-8"))
    assert [facts[what] for what in record.WRONG] == [0] * len(record.WRONG)


def test_each_setting_is_tried_by_itself(tmp_path: Path) -> None:
    log = tmp_path / "tries.jsonl"
    record.append(log, "unhealthy", "s", Attempt(ended="stopped"), FIRST)
    record.append(log, "unhealthy", "s", Attempt(ended="stopped"), setting.check("28-containerd"))
    rows = record.read(log)
    assert [FIRST.of(row) for row in rows] == [True, False]
    # Tries of before settings were written down are of the first.
    assert FIRST.of({"case": "unhealthy"})
    summary = record.summary(rows, {"unhealthy": cases.load()["unhealthy"]})
    assert summary["by_setting"] == {"20.10, small image": 1, "28-containerd, small image": 1}
    assert summary["cuts_by_setting"] == {}


def test_power_cuts_are_counted_by_setting_and_phase(tmp_path: Path) -> None:
    log = tmp_path / "tries.jsonl"
    other = setting.check("28-containerd")
    for name, of in (("load", FIRST), ("load", FIRST), ("load", other), ("soak", other)):
        record.append(log, f"power-loss-{name}", "s", Attempt(ended="old"), of)
    record.append(log, "flushes-ignored", "s", Attempt(ended="whole"), other)
    summary = record.summary(record.read(log), cases.load())
    assert summary["cuts_by_setting"] == {
        "20.10, small image": {"power-loss-load": 2},
        "28-containerd, small image": {"power-loss-load": 1, "power-loss-soak": 1},
    }
    lines = page.table(summary).splitlines()
    assert "| power cuts, each at a point of its own | power-loss-load | power-loss-soak |" in lines
    assert "| 20.10, small image | 2 | 0 |" in lines


def test_tries_without_a_promise_are_counted_apart(tmp_path: Path) -> None:
    log = tmp_path / "tries.jsonl"
    for ended, seconds in (("old", 10.0), ("old", 20.0), ("old", 60.0)):
        record.append(log, "power-loss-load", "s", Attempt(ended=ended, seconds=seconds), FIRST)
    record.append(
        log, "power-loss-load", "s", Attempt(lost=["a"], ended="lost", seconds=15.0), FIRST
    )
    for ended in ("lost", "whole"):
        attempt = Attempt(ended=ended, seconds=30.0)
        record.append(log, "flushes-ignored", "s", attempt, FIRST)
    text = page.table(record.summary(record.read(log), cases.load()))
    assert "**4 tries, 1 lost, 0 false successes**" in text
    assert "Besides, `flushes-ignored`, which promises nothing: 2 tries, 1 lost, 1 whole." in text
    rows = {line.split(" | ")[0]: line for line in text.splitlines() if line.startswith("| ")}
    assert "| 4 | 1 | 0 | 1 lost, 3 old | " in rows["| power-loss-load"]
    assert "| 2 | - | - | 1 lost, 1 whole | " in rows["| flushes-ignored"]
    assert "power-loss-load 18 s, at most 60 s; flushes-ignored 30 s, at most 30 s" in text
