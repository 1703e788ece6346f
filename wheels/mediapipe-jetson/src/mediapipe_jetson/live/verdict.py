"""The last report of `verify`, judged again: what it proves now, and how old it is."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.doctor.files import unreadable
from mediapipe_jetson.verify import MAX_AGE_S, REPORT_MOST, gauges, report

# Where the fleet's role leaves it on a board, inside the container too.
REPORT = Path("/var/lib/mediapipe-jetson/reports/verify.json")
# A report that has not changed is judged again so often, as it may have become too old.
RECHECK_S = 60.0


@dataclass(frozen=True)
class Verdict:
    """`verdict` is none without a report; `time_s` is when it was observed, since 1970."""

    verdict: str
    reason: str
    time_s: Optional[float] = None
    report: Optional[dict[str, Any]] = None

    def as_json(self) -> dict[str, Any]:
        """Return what the page shows."""
        age_s = None if self.time_s is None else round(max(0.0, time.time() - self.time_s))
        return {"verdict": self.verdict, "reason": self.reason, "age_s": age_s}


class Verdicts:
    """Reads a report when its file has changed, or was last judged a minute ago."""

    def __init__(self, path: Path = REPORT) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._seen: Optional[tuple[int, int, int]] = None
        self._verdict_s = -RECHECK_S
        self._last = Verdict("none", "")

    def read(self) -> Verdict:
        """Return the verdict now; `unknown` for a file that is no report."""
        with self._lock:
            try:
                status = self.path.stat()
                seen = (status.st_mtime_ns, status.st_ino, status.st_size)
            except OSError as error:
                self._seen = None
                why = "verify has not run" if isinstance(error, FileNotFoundError) else error
                return Verdict("none", f"{self.path}: {getattr(why, 'strerror', why)}")
            if seen != self._seen or time.monotonic() - self._verdict_s >= RECHECK_S:
                self._last = _judge(self.path)
                self._seen, self._verdict_s = seen, time.monotonic()
            return self._last


def _content(path: Path) -> bytes:
    """Return a file's bytes. Raises OSError, ValueError."""
    # The folder is the application's: a pipe there would never answer.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as stream:
        content = stream.read(REPORT_MOST + 1) or b""
    if len(content) > REPORT_MOST:
        raise unreadable.FormError("it is too large")
    return content


def _judge(path: Path) -> Verdict:
    try:
        result = report.rejudge(report.parse(_content(path)), MAX_AGE_S)
        result["as_expected"] = result["verdict"] == result["expected"]
        result["time_s"] = float(result["time_s"])
        gauges.families(result)
    except OSError as error:
        return Verdict("unknown", f"{path} can't be read: {error.strerror}")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        return Verdict("unknown", f"{path} is no report: {unreadable.why(error)}")
    return Verdict(str(result["verdict"]), str(result["reason"]), result["time_s"], result)
