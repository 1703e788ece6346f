"""`verify`: where inference really runs, by observations that must agree."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.diagnosis import refused_here
from mediapipe_jetson.doctor.files import unreadable
from mediapipe_jetson.exit_codes import BROKEN, DONE, NEGATIVE
from mediapipe_jetson.models import MODELS_VARIABLE, models_folder
from mediapipe_jetson.options import MEBIBYTE, input_file, output_file, positive
from mediapipe_jetson.usage import Parser
from mediapipe_jetson.verify import report, session

LEVELS = ("quick", "full", "soak")
MAX_AGE_S = 86400.0
NAGIOS_UNKNOWN = 3
REPORT_MOST = 64 * MEBIBYTE


def parser() -> Parser:
    """Return the command line."""
    known = tuple(session.tasks())
    result = Parser("verify", "Say where inference runs: gpu, software, cpu, broken or unknown.")
    add = result.add_argument
    add("--task", action="append", choices=known, metavar="TASK",
        help=f"one of {', '.join(known)}; may be repeated (default: quick takes "
             f"{', '.join(session.QUICK_TASKS)}, else all)")  # fmt: skip
    add("--level", choices=LEVELS, default="quick", help="default: quick")
    add("--minutes", type=positive, help="how long `soak` lasts, for each task")
    add("--delegate", choices=("gpu", "cpu"), default="gpu", help="default: gpu")
    add("--expect", choices=("gpu", "software", "cpu"), default="gpu", help="default: gpu")
    add("--models", type=Path, help=f"default: ${MODELS_VARIABLE}")
    add("--timeout", type=positive, default=300.0, metavar="S", help="seconds, for each process")
    add("--json", type=output_file, metavar="FILE", help=f"write the report ({report.SCHEMA})")
    add("--junit", type=output_file, metavar="FILE", help="write JUnit XML")
    add(
        "--prometheus",
        type=output_file,
        metavar="FILE",
        help="write gauges for a text file collector",
    )
    add("--nagios", action="store_true", help="print one line, and end as a Nagios plug-in")
    add(
        "--read",
        type=input_file(REPORT_MOST),
        metavar="FILE",
        help="judge a report again in place of a new run",
    )
    add("--max-age", type=positive, default=MAX_AGE_S, metavar="S",
        help="with --read: how old it may be (default: a day)")  # fmt: skip
    return result


def main(arguments: Sequence[str]) -> int:
    """Verify; return 0 if as expected, 1 if not, 11 if broken."""
    line = parser()
    if "--nagios" in arguments:
        line.error_code = NAGIOS_UNKNOWN
    options = line.parse_args(arguments)
    if (options.level == "soak") != (options.minutes is not None):
        line.error("--level soak and --minutes N need each other")
    outputs = [path for path in (options.json, options.junit, options.prometheus) if path]
    places = [path.resolve() for path in (*outputs, options.read) if path]
    if len(set(places)) < len(places):
        line.error("two of the files that are read and written are one")
    # A CPU that lacks a feature gets a report that says so; one that was not shown has none.
    if not options.read and (never := refused_here()) and never.cause == "emulation":
        if options.nagios:
            print(f"MEDIAPIPE CRITICAL - {never.message}")
        else:
            print(f"error: {never.message}", file=sys.stderr)
        return BROKEN
    result = _read(options, line) if options.read else _verify(options)
    for path, content in (
        (options.json, report.as_json),
        (options.junit, report.junit),
        (options.prometheus, report.prometheus),
    ):
        if path:
            report.write(path, content(result))
    if options.nagios:
        status, code = report.nagios(result)
        print(status)
        return code
    print(report.text(result))
    return exit_code(result)


def exit_code(result: Mapping[str, Any]) -> int:
    """Return 0 if the verdict is the expected one, 11 if something is broken, else 1."""
    if result["as_expected"]:
        return DONE
    return BROKEN if result["verdict"] == "broken" else NEGATIVE


def _verify(options: argparse.Namespace) -> dict[str, Any]:
    names: Optional[Sequence[str]] = options.task and list(dict.fromkeys(options.task))
    if not names:
        names = session.QUICK_TASKS if options.level == "quick" else session.usual_tasks()
    settings = session.Settings(
        level=options.level,
        delegate=options.delegate.upper(),
        models=options.models or models_folder(),
        timeout_s=options.timeout,
        soak_s=(options.minutes or 0.0) * 60,
    )

    def progress(name: str) -> None:
        if sys.stderr.isatty() and not options.nagios:
            print(f"{name} ...", file=sys.stderr)

    judgements, observations = session.verify(names, settings, progress)
    return report.document(judgements, observations, settings, options.expect)


def _read(options: argparse.Namespace, line: Parser) -> dict[str, Any]:
    try:
        old = report.parse(options.read.read_bytes())
        result = report.rejudge(old, options.max_age)
    except OSError as error:
        line.error(f"{options.read} can't be read: {error.strerror}")
    except (ValueError, RecursionError) as error:
        line.error(f"{options.read} is no report: {unreadable.why(error)}")
    result["expected"] = options.expect
    result["as_expected"] = result["verdict"] == options.expect
    return result
