"""`./inv verify -i`: a fleet on this machine's Docker, over a real ssh, well and wrong."""

from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from jetson_kit.core.paths import ROOT
from jetson_kit.verify import local as verify
from tests.support.here import cannot_run_here
from tests.verify.conftest import Started
from tests.verify.fleet import MUTANTS, command, docker

pytestmark = [pytest.mark.docker, pytest.mark.network, pytest.mark.slow]
SCHEMA = ROOT / "jetson_kit" / "schemas" / "fleet-verify.schema.json"


@dataclass(frozen=True)
class Run:
    """One `verify -i` and all that it wrote."""

    done: subprocess.CompletedProcess[str]
    folder: Path
    document: dict[str, Any]
    junit: ET.Element
    gauges: str

    def failed(self, host: str) -> dict[str, str]:
        """Return the failed tests of a host, and why."""
        return {case["test"]: case["why"] for case in self.document["hosts"][host]["failed"]}


def run(inventory: Path, folder: Path, *arguments: str) -> Run:
    names = [folder / name for name in ("fleet.json", "fleet.xml", "fleet.prom")]
    done = command(
        folder, "verify", "-i", str(inventory), "--output", str(folder / "reports"), "--json",
        str(names[0]), "--junit", str(names[1]), "--prometheus", str(names[2]), *arguments,
    )  # fmt: skip
    assert names[0].exists(), done.stderr
    document = json.loads(names[0].read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    junit = ET.fromstring(names[1].read_text())  # noqa: S314 # our own
    return Run(done, folder, document, junit, names[2].read_text())


@pytest.fixture(scope="module")
def well(started: Started, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("well")
    (folder / "reports").mkdir()
    (folder / "reports" / "good.json").write_text("a report of an earlier run")
    return run(started.inventory, folder, "--limit", "good")


@pytest.fixture(scope="module")
def wrong(started: Started, tmp_path_factory: pytest.TempPathFactory) -> Run:
    everything = [*MUTANTS, "missing-container", "unreachable", "other-key"]
    if "privileged" not in started.unstarted:
        everything.append("privileged")
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "reports").mkdir()
    (folder / "reports" / "unreachable.json").write_text("a report of an earlier run")
    return run(started.inventory, folder, "--limit", ",".join(everything))


def test_as_it_must_be(well: Run) -> None:
    assert well.done.returncode == 0, well.done.stdout + well.done.stderr
    host = well.document["hosts"]["good"]
    assert (well.document["as_expected"], host["verdict"], host["failed"]) == (True, "software", [])
    assert host["tasks"] == {"FaceLandmarker": "software"}
    left_out = {case["test"] for case in host["skipped"]}
    assert left_out == {
        "test_the_release_is_known",
        "test_the_nvidia_runtime_is_registered",
        "test_the_toolkit_is_none_known_to_be_broken",
    }
    assert all(case["why"] for case in host["skipped"])
    assert "good" in well.done.stdout
    assert re.search(r"not tested on good: test_the_release_is_known: no Jetson", well.done.stderr)


def test_the_report_is_kept_whole(well: Run) -> None:
    raw = (well.folder / "reports" / "good.json").read_bytes()
    report = verify.checked(raw)
    assert report["verdict"] == "software"
    assert sorted(path.name for path in (well.folder / "reports").iterdir()) == ["good.json"]


def test_junit_and_gauges(well: Run, wrong: Run) -> None:
    suite = next(well.junit.iter("testsuite"))
    assert (suite.get("name"), suite.get("failures"), suite.get("errors")) == ("good", "0", "0")
    assert 'as_expected{host="good"} 1' in well.gauges
    suites = {element.get("name"): element for element in wrong.junit.iter("testsuite")}
    assert set(suites) == set(wrong.document["hosts"])
    for name, item in suites.items():
        assert int(item.get("failures", 0)) + int(item.get("errors", 0)) > 0, name
        assert f'as_expected{{host="{name}"}} 0' in wrong.gauges


@pytest.mark.parametrize("name", MUTANTS)
def test_each_wrong_thing_is_told(wrong: Run, name: str) -> None:
    """By the test that is for it, and by no other."""
    result = wrong.failed(name)
    assert set(result) == set(MUTANTS[name].tells), result
    for test, expected in MUTANTS[name].tells.items():
        assert expected in result[test]
        assert "-> " in result[test]
    assert not wrong.document["hosts"][name]["as_expected"]


def test_privileged(wrong: Run, started: Started) -> None:
    if why := started.unstarted.get("privileged"):
        cannot_run_here(f"no privileged container starts here: {why}")
    result = wrong.failed("privileged")
    assert "privileged: expected False, found True" in result["test_privilege"]
    assert set(result) <= {"test_privilege", "test_capabilities", "test_devices", "test_mounts"}


def test_a_missing_container(wrong: Run) -> None:
    result = wrong.failed("missing-container")
    assert all("there is no container" in why for why in result.values()), result
    assert "test_verify_says_what_is_expected" in result
    assert wrong.document["hosts"]["missing-container"]["verdict"] is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("unreachable", "cannot reach"), ("other-key", "the host key of")],
)
def test_a_host_that_ssh_does_not_reach(wrong: Run, name: str, expected: str) -> None:
    host = wrong.document["hosts"][name]
    assert (host["as_expected"], host["verdict"], host["report"]) == (False, None, None)
    assert [case["test"] for case in host["failed"]] == ["reachable"]
    assert expected in host["reason"]
    assert "\n" not in host["reason"]
    assert wrong.done.returncode == 1
    assert not (wrong.folder / "reports" / f"{name}.json").exists()


def test_one_line_for_nagios(started: Started, tmp_path: Path) -> None:
    done = command(
        tmp_path, "verify", "-i", str(started.inventory), "--limit", "unreachable", "--nagios",
        "--output", str(tmp_path / "reports"),
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith(
        "MEDIAPIPE CRITICAL - 1 of 1 not as expected: unreachable: cannot"
    )


def test_the_suite_alone_says_that_a_host_is_not_reached(
    started: Started, tmp_path: Path, in_suite: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = in_suite(
        started.inventory, "unreachable", f"--reports={tmp_path}", "-k", "docker_answers"
    )
    assert done.returncode == 1
    assert "cannot reach unreachable" in done.stdout
    assert "Traceback" not in done.stdout


def test_nothing_is_left_of_the_controls(well: Run, image: str) -> None:
    assert well.document["hosts"]["good"]["passed"] > 15
    remaining = docker(
        "ps", "--all", "--quiet", "--filter", f"ancestor={image}", "--filter", "status=exited"
    )
    assert not remaining
