"""A check's result: ok, bad or unknown, always with what it saw or why it saw nothing."""

from __future__ import annotations

import dataclasses

from mediapipe_jetson.doctor.finding import Finding

OK, BAD, UNKNOWN = "ok", "bad", "unknown"


@dataclasses.dataclass(frozen=True)
class Result:
    """One check's answer.

    `fills` are the words for the cause's cure and reason; `cure` names one of its other cures,
    `title` one of its other titles.
    """

    status: str
    evidence: tuple[str, ...]
    fills: tuple[tuple[str, str], ...] = ()
    cure: str = ""
    findings: tuple[Finding, ...] = ()
    title: str = ""


class UnseenError(Exception):
    """What a check needs can't be seen here; the text is the reason."""


def ok(*evidence: str) -> Result:
    """Return that this cause is not at work here."""
    return Result(OK, evidence)


def bad(*evidence: str, cure: str = "", findings: tuple[Finding, ...] = (), **fills: str) -> Result:
    """Return that this cause is at work here."""
    return Result(BAD, evidence, tuple(sorted(fills.items())), cure, findings)


def unknown(reason: str, *more: str) -> Result:
    """Return that it could not be seen, and why."""
    return Result(UNKNOWN, (reason, *more))
