"""The command line of `./inv verify`, its exit codes, and what is made of a fleet's results."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mediapipe_jetson import verify as device_verify

from jetson_kit.core.errors import BadInputError, IntegrityError, StepFailedError
from jetson_kit.core.paths import ROOT
from jetson_kit.verify import command as verify_command
from jetson_kit.verify import fleet as verify_fleet
from jetson_kit.verify import local as verify
from jetson_kit.verify import view as verify_view
from jetson_kit.verify.command import Outputs, VerifyRequest
from jetson_kit.verify.fleet import Options
from jetson_kit.verify.host_results import Case, Fleet, HostResult

SCHEMA = ROOT / "jetson_kit" / "schemas" / "fleet-verify.schema.json"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"inventory": Path("x"), "local": True}, "--local is for this machine"),
        ({"inventory": Path("x"), "image": "y"}, "--image is for this machine"),
        ({"inventory": Path("x"), "venv": True}, "--venv is for this machine"),
        ({"inventory": Path("x"), "variant": "emulated"}, "--variant is for this machine"),
        ({"inventory": Path("x"), "expect": "cpu"}, "mediapipe_expect"),
        ({"limit": "a"}, "--limit is for an inventory"),
        ({"output": Path("a")}, "--output is for an inventory"),
        ({"venv": True, "image": "y"}, "--venv uses no image"),
        ({"image": "y", "variant": "emulated"}, "exclude each other"),
        ({"outputs": Outputs(json=Path("x"), junit=Path("./x"))}, "two of the paths"),
        ({"venv": Path("x"), "outputs": Outputs(junit=Path("./x"))}, "two of the paths"),
        ({"inventory": Path("x"), "outputs": Outputs(prometheus=Path("x"))}, "two of the paths"),
        (
            {"inventory": Path("i"), "output": Path("x"), "outputs": Outputs(json=Path("x"))},
            "two of the paths",
        ),
        ({"inventory": Path("/no/such/inventory")}, "there is no inventory"),
        ({"inventory": Path("x"), "level": "soak"}, "is not for an inventory"),
        ({"inventory": Path("x"), "tasks": ("Nose",)}, "there is no task 'Nose'"),
        ({"tasks": ("Nose",)}, "there is no task 'Nose'"),
        ({"level": "deep"}, "--level 'deep'?"),
        ({"level": "soak"}, "need each other"),
        ({"minutes": 5.0}, "need each other"),
        ({"expect": "broken"}, "--expect 'broken'?"),
    ],
)
def test_bad_usage(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(BadInputError) as refused:
        verify_command.main(VerifyRequest(**given))
    assert expected in refused.value.line()


def test_nagios_has_its_line_whatever_happens() -> None:
    for arguments in (
        ["--task", "Nose"],
        ["--json"],
        ["--minutes", "x"],
        ["-i", "/no/such"],
        ["--no"],
    ):
        done = subprocess.run(
            [sys.executable, "tasks.py", "verify", "--nagios", *arguments],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout.count("\n"), done.stderr) == (3, 1, ""), done
        assert done.stdout.startswith("MEDIAPIPE UNKNOWN - error: ")


def test_old_outputs_stay_until_there_are_new_ones(tmp_path: Path) -> None:
    paths = (tmp_path / "json", tmp_path / "junit", tmp_path / "prometheus")
    for path in paths:
        path.write_text("old")
    with pytest.raises(BadInputError):
        verify_command.main(VerifyRequest(tasks=("Nose",), outputs=Outputs(*paths)))
    assert [path.read_text() for path in paths] == ["old"] * 3


def test_a_fleets_reports_stay_until_a_host_is_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't begin touches none; a host that was not reached has none afterwards."""
    hosts = tmp_path / "hosts.yml"
    hosts.write_text("all: {hosts: {a: {ansible_host: 127.0.0.1, ansible_port: 1}}}")
    place = tmp_path / "reports"
    place.mkdir()
    (place / "a.json").write_text("old")

    def full(**_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr("jetson_kit.verify.fleet.tempfile.TemporaryDirectory", full)
        verify_fleet.run(hosts, Options(), folder=place)
    assert (place / "a.json").read_text() == "old"
    (host,) = verify_fleet.run(hosts, Options(), folder=place).hosts
    assert not host.as_expected
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("good", "verdict", "code"), [(True, "cpu", 0), (False, "cpu", 1), (False, "broken", 11)]
)
def test_verdict_codes(good: bool, verdict: str, code: int) -> None:
    assert verify.verdict_code({"as_expected": good, "verdict": verdict}) == code


def test_what_is_no_report() -> None:
    with pytest.raises(StepFailedError, match="left no report: error: no model"):
        verify.checked(b" ", "one\nerror: no model\n")
    for raw in (b"{", b"[]", b'{"schema": "mediapipe-jetson/verify/1", "verdict": "gpu"}'):
        with pytest.raises(IntegrityError, match="does not fit its schema"):
            verify.checked(raw)


