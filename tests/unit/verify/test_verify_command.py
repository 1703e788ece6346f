"""The command `verify`: its report, its readings for other programs, its exit codes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mediapipe_jetson.verify import report

from tests.unit.device_wheel_trees import schema, wheel
from tests.unit.verify import samples as sample


def broken() -> dict[str, Any]:
    error = {"type": "RuntimeError", "text": "said \x07 by a driver"}
    return sample.changed(sample.orin(), run__outcome__error=error, run__outcome__stage="infer")


def test_the_report_is_of_its_schema() -> None:
    result = sample.report_on(FaceLandmarker=sample.orin(), HandLandmarker=sample.mesa())
    jsonschema.validate(json.loads(report.as_json(result)), schema("verify"))
    assert result["verdict"] == "software"
    assert not result["as_expected"]
    assert result["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_junit_tells_failures_from_errors() -> None:
    result = sample.report_on(
        FaceLandmarker=sample.orin(), HandLandmarker=sample.mesa(), PoseLandmarker=broken()
    )
    suite = ET.fromstring(report.junit(result).partition("\n")[2])  # noqa: S314 # our own text
    assert {key: suite.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "3", "failures": "1", "errors": "1",
    }  # fmt: skip
    cases = {case.get("name"): [child.tag for child in case] for case in suite}
    assert cases["FaceLandmarker"] == ["system-out"]
    assert "failure" in cases["HandLandmarker"]
    assert "error" in cases["PoseLandmarker"]


def test_gauges() -> None:
    document = sample.report_on(FaceLandmarker=sample.orin())
    text = report.prometheus(document)
    values = dict(
        line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")
    )
    name = "mediapipe_jetson_verify_verdict"
    assert values[name + '{task="all",verdict="gpu",emulated="false"}'] == "1"
    assert values[name + '{task="FaceLandmarker",verdict="cpu",emulated="false"}'] == "0"
    assert values["mediapipe_jetson_verify_as_expected"] == "1"
    frame = 'mediapipe_jetson_verify_frame_seconds{task="FaceLandmarker",delegate="gpu"}'
    assert float(values[frame]) == pytest.approx(0.008)
    assert float(values["mediapipe_jetson_verify_time_seconds"]) == document["time_s"]


@pytest.mark.parametrize(
    ("observed", "expected", "state", "code"),
    [
        (sample.orin(), "gpu", "OK", 0),
        (sample.mesa(), "software", "OK", 0),
        (sample.mesa(), "gpu", "WARNING", 1),
        (broken(), "gpu", "CRITICAL", 2),
        (sample.changed(sample.orin(), cpu=None), "gpu", "UNKNOWN", 3),
    ],
)
def test_nagios(observed: dict[str, Any], expected: str, state: str, code: int) -> None:
    line, ended = report.nagios(sample.report_on(expected, FaceLandmarker=observed))
    assert line.startswith(f"MEDIAPIPE {state} - ")
    assert ended == code
    assert line.count("|") <= 1
    assert "\n" not in line


def test_freshness() -> None:
    now, boot = 1_000_000.0, "b"
    base = {"time_s": now - 10, "boot_id": boot}
    for changes, expected in (
        ({}, "fresh"),
        ({"time_s": now - 101}, "old"),
        ({"time_s": now + 60}, "fresh"),
        ({"time_s": now + 3600}, "future"),
        ({"boot_id": "other"}, "other-boot"),
        ({"boot_id": None}, None),
        ({"time_s": None}, None),
        ({"time_s": True}, None),
        ({"time_s": float("nan")}, None),
        ({"time_s": -5}, None),
    ):
        assert report.freshness({**base, **changes}, boot, now, 100) == expected, changes
    for uptime, expected in (
        (40.0, "fresh"), (0, "old"), (500, "future"), (None, "fresh"), (-5, None), ("40", None),
        (True, None), (float("nan"), None), (float("inf"), None), (10**400, None), ([], None),
    ):  # fmt: skip
        assert report.freshness({**base, "uptime_s": uptime}, boot, now, 30, 45.0) == expected, (
            uptime
        )
    assert report.freshness(base, None, now, 100) is None


def test_a_report_is_judged_by_its_observations_not_by_its_word(tmp_path: Path) -> None:
    result = sample.report_on(FaceLandmarker=sample.mesa())
    result["verdict"] = result["tasks"]["FaceLandmarker"]["verdict"] = "gpu"
    path = tmp_path / "report.json"
    path.write_text(report.as_json(result))
    done = wheel("verify", "--read", str(path))
    assert done.returncode == 1
    assert done.stdout.startswith("software (expected gpu")

    good = sample.report_on(FaceLandmarker=sample.orin())
    path.write_text(report.as_json(good))
    assert wheel("verify", "--read", str(path)).returncode == 0
    old = {"uptime_s": good["uptime_s"] - 90000}
    for changes in ({"boot_id": "another"}, old, {"time_s": None}):
        path.write_text(report.as_json({**good, **changes}))
        done = wheel("verify", "--read", str(path))
        assert (done.returncode, done.stdout.split()[0]) == (1, "unknown"), changes
        assert wheel("verify", "--read", str(path), "--nagios").returncode == 3


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"schema": "mediapipe-jetson/verify/1"}', "\x00",
                '{"schema": "mediapipe-jetson/verify/1", "level": "full", "observations": '
                '{"device": {}, "tasks": {"FaceLandmarker": 3}}}'],
)  # fmt: skip
def test_what_is_no_report_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(content)
    done = wheel("verify", "--read", str(path))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_an_earlier_report_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Without models nothing works: what is there afterwards is of this run, whole."""
    outputs = {name: tmp_path / name for name in ("json", "junit", "prometheus")}
    for path in outputs.values():
        path.write_text("verdict: gpu, of another day")
    arguments = [word for name, path in outputs.items() for word in (f"--{name}", str(path))]
    done = wheel("verify", "--models", str(tmp_path / "none"), *arguments)
    assert done.returncode == 11
    assert "broken [run-not-gpu]\n    the model is not there: no model" in done.stdout
    document = json.loads(outputs["json"].read_text())
    jsonschema.validate(document, schema("verify"))
    assert document["verdict"] == "broken"
    assert "another day" not in outputs["junit"].read_text() + outputs["prometheus"].read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(outputs)

    # What does not get as far as a report touches nothing.
    outputs["json"].write_text("earlier")
    (tmp_path / "no report").write_text("{}")
    for wrong in (("--task", "Nothing"), ("--read", str(tmp_path / "no report"))):
        assert wheel("verify", "--json", str(outputs["json"]), *wrong).returncode == 2
        assert outputs["json"].read_text() == "earlier"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--level", "soak"],
        ["--minutes", "3"],
        ["--level", "soak", "--minutes", "0"],
        ["--expect", "unknown"],
        ["--task", "Holistic"],
        ["--timeout", "-1"],
        ["--json", "/no/such/folder/report.json"],
        ["--json", "/"],
        ["--read", "/no/such/report.json"],
        ["surplus"],
    ],
)
def test_bad_usage(arguments: list[str]) -> None:
    done = wheel("verify", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_a_report_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report.write(path, "first")
    with pytest.raises(UnicodeEncodeError):
        report.write(path, "half \ud800")
    assert path.read_text() == "first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]
    assert path.stat().st_mode & 0o777 == 0o644
