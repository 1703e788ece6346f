"""What the tests on a host came to: from pytest's XML and the report, to one document of all."""

from __future__ import annotations

import contextlib
import json
import xml.etree.ElementTree as ET
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jetson_kit.service.expectation import Expectation

SCHEMA = "mediapipe-jetson-kit/fleet-verify/1"
REACHABLE = "reachable"


@dataclass(frozen=True)
class Case:
    """A test that failed or was skipped, and why."""

    test: str
    why: str


@dataclass(frozen=True)
class HostResult:
    """What was found out about one host."""

    host: str
    expected: str
    as_expected: bool
    verdict: str | None
    """None where no report could be had."""
    tasks: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    failed: tuple[Case, ...] = ()
    skipped: tuple[Case, ...] = ()
    passed: int = 0
    report: str | None = None
    """File name in the folder of the reports."""
    seconds: float = 0.0
    suite: str = ""
    """JUnit's XML of this host's tests."""


@dataclass(frozen=True)
class Fleet:
    """All hosts of a run, in the inventory's order; `time_s` counts from 1970."""

    inventory: str
    folder: Path
    time_s: float
    hosts: tuple[HostResult, ...]

    @property
    def bad(self) -> tuple[HostResult, ...]:
        """Return the hosts that are not as expected."""
        return tuple(host for host in self.hosts if not host.as_expected)

    def as_json(self) -> dict[str, Any]:
        """Return the document of schemas/fleet-verify.schema.json."""
        rows = {}
        for host in self.hosts:
            row = asdict(host)
            del row["suite"], row["host"]
            row["failed"], row["skipped"] = list(row["failed"]), list(row["skipped"])
            rows[host.host] = row
        return {
            "schema": SCHEMA,
            "time_s": self.time_s,
            "inventory": self.inventory,
            "as_expected": not self.bad,
            "hosts": rows,
        }

    def junit(self) -> str:
        """Return JUnit's XML: a suite for each host."""
        top = ET.Element("testsuites")
        for host in self.hosts:
            top.append(ET.fromstring(host.suite))  # noqa: S314 # our own pytest wrote it
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(top, "unicode") + "\n"


def unreached(host: str, requested: str, why: str) -> HostResult:
    """Return the result of a host that gave no answer, or whose tests did not run."""
    case = Case(REACHABLE, why)
    suite = _suite(host, case)
    return HostResult(host, requested, False, None, reason=why, failed=(case,), suite=suite)


def _suite(host: str, case: Case) -> str:
    top = ET.Element("testsuite", name=host, tests="1", failures="1", errors="0", skipped="0")
    row = ET.SubElement(top, "testcase", classname="device", name=case.test)
    ET.SubElement(row, "failure", message=case.why)
    return ET.tostring(top, "unicode")


def read(
    host: str, expected: Expectation, place: Path, junit: Path, code: int, output: str, taken: float
) -> HostResult:
    """Return what pytest's XML and the report say; without them nothing is as expected."""
    try:
        suite = next(iter(ET.parse(junit).getroot().iter("testsuite")))  # noqa: S314 # our own
    except (OSError, ET.ParseError, StopIteration):
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        last = lines[-1] if lines else f"exit code {code}"
        return unreached(host, expected.verdict, f"the tests did not run: {last}")
    failed, skipped, passed = _cases(host, suite)
    report: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        report = json.loads((place / f"{host}.json").read_text(encoding="utf-8"))
    reason = failed[0].why.splitlines()[0] if failed else report.get("reason", "")
    good = code == 0 and passed > 0 and bool(report)
    return HostResult(
        host=host,
        expected=expected.verdict,
        as_expected=good,
        verdict=report.get("verdict"),
        tasks={name: task["verdict"] for name, task in report.get("tasks", {}).items()},
        reason=reason or ("" if good else f"the tests ended with exit code {code}"),
        failed=failed,
        skipped=skipped,
        passed=passed,
        report=f"{host}.json" if report else None,
        seconds=taken,
        suite=ET.tostring(suite, "unicode"),
    )


def _cases(host: str, suite: ET.Element) -> tuple[tuple[Case, ...], tuple[Case, ...], int]:
    failed, skipped, passed = [], [], 0
    for case in suite.iter("testcase"):
        name = str(case.get("name", "")).replace(f"ansible://{host}", "")
        name = name.replace("[]", "").replace("[-", "[")
        bad = next((element for kind in ("failure", "error") for element in case.iter(kind)), None)
        left = next(iter(case.iter("skipped")), None)
        if bad is not None:
            failed.append(Case(name, _words(bad)))
        elif left is not None:
            skipped.append(Case(name, str(left.get("message", ""))))
        else:
            passed += 1
    return tuple(failed), tuple(skipped), passed


def _words(node: ET.Element) -> str:
    text = (node.text or node.get("message") or "").strip()
    return text.removeprefix("Failed: ")
