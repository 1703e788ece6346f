"""All sites' lines as one result: a document, JUnit's XML, gauges, and one exit code."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from jetson_kit.core import text as texts
from jetson_kit.core.errors import (
    BadInputError,
    BrokenError,
    CheckFailedError,
    IntegrityError,
)
from jetson_kit.core.files import disk_guard, write_text
from jetson_kit.core.text import plain
from jetson_kit.fleet.sites import home
from jetson_kit.inspection.central import Event, SiteResult
from jetson_kit.report import junit, summary
from jetson_kit.report.gauges import Gauge, gauges_text
from jetson_kit.report.summary import MOST_REASONS, STATUS, VERIFY, Summary
from jetson_kit.report.task import UNKNOWN

SCHEMA = "mediapipe-jetson-kit/sites-inspection/1"
FOLDER = "inspections"
MOST_NAMED = 5
DRIFTED = "drifted"


@dataclass(frozen=True)
class Inspection:
    """What all sites came to; `time_s` is when it began, since 1970."""

    kind: str
    time_s: float
    sites: tuple[SiteResult, ...]
    boards: tuple[Summary, ...]

    @property
    def bad(self) -> tuple[Summary, ...]:
        """Return the boards that are not as they must be."""
        return tuple(board for board in self.boards if not board.good)

    @property
    def bad_sites(self) -> tuple[SiteResult, ...]:
        """Return the sites that have something wrong themselves."""
        return tuple(site for site in self.sites if site.wrong)

    def as_json(self) -> dict[str, Any]:
        """Return the document of schemas/sites-inspection.schema.json."""
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "time_s": self.time_s,
            "good": not (self.bad or self.bad_sites),
            "sites": [asdict(site) | {"wrong": site.wrong} for site in self.sites],
            "boards": [board.as_json() for board in self.boards],
        }

    def junit(self) -> str:
        """Return JUnit's XML: a suite for each site, in it a case for each board."""
        suites = []
        for site in self.sites:
            boards = [board for board in self.boards if board.site == site.site]
            cases = [junit.Case(board.host, "" if board.good else _why(board)) for board in boards]
            cases.append(junit.Case("site", "; ".join(site.wrong)))
            suites.append(junit.Suite(site.site, tuple(cases), site.site, round(site.seconds, 1)))
        return junit.document((suite.xml() for suite in suites), f"sites.{self.kind}")

    def prometheus(self) -> str:
        """Return gauges for a text file collector on the central controller."""
        gauges: list[Gauge] = [
            (
                "site_up",
                "Whether a site answered for all of its boards.",
                [(int(not site.problem), {"site": site.site}) for site in self.sites],
            ),
            ("board_good", "Whether a board is as it must be.", self._values(lambda b: b.good)),
            (
                "board_verdict",
                "What a board came to: 1 for the verdict that was found.",
                [(1, {"site": b.site, "host": b.host, "verdict": b.verdict}) for b in self.boards],
            ),
            (
                "board_time_seconds",
                "When a board was observed, since 1970.",
                self._values(lambda b: b.time_s),
            ),
            ("time_seconds", "When this was begun, since 1970.", [(self.time_s, {})]),
        ]
        return gauges_text("mediapipe_jetson_sites", gauges, {"kind": self.kind})

    def _values(self, value: Any) -> Iterator[tuple[float, Mapping[str, str]]]:  # noqa: ANN401
        for board in self.boards:
            number = value(board)
            if number is not None:
                yield (
                    (int(number) if isinstance(number, bool) else number),
                    {"site": board.site, "host": board.host},
                )

    def check(self) -> None:
        """Raise unless every board of every site is good: BrokenError, else CheckFailedError."""
        if not (self.bad or self.bad_sites):
            return
        parts = []
        if self.bad:
            listed = ", ".join(f"{board.site}/{board.host}" for board in self.bad[:MOST_NAMED])
            more = f" and {len(self.bad) - MOST_NAMED} more" if len(self.bad) > MOST_NAMED else ""
            parts.append(
                f"{len(self.bad)} of {texts.counted(len(self.boards), 'board')}: {listed}{more}"
            )
        if self.bad_sites:
            parts.append("; ".join(f"{s.site}: {', '.join(s.wrong)}" for s in self.bad_sites[:20]))
        kind = BrokenError if any(b.verdict == "broken" for b in self.bad) else CheckFailedError
        raise kind(f"not as expected: {'; '.join(parts)}", "./inv sites.report shows all of them")