def test_a_folder_that_is_no_venv(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(BadInputError, match="no virtual environment"):
        verify.in_venv(tmp_path, verify.VerifyOptions())


def test_a_venv_without_mediapipe(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
    with pytest.raises(BadInputError, match="has not both"):
        verify.in_venv(tmp_path, verify.VerifyOptions())


SUITE = '<testsuite name="{}" tests="1" failures="{}" errors="0" skipped="0" />'
GOOD = HostResult("a", "gpu", True, "gpu", {"FaceLandmarker": "gpu"}, "fine", passed=9,
                  report="a.json", suite=SUITE.format("a", 0),
                  skipped=(Case("test_x", "not here"),))  # fmt: skip
WRONG = HostResult("b", "gpu", False, "cpu", {"FaceLandmarker": "cpu"}, "no | driver",
                   failed=(Case("test_y", "no driver\n  -> start it"),), report="b.json",
                   suite=SUITE.format("b", 1))  # fmt: skip
GONE = HostResult("c", "gpu", False, None, reason="cannot reach c", suite=SUITE.format("c", 1),
                  failed=(Case("reachable", "cannot reach c"),))  # fmt: skip
BROKEN = replace(WRONG, host="d", verdict="broken", suite=SUITE.format("d", 1))


@pytest.mark.parametrize(
    ("hosts", "exit_code", "state"),
    [
        ((GOOD,), 0, "OK"),
        ((GOOD, WRONG), 1, "WARNING"),
        ((GOOD, GONE), 1, "CRITICAL"),
        ((BROKEN, WRONG), 11, "CRITICAL"),
    ],
)
def test_a_fleets_end(hosts: tuple[HostResult, ...], exit_code: int, state: str) -> None:
    fleet = Fleet("mine", Path("x"), 1.5, hosts)
    jsonschema.validate(json.loads(json.dumps(fleet.as_json())), json.loads(SCHEMA.read_text()))
    assert verify_view.exit_code(fleet) == exit_code
    line, code = verify_view.nagios(fleet)
    assert line.startswith(f"MEDIAPIPE {state} - ")
    assert code == {"OK": 0, "WARNING": 1, "CRITICAL": 2}[state]
    assert line.count("|") == 1
    assert "\n" not in line
    suites = list(ET.fromstring(fleet.junit()).iter("testsuite"))  # noqa: S314
    assert [suite.get("name") for suite in suites] == [host.host for host in hosts]
    gauges = verify_view.prometheus(fleet)
    for host in hosts:
        assert f'fleet_as_expected{{host="{host.host}"}} {int(host.as_expected)}' in gauges


def test_a_boards_words_end_no_label() -> None:
    odd = replace(GOOD, verdict='g"pu\\', tasks={'x"} 1\nother{y="': "gpu"})
    lines = verify_view.prometheus(Fleet("mine", Path("x"), 1.5, (odd,))).splitlines()
    verdicts = [line for line in lines if line.startswith("mediapipe_jetson_fleet_verdict{")]
    assert verdicts == [
        r'mediapipe_jetson_fleet_verdict{host="a",task="all",verdict="g\"pu\\"} 1',
        r'mediapipe_jetson_fleet_verdict{host="a",task="x\"} 1\nother{y=\"",verdict="gpu"} 1',
    ]
    assert len(lines) == 10


def test_the_table_shows_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    verify_view.show(Fleet("mine", Path("x"), 1.5, (GOOD, WRONG, GONE)))
    captured = capsys.readouterr()
    assert "b: test_y" in captured.out
    assert "-> start it" in captured.out
    assert "not tested on a: test_x: not here" in captured.err


def test_a_tables_row_is_one_line_where_no_terminal_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    long = replace(WRONG, reason="no driver " * 30 + "here")
    verify_view.show(Fleet("mine", Path("x"), 1.5, (long,)))
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("b ")]
    assert "here; 0 passed, 1 failed, 0 skipped" in row


def test_names_of_folders(tmp_path: Path) -> None:
    hosts = tmp_path / "mine" / "hosts.yml"
    hosts.parent.mkdir()
    hosts.touch()
    names = [verify_fleet.default_folder(path).name for path in (hosts, hosts.parent)]
    assert names == ["mine", "mine"]
    (tmp_path / "fleet.yml").touch()
    assert verify_fleet.default_folder(tmp_path / "fleet.yml").name == "fleet"


def test_options_for_the_suite() -> None:
    assert Options(("FaceLandmarker",), "full").arguments() == [
        "--verify-task", "FaceLandmarker", "--verify-level", "full",
    ]  # fmt: skip
    assert Options().arguments() == []


def test_tests_on_a_device_need_hosts() -> None:
    """Plain pytest must not take this machine for a device."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/device"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "no hosts: ./inv verify -i INVENTORY" in done.stdout
    assert "passed" not in done.stdout


UNREPORTS = {
    "cut": (b'{"schema": "mediapipe-jetson/verify/1", "x', "line 1: it is not valid JSON"),
    "empty": (b"", "line 1: it is not valid JSON"),
    "packed": (b"\x1f\x8b\x08\x00", "it is not UTF-8"),
    "deep": (b"[" * 100_000, "it is nested too deeply"),
    "two": (b"{}\n{}\n", "line 2: it is not valid JSON"),
    "a list": (b"[]", "its schema is not mediapipe-jetson/verify/1"),
    "damaged": (
        b'{"schema": "mediapipe-jetson/verify/1", "level": "full", "observations": null}',
        "it is damaged: its observations are not as verify writes them",
    ),
}


@pytest.mark.parametrize("kind", UNREPORTS)
def test_what_is_no_report_is_said_plainly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    content, why = UNREPORTS[kind]
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(SystemExit) as caught:
        device_verify.main(["--read", str(path)])
    message = capsys.readouterr().err
    assert (caught.value.code, message.count("\n")) == (2, 1)
    assert f"report.json is no report: {why}" in message
