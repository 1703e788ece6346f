"""The cases of the verdict's rules."""

from __future__ import annotations

from tests.unit.verify.cases import attacks, boards, drivers, each_rule
from tests.unit.verify.cases.case import Case

CASES: tuple[Case, ...] = (
    *each_rule.CASES,
    *attacks.CASES,
    *boards.CASES,
    *drivers.CASES,
)
