"""One board in one line: what its report came to, judged once, and which evidence that was."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.paths import SCHEMAS
from jetson_kit.core.text import HIDDEN, plain
from jetson_kit.report import rows
from jetson_kit.report.task import UNKNOWN
from jetson_kit.report.values import at, number

SCHEMA = "mediapipe-jetson-kit/board-summary/1"
VERIFY, DOCTOR, STATUS = "verify", "doctor", "status"
NONE, ABSENT, SOUND = "none", "absent", "sound"
MOST_NAME, MOST_REASONS, MOST_TASKS = 160, 8, 20
MOST_LINE = 96 * 1024
"""The longest line that a summary can be, in bytes, with every text as JSON's escapes."""


@dataclass(frozen=True)
class Summary:
    """A board; `evidence` is the sha256 of the document that was judged, "" without one."""

    kind: str
    site: str
    host: str
    verdict: str = NONE
    expected: str = ""
    good: bool = False
    state: str = ABSENT
    reasons: tuple[str, ...] = ()
    remedy: str = ""
    tasks: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    release: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    time_s: float | None = None
    evidence: str = ""
    bytes: int = 0
    machine: str = ""
    """For status alone: the same for all names of one running machine."""

    def as_json(self) -> dict[str, Any]:
        """Return the document of schemas/board-summary.schema.json."""
        result = {"schema": SCHEMA, **asdict(self), "reasons": list(self.reasons)}
        if not self.machine:
            del result["machine"]
        return result

    def at(self, now_s: float, expect: str = "") -> Summary:
        """Return it as of a time: what is too old, or of the future, is no evidence."""
        result = replace(self, expected=expect or self.expected)
        if self.kind != VERIFY or self.state != SOUND:
            return result
        result = replace(result, good=self.good if not expect else self.verdict == expect)
        seconds = None if self.time_s is None else now_s - self.time_s
        if (alert := rows.age_alert(seconds)) is None:
            return result
        return replace(
            result, state=alert[0], verdict=UNKNOWN, good=False, remedy="",
            reasons=(alert[1], *self.reasons)[:MOST_REASONS],
        )  # fmt: skip


def of_device(device: rows.Device, site: str = "") -> Summary:
    """Return the line of a report that was judged."""
    document: Mapping[str, Any] = device.report.document or {}
    versions = {
        "device_wheel": document.get("mediapipe_jetson"),
        "l4t": at(document, "observations", "device", "l4t"),
    }
    reasons = device.alerts or ((device.why,) if device.why else ())
    return Summary(
        kind=VERIFY,
        site=site,
        host=plain(device.name, MOST_NAME),
        verdict=device.verdict if device.verdict in rows.VERDICTS else UNKNOWN,
        expected=device.expected if device.expected in rows.VERDICTS else "",
        good=device.as_expected,
        state=device.state,
        reasons=tuple(plain(reason) for reason in reasons[:MOST_REASONS]),
        remedy=plain(device.remedy),
        tasks=_tasks(device),
        image=plain(document.get("image_digest"), MOST_NAME),
        versions={name: text for name, value in versions.items() if (text := plain(value, 60))},
        model=plain(device.model, MOST_NAME),
        time_s=number(document.get("time_s")),
        evidence=device.report.sha256,
        bytes=device.report.size,
    )


def _tasks(device: rows.Device) -> dict[str, str]:
    known = [name for name in rows.known_tasks() if name in device.tasks]
    verdicts = {name: device.tasks[name].verdict for name in known[:MOST_TASKS]}
    return {name: item if item in rows.VERDICTS else UNKNOWN for name, item in verdicts.items()}


def absent(kind: str, site: str, host: str, why: str) -> Summary:
    """Return the line of a board of which nothing is known, and why."""
    return Summary(kind, site, plain(host, MOST_NAME), reasons=(plain(why),))


def parse(body: Mapping[str, Any]) -> Summary:
    """Return a line that somebody else wrote. Raises IntegrityError for what is none."""
    if wrong := best_match(_validator().iter_errors(body)):
        place = ".".join(str(part)[:40] for part in wrong.absolute_path) or "the line"
        raise IntegrityError(f"{place}: {plain(wrong.message, 120)}")
    if any(HIDDEN.search(text) or "\n" in text or "\t" in text for text in _texts(body)):
        raise IntegrityError("it has control characters, or such as turn text around")
    time_s = body["time_s"]
    if time_s is not None and not (math.isfinite(time_s) and abs(time_s) < 1e12):
        raise IntegrityError("its time is none")
    as_expected = body["state"] == SOUND and body["verdict"] == body["expected"]
    if body["good"] and not as_expected:
        raise IntegrityError("it is good by its own word, and not by its verdict or state")
    facts = {name: value for name, value in body.items() if name != "schema"}
    return Summary(**{**facts, "reasons": tuple(body["reasons"])})


def _texts(body: Mapping[str, Any]) -> Sequence[str]:
    values: list[Any] = [*body.values(), *body["reasons"], *body["tasks"].values()]
    return [value for value in [*values, *body["versions"].values()] if isinstance(value, str)]


@cache
def _validator() -> Draft202012Validator:
    path = SCHEMAS / "board-summary.schema.json"
    return Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))
