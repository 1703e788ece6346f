"""What a case of the verdict's rules is."""

from __future__ import annotations

from typing import Any, NamedTuple


class Case(NamedTuple):
    """What is changed of the observations, and what must come of it."""

    name: str
    verdict: str
    run_rule: str
    task_rule: str
    base: str
    patches: dict[str, Any]
    level: str
    made_of: dict[str, Any] | None


def case(name: str, verdict: str, run_rule: str, task_rule: str = "run-not-gpu",
         base: str = "orin", level: str = "full", made_of: dict[str, Any] | None = {},  # noqa: B006
         **patches: Any) -> Case:  # fmt: skip
    return Case(name, verdict, run_rule, task_rule, base, patches, level, made_of)
