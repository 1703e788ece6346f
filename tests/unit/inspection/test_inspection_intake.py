"""Lines of a site: those of its own boards are taken, each once; all else is named."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from jetson_kit.core.errors import IntegrityError, NetworkError
from jetson_kit.inspection.intake import SPARE_LINES, Intake
from jetson_kit.report import summary
from jetson_kit.report.summary import Summary

BOARDS = ("b1", "b2")
GOOD = Summary(
    "verify", "berlin", "b1", "gpu", "gpu", True, "sound", ("all agree",), "",
    {"FaceLandmarker": "gpu"}, "sha256:" + "0" * 64, "r36.4.4", {"l4t": "36.4.4"}, "Orin", 1.5,
    "a" * 64, 48_000,
)  # fmt: skip


def intake(clock: Callable[[], float] = lambda: 0.0) -> Intake:
    return Intake("verify", "berlin", BOARDS, 100.0, clock)


def line(**changes: Any) -> dict[str, Any]:
    return {"kind": "board", "board": {**GOOD.as_json(), **changes}}


def test_a_line_comes_back_as_it_was_written() -> None:
    at = intake()
    assert at.take(json.loads(json.dumps(line()))) == GOOD
    assert at.take({"kind": "beat"}) is None
    assert at.take(line(host="b2")) is not None
    assert at.take({"kind": "end", "boards": 2}) is None
    assert at.ended
    assert at.missing("why") == []


def test_boards_without_a_line_have_failed_and_say_why() -> None:
    at = intake()
    at.take(line())
    (absent,) = at.missing("no sign of life")
    assert (absent.host, absent.verdict, absent.good) == ("b2", "none", False)
    assert absent.reasons == ("no sign of life",)
    assert summary.parse(absent.as_json()) == absent


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"host": "b3"}, "it has no board 'b3'"),
        ({"site": "tokyo"}, "of the site 'tokyo'"),
        ({"kind": "doctor"}, "a line of doctor"),
        ({"verdict": "splendid"}, "verdict"),
        ({"good": 1}, "good"),
        ({"host": ""}, "host"),
        ({"host": "b1\n"}, "control characters"),
        ({"remedy": "\x1b[2J"}, "control characters"),
        ({"reasons": ["fine \u202edab"]}, "control characters"),
        ({"model": "\ud800"}, "control characters"),
        ({"versions": {"l4t": "\x00"}}, "control characters"),
        ({"reasons": ["x" * 401]}, "reasons"),
        ({"reasons": ["x"] * 9}, "reasons"),
        ({"reasons": "x"}, "reasons"),
        ({"tasks": {"<script>": "gpu"}}, "tasks"),
        ({"tasks": {f"T{number}": "gpu" for number in range(21)}}, "tasks"),
        ({"evidence": "../../etc/passwd"}, "evidence"),
        ({"time_s": math.nan}, "its time"),
        ({"time_s": 1e300}, "its time"),
        ({"time_s": "now"}, "time_s"),
        ({"bytes": -1}, "bytes"),
        ({"surprise": 1}, "the line"),
        ({"schema": "mediapipe-jetson-kit/board-summary/2"}, "schema"),
    ],
)
def test_what_is_no_line_of_this_site_is_named(changes: dict[str, Any], why: str) -> None:
    at = intake()
    with pytest.raises(IntegrityError, match=why) as caught:
        at.take(line(**changes))
    assert "\n" not in caught.value.line()
    assert caught.value.message.startswith("berlin: ")
    assert at.seen == {}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"kind": "board"}, "no board"),
        ({"kind": "board", "board": []}, "no board"),
        ({"kind": "board", "board": {}}, "damaged"),
        ({"kind": "hello"}, "kind 'hello'"),
        ({"kind": "end", "boards": 2}, "another count"),
        ({"kind": "end"}, "another count"),
    ],
)
def test_other_lines_are_named(body: dict[str, Any], why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        intake().take(body)


def test_a_board_comes_once_and_nothing_comes_after_the_end() -> None:
    at = intake()
    at.take(line())
    with pytest.raises(IntegrityError, match="it sent b1 twice"):
        at.take(line(verdict="broken", good=False))
    assert at.seen["b1"] == GOOD
    at.take({"kind": "end", "boards": 1})
    with pytest.raises(IntegrityError, match="after its end"):
        at.take(line(host="b2"))


def test_endless_signs_of_life_end() -> None:
    at = intake()
    with pytest.raises(IntegrityError, match="more lines than it has boards"):
        for _ in itertools.repeat(None, SPARE_LINES + len(BOARDS) + 1):
            at.take({"kind": "beat"})


def test_a_site_has_a_time_for_all_of_it() -> None:
    ticks = iter([0.0, 50.0, 101.0])
    at = intake(lambda: next(ticks))
    at.take({"kind": "beat"})
    with pytest.raises(NetworkError, match="not done within 100 s"):
        at.take({"kind": "beat"})


def test_the_longest_line_fits_the_limit() -> None:
    """What the schema allows is not cut off on its way."""
    text, name = "\U0001f600" * 400, "\U0001f600" * 160
    longest = Summary(
        "verify", name, name, "software", "software", False, "contradicted", (text,) * 8, text,
        {f"T{number:02}{'x' * 30}": "software" for number in range(20)}, name, name,
        {f"v{number}{'x' * 30}": name for number in range(8)}, text, 1.5, "a" * 64, 10**9,
    )  # fmt: skip
    assert summary.parse(longest.as_json()) == longest
    sent = json.dumps({"kind": "board", "board": longest.as_json()})
    assert len(sent.encode()) < summary.MOST_LINE


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "broken"}, {"verdict": "broken", "expected": ""}, {"state": "stale"},
        {"verdict": "cpu", "expected": "gpu"},
    ],
)  # fmt: skip
def test_good_by_its_own_word_is_believed_by_nobody(change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="good by its own word"):
        summary.parse({**GOOD.as_json(), **change, "good": True})
