"""Logs of `run` and of applications: a line a message, as text or JSON, and never without end."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mediapipe_jetson import logs

from jetson_kit.wheels.device_wheel import SOURCE


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    result = logging.LogRecord("a.b", logging.WARNING, "x.py", 1, message, arguments, None)
    result.created, result.msecs = 1735689600.25, 250.0
    for key, value in extra.items():
        setattr(result, key, value)
    return result


def parsed(log_record: logging.LogRecord) -> dict[str, Any]:
    text = logs.Json().format(log_record)
    assert "\n" not in text
    assert text.isprintable()
    result: dict[str, Any] = json.loads(text)
    return result


def test_a_message_is_one_object() -> None:
    assert parsed(record("%s of %d", "one", 2, fields={"fps": 29.5})) == {
        "time": "2025-01-01T00:00:00.250Z",
        "level": "warning",
        "logger": "a.b",
        "message": "one of 2",
        "fps": 29.5,
    }


@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "é\u2028", "x" * 100_000, "\ud800"])
def test_no_message_breaks_its_line(text: str) -> None:
    assert len(logs.Json().format(record("%s", text))) < 10_000
    parsed(record("%s", text))


def test_fields_replace_nothing_and_may_be_anything() -> None:
    body = parsed(record("x", fields={"level": "none", "place": Path("/x"), 3: None}))
    assert (body["level"], body["place"], body["3"]) == ("warning", "/x", None)


def test_an_exception_is_in_the_object() -> None:
    try:
        int("first\nsecond")
    except ValueError:
        body = parsed(record("x", exc_info=sys.exc_info()))
    assert body["exception"].startswith("ValueError: invalid literal for int()")
    assert body["traceback"].startswith("Traceback")
    assert len(body["traceback"]) <= logs.TRACEBACK_MOST


def test_what_repeats_is_counted() -> None:
    now = [0.0]
    limit = logs.Repeats(lambda: now[0])
    passed = sum(limit.filter(record("frame %d", number)) for number in range(1000))
    assert passed == logs.MOST
    assert limit.filter(record("another"))
    now[0] = logs.WINDOW_S
    after = record("frame %d", 1001)
    assert limit.filter(after)
    assert parsed(after)["suppressed"] == 1000 - logs.MOST
    assert logs.Text().format(after).endswith("(980 more like it were left out)")
    later = record("frame %d", 1002)
    assert limit.filter(later)
    assert "suppressed" not in parsed(later)


def test_messages_that_all_differ_do_not_fill_the_memory() -> None:
    limit = logs.Repeats(lambda: 0.0)
    for number in range(3 * logs.FORMS):
        limit.filter(record(f"frame {number}"))
    assert len(limit._forms) <= logs.FORMS


def program(
    *arguments: str, variables: dict[str, str] | None = None, code: str = ""
) -> subprocess.CompletedProcess[str]:
    command = ["-c", code] if code else ["-m", "mediapipe_jetson", *arguments]
    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": str(SOURCE / "src"), **(variables or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_run_that_fails_says_the_same_in_both_forms() -> None:
    arguments = ("run", "--source", "gone.avi", "--backend", "mediapipe-cpu")
    text, lines = program(*arguments), program(*arguments, "--log-format", "json")
    by_variable = program(*arguments, variables={logs.FORMAT_VARIABLE: "json"})
    assert (text.returncode, text.stdout, lines.stdout) == (lines.returncode, "", "")
    assert text.returncode != 0
    (line,) = lines.stderr.splitlines()
    body = json.loads(line)
    assert text.stderr == f"error: {body['message']}\n"
    assert (body["level"], body["logger"]) == ("error", "mediapipe_jetson.run")
    assert body["exit_code"] == text.returncode
    assert json.loads(by_variable.stderr)["message"] == body["message"]


def test_a_form_that_is_none_is_one_line() -> None:
    for variables, arguments in (
        ({logs.FORMAT_VARIABLE: "xml"}, ()),
        ({}, ("--log-format", "xml")),
    ):
        done = program("run", "--source", "x", *arguments, variables=variables)
        assert done.returncode == 2
        assert "xml" in done.stderr
        assert done.stderr.count("\n") == 1


APPLICATION = """
import logging, warnings
from mediapipe_jetson import application
from mediapipe_jetson.pipeline import Pipeline
logging.getLogger("door").info("open")
try:
    application.run(Pipeline([], lambda frame: frame))
except Exception:
    pass
logging.getLogger("door").info("closed %s", 1, extra={"fields": {"frames": 0}})
warnings.warn("old")
raise RuntimeError("no camera")
"""


def test_an_application_needs_no_code_for_it() -> None:
    done = program(code=APPLICATION, variables={logs.FORMAT_VARIABLE: "json"})
    rows = [json.loads(text) for text in done.stderr.splitlines()]
    assert [row["level"] for row in rows] == ["info", "warning", "critical"]
    assert (rows[0]["message"], rows[0]["frames"]) == ("closed 1", 0)
    assert rows[2]["exception"] == "RuntimeError: no camera"
    plain = program(code=APPLICATION)
    assert plain.stderr.splitlines()[-1] == "RuntimeError: no camera"


def test_logging_that_a_program_set_up_stays() -> None:
    code = f"import logging\nlogging.basicConfig(format='own %(message)s')\n{APPLICATION}"
    done = program(code=code, variables={logs.FORMAT_VARIABLE: "json"})
    assert '{"time"' not in done.stderr


class Textless:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


def _circular() -> list[object]:
    value: list[object] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "fields", [{"v": float("nan")}, {"v": _circular()}, {"v": Textless()}, ["no", "dict"], 7]
)
def test_any_fields_make_one_line_of_json(fields: object) -> None:
    record = logging.makeLogRecord({"msg": "a", "levelname": "INFO", "fields": fields})
    text = logs.Json().format(record)
    assert "\n" not in text
    body = json.loads(text, parse_constant=pytest.fail)
    assert body["message"] == "a"
    assert body["level"] == "info"


def test_an_exception_in_a_thread_is_a_line() -> None:
    program = (
        "import threading\nfrom mediapipe_jetson import logs\nlogs.set_up('json')\n"
        "thread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE / "src")},
    )  # fmt: skip
    (row,) = done.stderr.splitlines()
    assert json.loads(row)["exception"].startswith("ZeroDivisionError")
