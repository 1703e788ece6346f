"""What the tests on a host came to: from pytest's XML and the report, to one document of all."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jetson_kit.report import junit
from jetson_kit.service.expectation import Expectation

SCHEMA = "mediapipe-jetson-kit/fleet-verify/1"
REACHABLE = "reachable"
STEP = "step: "
"""What tests/device prints before the name of each of its parts."""


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
        return junit.document(host.suite for host in self.hosts)


def unreached(host: str, requested: str, why: str) -> HostResult:
    """Return the result of a host that gave no answer, or whose tests did not run."""
    case = Case(REACHABLE, why)
    suite = junit.Suite(host, (junit.Case(REACHABLE, why),), "device").xml()
    return HostResult(host, requested, False, None, reason=why, failed=(case,), suite=suite)


def read(
    host: str, expected: Expectation, place: Path, xml: Path, code: int, output: str, taken: float
) -> HostResult:
    """Return what pytest's XML and the report say; without them nothing is as expected."""
    try:
        suite, cases = junit.read_suite(xml)
    except (OSError, ValueError):
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        last = lines[-1] if lines else f"exit code {code}"
        return unreached(host, expected.verdict, f"the tests did not run: {last}")
    failed = tuple(
        Case(_test(host, case.name), case.failure.removeprefix("Failed: "))
        for case in cases
        if case.failure
    )
    skipped = tuple(Case(_test(host, case.name), case.skipped) for case in cases if case.skipped)
    passed = len(cases) - len(failed) - len(skipped)
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
        suite=suite,
    )


def _test(host: str, name: str) -> str:
    """Return a test's name without what names its host."""
    return name.replace(f"ansible://{host}", "").replace("[]", "").replace("[-", "[")
