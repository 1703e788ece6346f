"""A board's page against the line that its site gave of it: nothing of a line is taken on trust."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.inspection import page
from jetson_kit.report import read, rejudge, rows, summary
from jetson_kit.report.rows import Device
from jetson_kit.report.summary import Summary
from tests.unit.report import samples


def judged(folder: Path, age_s: float = 60.0) -> tuple[Device, Summary]:
    """Return a real report as it is judged here, and its honest line."""
    path = samples.put(folder, "b1", samples.real("cpu"), time.time(), age_s)
    report = read.read(path)
    device = rows.device(report, rejudge.judge([report]).get(path), time.time())
    return device, summary.of_device(device, "berlin")


def test_an_honest_line_changes_nothing(tmp_path: Path) -> None:
    device, line = judged(tmp_path)
    assert device.verdict == "cpu"
    assert page._compared(device, line) == device


def test_an_honest_line_of_a_report_that_is_old_by_now(tmp_path: Path) -> None:
    old, _ = judged(tmp_path, 2 * rows.MAX_AGE_S)
    then = rows.device(old.report, rejudge.judge([old.report])[old.report.path], 0.0)
    line = replace(summary.of_device(old, "berlin"), verdict="cpu", state="sound")
    assert then.state == "future"
    assert page._compared(old, line) == old


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"verdict": "gpu"}, "its site said gpu, its evidence shows cpu"),
        ({"time_s": 4e9}, "its site said time_s 2096-10-02 07:06 UTC, its evidence shows 20"),
        ({"image": "sha256:" + "1" * 64}, "its site said image sha256:1111"),
        ({"model": "Orin"}, "its site said model Orin, its evidence shows"),
        ({"versions": {"l4t": "36.4.4"}}, "its site said versions l4t 36.4.4, its evidence shows"),
        ({"tasks": {"FaceLandmarker": "gpu"}}, "its site said tasks FaceLandmarker gpu"),
    ],
)
def test_a_line_that_says_more_than_its_evidence(
    tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    device, line = judged(tmp_path)
    shown = page._compared(device, replace(line, **change))
    assert (shown.state, shown.verdict, shown.as_expected) == ("contradicted", "unknown", False)
    assert any(alert.startswith(expected) for alert in shown.alerts), shown.alerts


def test_an_old_report_under_a_new_time_is_told(tmp_path: Path) -> None:
    device, line = judged(tmp_path, 3 * rows.MAX_AGE_S)
    assert device.state == "stale"
    shown = page._compared(device, replace(line, time_s=time.time(), state="sound", verdict="gpu"))
    assert shown.state == "contradicted"
    assert shown.alerts[0].startswith("its site said time_s ")
