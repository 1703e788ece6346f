"""Verdicts on observations that try to fool the rules: each rule has a case on each side."""

from __future__ import annotations

from typing import Any

import pytest
from mediapipe_jetson.verify import rules, session

from tests.unit.verify import samples as sample
from tests.unit.verify.cases import CASES
from tests.unit.verify.cases.case import Case
from tests.unit.verify.samples import changed, window


def judged(case: Case) -> dict[str, Any]:
    base = sample.orin() if case.base == "orin" else sample.mesa()
    device: dict[str, Any] = dict(sample.ORIN if case.base == "orin" else sample.PC)
    device["emulation"] = None if case.made_of is None else device["emulation"] | case.made_of
    device["soc"] = (case.made_of or {}).get("soc", device["soc"])
    task = case.patches.get("run__task", "FaceLandmarker")
    of_task = {f"{part}__task": task for part in base if part not in case.patches}
    observed = changed(base, **{**of_task, **case.patches})
    return session.judge_task(observed, session.tasks()[task], case.level, device)


@pytest.mark.parametrize("case", CASES, ids=lambda item: item.name)
def test_no_verdict_is_wrong(case: Case) -> None:
    result = judged(case)
    own = rules.judge("run", result["facts"]["run"])
    assert (result["verdict"], own.rule, result["rule"]) == (
        case.verdict,
        case.run_rule,
        case.task_rule,
    ), result["reasons"]
    assert "?" not in result["reason"].replace("libGLESv2", ""), result["reason"]
    assert result["verdict"] == "gpu" or result["remedy"] or case.task_rule == "asked-for-cpu"


def other_than(condition: Any) -> Any:
    """Return a value that a condition does not hold for."""
    return next(
        value
        for value in (None, "another", "ok", "broken", "none", True, False)
        if not rules.holds(condition, value)
    )


@pytest.mark.parametrize("table", ["run", "task"])
def test_each_rule_has_a_case_on_each_side(table: str) -> None:
    """Every rule decided a case; the same facts but one, for each condition, are not its own."""
    decided = {
        rules.judge(table, facts).rule: facts
        for facts in (judged(item)["facts"][table] for item in CASES)
    }
    assert set(decided) - {rules.NO_RULE} == {rule["id"] for rule in rules.book()[table]}
    for rule in rules.book()[table]:
        for name, condition in rule["when"].items():
            facts = {**decided[rule["id"]], name: other_than(condition)}
            assert rules.judge(table, facts).rule != rule["id"], (rule["id"], name)


def test_each_condition_of_the_passing_rules_is_needed() -> None:
    good = judged(CASES[0])["facts"]
    for table in ("run", "task"):
        rule = next(rule for rule in rules.book()[table] if rule["id"] == "gpu")
        for name in rule["when"]:
            unknown = {**good[table], name: None}
            assert rules.judge(table, unknown).verdict != "gpu", name


def test_anything_left_out_is_no_pass() -> None:
    """Whatever part of a good run's observations is missing, gpu does not come out."""
    for part in ("mediapipe", "outcome", "context", "work", "driver", "result", "hardware"):
        observed = sample.orin()
        del observed["run"][part]
        task = session.judge_task(observed, session.tasks()["FaceLandmarker"], "full", sample.ORIN)
        # The log still names the renderer where the context was not read.
        expected = ("gpu",) if part == "context" else ("unknown", "broken")
        assert task["verdict"] in expected, (part, task["reason"])
    empty = session.judge_task({}, session.tasks()["FaceLandmarker"], "full", sample.ORIN)
    assert empty["verdict"] == "broken"


@pytest.mark.parametrize(
    ("verdicts", "freshness", "expected", "rule"),
    [
        (["gpu", "gpu"], "fresh", "gpu", "all-gpu"),
        (["gpu", "cpu"], "fresh", "cpu", "some-cpu"),
        (["cpu", "software"], "fresh", "software", "some-software"),
        (["gpu", "unknown"], "fresh", "unknown", "some-unknown"),
        (["unknown", "broken", "gpu"], "fresh", "broken", "some-broken"),
        ([], "fresh", "unknown", "nothing-judged"),
        (["gpu"], "old", "unknown", "stale-report"),
        (["gpu"], "other-boot", "unknown", "other-boot"),
        (["gpu"], "future", "unknown", "future-report"),
        (["gpu"], None, "unknown", "undated-report"),
    ],
)
def test_the_weakest_task_decides_for_the_device(
    verdicts: list[str], freshness: str | None, expected: str, rule: str
) -> None:
    tasks = {f"task{at}": {"verdict": verdict} for at, verdict in enumerate(verdicts)}
    judgement = session.judge_device(tasks, freshness)
    assert (judgement.verdict, judgement.rule) == (expected, rule)


def test_every_device_rule_was_tried() -> None:
    assert {rule["id"] for rule in rules.book()["device"]} == {
        "all-gpu", "some-cpu", "some-software", "some-unknown", "some-broken", "nothing-judged",
        "stale-report", "other-boot", "future-report", "undated-report",
    }  # fmt: skip


def test_warnings_change_no_verdict() -> None:
    slow = sample.changed(
        sample.orin(),
        run__times_s__frames=[2.0, 0.09, 0.09],
        run__soak=[window(), window(median_s=0.02)],
    )
    task = session.judge_task(slow, session.tasks()["FaceLandmarker"], "soak", sample.ORIN)
    assert task["verdict"] == "gpu"
    assert [hint["id"] for hint in task["warnings"]] == [
        "throttled",
        "slower-than-cpu",
        "cpu-submodels",
    ]
    steady = session.judge_task(
        sample.orin(), session.tasks()["FaceLandmarker"], "full", sample.ORIN
    )
    assert [hint["id"] for hint in steady["warnings"]] == ["cpu-submodels"]


def test_conditions() -> None:
    assert rules.holds({"not": ["ok"]}, "error")
    assert not rules.holds({"not": ["ok"]}, None)
    assert rules.holds([None, "none"], None)
    assert not rules.holds(False, None)
    assert not rules.holds(0, False)