def merged(kind: str, events: Iterable[Event], time_s: float | None = None) -> Inspection:
    """Return all lines and results, by sites and then by their boards' names."""
    begun = time.time() if time_s is None else time_s
    boards, sites = [], []
    for event in events:
        if isinstance(event, SiteResult):
            sites.append(event)
        else:
            boards.append(event)
    return Inspection(
        kind,
        round(begun, 3),
        tuple(sorted(sites, key=lambda site: site.site)),
        _apart(sorted(boards, key=lambda board: (board.site, board.host))),
    )


def _apart(boards: Sequence[Summary]) -> tuple[Summary, ...]:
    """Return lines of which none rests on the evidence of another board.

    A report names its board's boot and time, so that one of two boards with the same was copied.
    """
    owners: dict[str, list[Summary]] = {}
    for board in boards:
        if board.kind == VERIFY and board.evidence:
            owners.setdefault(board.evidence, []).append(board)
    result = []
    for board in boards:
        others = [other for other in owners.get(board.evidence, ()) if other is not board]
        if others:
            named = ", ".join(f"{other.site}/{other.host}" for other in others[:MOST_NAMED])
            reasons = (f"its evidence is also that of {plain(named, 200)}", *board.reasons)
            board = replace(  # noqa: PLW2901
                board, verdict=UNKNOWN, good=False, state="contradicted", remedy="",
                reasons=reasons[:MOST_REASONS],
            )  # fmt: skip
        result.append(board)
    return tuple(_one_each(result))


def _one_each(boards: Sequence[Summary]) -> list[Summary]:
    """Return lines of status of which those with one machine at two sites have drifted."""
    owners: dict[str, list[Summary]] = {}
    for board in boards:
        if board.kind == STATUS and board.machine:
            owners.setdefault(board.machine, []).append(board)
    return [twice(board, owners.get(board.machine, ())) for board in boards]


def twice(board: Summary, others: Iterable[Summary]) -> Summary:
    """Return a line of status with what other sites' boards are the same machine."""
    named = [f"{other.site}/{other.host}" for other in others if other.site != board.site]
    if not named:
        return board
    same = f"the same machine as {plain(', '.join(named[:MOST_NAMED]), 200)}"
    reasons = (same, *(text for text in board.reasons if text != same))
    verdict = board.verdict if board.verdict == summary.NONE else DRIFTED
    return replace(board, verdict=verdict, good=False, reasons=reasons[:MOST_REASONS])


def counted(boards: Iterable[Summary]) -> str:
    """Return how many boards have each verdict."""
    counts = Counter(board.verdict for board in boards)
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())


def keep(inspection: Inspection, beside: Collection[str] = ()) -> Path:
    """Write the last inspection of its kind into the controller's own folder.

    Sites named in `beside` were left out of it, and stay as the inspection before had them.
    """
    path = _path(inspection.kind)
    if beside:
        with contextlib.suppress(BadInputError, IntegrityError):
            inspection = _with_others(inspection, last(inspection.kind), beside)
    with disk_guard(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_text(path, json.dumps(inspection.as_json()) + "\n")
    return path


def _with_others(new: Inspection, old: Inspection, names: Collection[str]) -> Inspection:
    sites = [*new.sites, *(row for row in old.sites if row.site in names)]
    boards = [*new.boards, *(row for row in old.boards if row.site in names)]
    return replace(
        new,
        sites=tuple(sorted(sites, key=lambda site: site.site)),
        boards=tuple(sorted(boards, key=lambda board: (board.site, board.host))),
    )


def last(kind: str) -> Inspection:
    """Return the last inspection of a kind. Raises BadInputError without, IntegrityError."""
    path = _path(kind)
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        sites = [{name: row[name] for name in row if name != "wrong"} for row in body["sites"]]
        return Inspection(
            str(body["kind"]),
            float(body["time_s"]),
            tuple(SiteResult(**row) for row in sites),
            tuple(summary.parse(row) for row in body["boards"]),
        )
    except FileNotFoundError:
        raise BadInputError(
            f"no sites.{kind} has ended here", f"begin with ./inv sites.{kind} -i SITES"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, IntegrityError) as error:
        raise IntegrityError(f"{path} is damaged", f"run ./inv sites.{kind} again") from error


def _path(kind: str) -> Path:
    return home.where().folder / FOLDER / f"{kind}.json"


def _why(board: Summary) -> str:
    return "; ".join((board.verdict, *board.reasons))
