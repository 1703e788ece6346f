"""Logs of `run` and of applications: one line a message, as text or as JSON, on standard error.

A JSON line is an object with time (RFC 3339, UTC), level, logger and message; `fields`, given as
logging's `extra`, stand beside them. What repeats is left out after a while and counted.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, Optional

from mediapipe_jetson.usage import line

FORMATS = ("text", "json")
FORMAT_VARIABLE = "MEDIAPIPE_JETSON_LOG_FORMAT"
# Messages of one form that are let through in so many seconds.
MOST = 20
WINDOW_S = 60.0
# Forms that are counted at a time: messages that are all different can't fill the memory.
FORMS = 1000
TRACEBACK_MOST = 4000
OWN = ("time", "level", "logger", "message", "suppressed", "exception", "traceback")


class Json(logging.Formatter):
    """Writes a message as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        body: dict[str, Any] = {
            "time": f"{when}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": line(record.getMessage()),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            body |= {str(key): value for key, value in fields.items() if key not in OWN}
        if suppressed := getattr(record, "suppressed", 0):
            body["suppressed"] = suppressed
        if record.exc_info and record.exc_info[1] is not None:
            kind, error, where = record.exc_info
            body["exception"] = line(f"{getattr(kind, '__name__', kind)}: {error}")
            text = "".join(traceback.format_exception(kind, error, where))
            body["traceback"] = text[-TRACEBACK_MOST:]
        return _dumped(body)


def _dumped(body: dict[str, Any]) -> str:
    """Return one JSON object; a value that JSON can't hold becomes its text."""
    try:
        return json.dumps(body, default=str, allow_nan=False)
    except Exception:  # whatever an application's value does when it is asked for its text
        return json.dumps({key: _plain(value) for key, value in body.items()})


def _plain(value: object) -> object:
    try:
        json.dumps(value, allow_nan=False)
    except Exception:
        try:
            return line(repr(value))
        except Exception:
            return f"a {type(value).__name__} without a text"
    return value


class Text(logging.Formatter):
    """Writes a message as it is, an error with that word before it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or lines where there is a traceback."""
        text = line(record.getMessage())
        if record.exc_info:
            text += f"\n{self.formatException(record.exc_info)}"
        if suppressed := getattr(record, "suppressed", 0):
            text += f" ({suppressed} more like it were left out)"
        return f"error: {text}" if record.levelno >= logging.ERROR else text


class Repeats(logging.Filter):
    """Lets a message of one form through MOST times in WINDOW_S, and counts the others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._forms: dict[tuple[str, str], list[float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to write it; the first after a pause says how many were not."""
        now, form = self._clock(), (record.name, str(record.msg)[:200])
        with self._lock:
            if form not in self._forms and len(self._forms) >= FORMS:
                self._forms.clear()
            since, passed, left = self._forms.get(form, [now, 0, 0])
            if now - since >= WINDOW_S:
                if left:
                    record.suppressed = int(left)
                since, passed, left = now, 0, 0
            allowed = passed < MOST
            self._forms[form] = [since, passed + 1, left if allowed else left + 1]
        return allowed


def set_up(form: str = "", level: int = logging.INFO) -> None:
    """Write all that is logged to standard error; `form` is text or json, "" as the variable says.

    Handlers that were there are replaced. With json an uncaught exception is a line, too. Raises
    ValueError for another form.
    """
    chosen = form or os.environ.get(FORMAT_VARIABLE) or FORMATS[0]
    if chosen not in FORMATS:
        raise ValueError(f"{FORMAT_VARIABLE} is {chosen!r}: write text or json")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if chosen == "json" else Text())
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    if chosen == "json":
        logging.captureWarnings(True)
        sys.excepthook = _uncaught
        threading.excepthook = _of_thread


def from_environment() -> None:
    """Set up what the variable asks for, unless the program has set up logging itself."""
    if os.environ.get(FORMAT_VARIABLE) and not logging.getLogger().handlers:
        set_up()


def error(text: str) -> None:
    """Say what ends a command: by the log that was set up, else as one line."""
    if json_lines():
        logging.getLogger("mediapipe_jetson").error("%s", text)
    else:
        print(line(f"error: {text}"), file=sys.stderr)


def json_lines() -> bool:
    """Tell whether the log is one of JSON."""
    handlers = logging.getLogger().handlers
    return bool(handlers) and isinstance(handlers[0].formatter, Json)


def _uncaught(
    kind: type[BaseException], value: BaseException, where: Optional[TracebackType]
) -> None:
    logging.getLogger("mediapipe_jetson").critical(
        "ended by %s", kind.__name__, exc_info=(kind, value, where)
    )


def _of_thread(details: threading.ExceptHookArgs) -> None:
    if details.exc_value is not None and details.exc_type is not SystemExit:
        _uncaught(details.exc_type, details.exc_value, details.exc_traceback)
