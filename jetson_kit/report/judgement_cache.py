"""Each report judged once: its line is cached by the report's sha256 and the rules' own."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.files import locked, sha256_file, write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.report import read, rejudge, rows, summary
from jetson_kit.report.summary import Summary
from jetson_kit.wheels.device_wheel import SOURCE

# Whole documents are in memory only for so many at a time.
BATCH = 200
MOST_CACHED = 100_000
# These depend on this run, not on the report.
PASSING = ("unchecked", "unreadable")
HERE = Path(__file__).parent


def lines(paths: Sequence[Path], now_s: float, expect: str = "") -> tuple[Summary, ...]:
    """Return the line of each report as of a time (seconds since 1970); `expect` overrides."""
    keys = {path: _key(path) for path in paths}
    known = _cached()
    todo = [path for path in paths if keys[path] not in known]
    fresh = {
        path: line
        for at in range(0, len(todo), BATCH)
        for path, line in _judge(todo[at : at + BATCH])
    }
    added = {keys[path]: line for path, line in fresh.items() if line.state not in PASSING}
    if added:
        _store(added)
    summaries = [fresh.get(path) or known[keys[path]] for path in paths]
    return tuple(line.at(now_s, expect) for line in summaries)


def _judge(paths: Sequence[Path]) -> Iterator[tuple[Path, Summary]]:
    """Yield lines that depend on no clock: each is as of the time that its report names."""
    reports = [read.read(path) for path in paths]
    answers = rejudge.judge(reports)
    for report in reports:
        time_s = (report.document or {}).get("time_s")
        now = time_s if isinstance(time_s, int | float) else time.time()
        yield report.path, summary.of_device(rows.device(report, answers.get(report.path), now))


def _key(path: Path) -> str:
    """Return what a line depends on: the file's content, and its name, which names the board."""
    try:
        return f"{sha256_file(path)} {path.stem}"
    except OSError:
        return f"unreadable {path}"


def _cached() -> dict[str, Summary]:
    """Return the lines that these rules have judged; a damaged cache is an empty one."""
    try:
        rows_ = json.loads(_place().read_text(encoding="utf-8"))
        return {key: summary.parse(row) for key, row in rows_.items()}
    except (OSError, ValueError, AttributeError, TypeError, IntegrityError):
        return {}


def _store(added: dict[str, Summary]) -> None:
    place = _place()
    with locked(cache_dir("locks") / "reports.lock", lambda: None):
        whole = {**_cached(), **added}
        latest = dict(list(whole.items())[-MOST_CACHED:])
        write_text(place, json.dumps({key: line.as_json() for key, line in latest.items()}))
        for other in place.parent.glob("judged-*.json"):
            if other != place:
                other.unlink(missing_ok=True)


@cache
def _place() -> Path:
    """Return the cache of these rules: those of the device wheel, and what makes lines of them."""
    sources = [*(SOURCE / "src" / "mediapipe_jetson").rglob("*.py"), *HERE.glob("*.py")]
    sources += (SOURCE / "src" / "mediapipe_jetson" / "data").rglob("*.json")
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return cache_dir("reports") / f"judged-{digest.hexdigest()[:16]}.json"
