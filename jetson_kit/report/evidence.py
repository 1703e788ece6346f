"""What a task's runs observed, by family, side by side: the run and its controls."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jetson_kit.core.text import counted, word
from jetson_kit.report.values import at, milliseconds, number, numbers, pairs, rows

RUNS = (("run", "Run"), ("cpu", "CPU control"), ("withheld", "Driver withheld"))
MOST_ITEMS = 12
MOST_LOG = 3000
CONTEXT = (
    ("gl_vendor", "GL vendor"),
    ("gl_renderer", "GL renderer"),
    ("gl_version", "GL version"),
    ("egl_vendor", "EGL vendor"),
    ("egl_version", "EGL version"),
    ("vk_device_name", "Vulkan adapter"),
    ("vk_device_type", "Vulkan type"),
    ("vk_driver_name", "Vulkan driver"),
)
COUNTERS = (
    ("gl_dispatch", "GL dispatches"),
    ("gl_draw", "GL draws"),
    ("vk_dispatch", "Vulkan dispatches"),
    ("vk_submit", "Vulkan submits"),
)
CREATED = (("gl_link_program", "GL programs linked"), ("egl_create_context", "EGL contexts made"))


@dataclass(frozen=True)
class Line:
    """One observation; a cell for each run, a cell's items below each other."""

    label: str
    cells: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Family:
    """Observations of one kind."""

    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Log:
    """What a run's library and driver wrote."""

    title: str
    text: str


def heads(observed: Any) -> list[str]:  # noqa: ANN401 # JSON
    """Return the names of the runs that there are."""
    return [title for key, title in RUNS if at(observed, key)]


def families(observed: Any) -> list[Family]:  # noqa: ANN401 # JSON
    """Return a task's observations; lines on which nothing was seen are left out."""
    runs = [at(observed, key) for key, _ in RUNS if at(observed, key)]
    tables = (
        ("Outcome", _outcome(runs)),
        ("Context", _context(runs)),
        ("Work", _work(runs)),
        ("Driver", _driver(runs)),
        ("Hardware", _hardware(runs)),
        ("Result", _result(runs)),
        ("Times", _times(runs)),
    )
    result = []
    for name, table in tables:
        lines = tuple(Line(label, cells) for label, cells in table if any(cells))
        if lines:
            result.append(Family(name, lines))
    return result


def logs(observed: Any) -> list[Log]:  # noqa: ANN401 # JSON
    """Return the runs' own logs, cut to their ends."""
    result = []
    for key, title in RUNS:
        text = at(observed, key, "stderr")
        if isinstance(text, str) and text.strip():
            text = text.strip()
            if len(text) > MOST_LOG:
                text = f"{text[: MOST_LOG // 3]}\n[…]\n{text[-MOST_LOG * 2 // 3 :]}"
            result.append(Log(title, text))
    return result


Table = list[tuple[str, tuple[tuple[str, ...], ...]]]
Runs = Sequence[Any]


def _cells(values: Sequence[Any]) -> tuple[tuple[str, ...], ...]:
    """Return texts as cells of one item, nothing as an empty cell."""
    return tuple((text,) if (text := word(value, 600)) else () for value in values)


def _same(runs: Runs, rows_: Sequence[tuple[str, str]], *place: str) -> Table:
    return [(label, _cells([at(run, *place, key) for run in runs])) for key, label in rows_]


def _outcome(runs: Runs) -> Table:
    def ended(run: Any) -> str:  # noqa: ANN401
        outcome = at(run, "outcome")
        if at(outcome, "timed_out") is True:
            return "no answer in time"
        if word(at(outcome, "signal")):
            return f"ended by {word(at(outcome, 'signal'))}"
        code = number(at(outcome, "exit_code"))
        return "" if code is None else f"exit code {code:.0f}"

    def error(run: Any) -> str:  # noqa: ANN401
        message = at(run, "outcome", "error")
        return ": ".join(filter(None, (word(at(message, "type")), word(at(message, "text"), 600))))

    return [
        ("Delegate", _cells([at(run, "delegate") for run in runs])),
        ("Reached", _cells([at(run, "outcome", "stage") for run in runs])),
        ("Ended", _cells([ended(run) for run in runs])),
        ("Error", _cells([error(run) for run in runs])),
        ("MediaPipe", _cells([at(run, "mediapipe") for run in runs])),
    ]


def _context(runs: Runs) -> Table:
    return _same(runs, CONTEXT, "context")


def _work(runs: Runs) -> Table:
    def least(run: Any, name: str) -> str:  # noqa: ANN401
        frames = rows(at(run, "work", "frames"))[_warmup(run) :]
        seen = numbers([at(frame, name) for frame in frames])
        if not seen:
            return ""
        low, high = min(seen), max(seen)
        return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"

    per_frame: Table = [
        (f"{label} a frame", _cells([least(run, key) for run in runs])) for key, label in COUNTERS
    ]
    return [
        *per_frame,
        *(
            (f"{label} at creation", _cells([at(run, "work", "create", key) for run in runs]))
            for key, label in CREATED
        ),
    ]


def _driver(runs: Runs) -> Table:
    def libraries(run: Any, moment: str) -> list[str]:  # noqa: ANN401
        return [word(row, 200) for row in rows(at(run, "driver", moment, "libraries"))]

    def came(run: Any) -> tuple[str, ...]:  # noqa: ANN401
        before = set(libraries(run, "before") or libraries(run, "start"))
        return _some([library for library in libraries(run, "during") if library not in before])

    def devices(run: Any) -> tuple[str, ...]:  # noqa: ANN401
        result = rows(at(run, "driver", "during", "devices"))
        return _some(
            [
                " · ".join(filter(None, (word(at(item, "path")), word(at(item, "driver")))))
                for item in result
            ]
        )

    def mapped(run: Any) -> str:  # noqa: ANN401
        names = libraries(run, "during")
        return f"{len(names)}" if names else ""

    return [
        ("Device nodes open", tuple(devices(run) for run in runs)),
        ("Libraries mapped", _cells([mapped(run) for run in runs])),
        ("Mapped with the task", tuple(came(run) for run in runs)),
    ]


def _hardware(runs: Runs) -> Table:
    def sources(run: Any) -> tuple[str, ...]:  # noqa: ANN401
        samples = at(run, "hardware", "samples")
        if at(run, "hardware", "present") is False:
            return ("no counter found",)
        if not isinstance(samples, Mapping):
            return ()
        return _some(
            [
                f"{word(name)}: {counted(len(rows(sample)), 'sample')}"
                for name, sample in samples.items()
            ]
        )

    def clocks(run: Any, when: str) -> tuple[str, ...]:  # noqa: ANN401
        result = at(run, "hardware", when)
        if not isinstance(result, Mapping):
            return ()
        return _some([f"{word(name)}: {word(item)} Hz" for name, item in result.items()])

    return [
        ("Counters", tuple(sources(run) for run in runs)),
        ("On-off cycles", _cells([len(pairs(at(run, "bursts"))) or "" for run in runs])),
        ("Clocks before", tuple(clocks(run, "clocks_before") for run in runs)),
        ("Clocks after", tuple(clocks(run, "clocks_after") for run in runs)),
        ("Power mode", _cells([at(run, "hardware", "power_mode") for run in runs])),
    ]


def _result(runs: Runs) -> Table:
    def scores(run: Any) -> str:  # noqa: ANN401
        result = numbers(at(run, "result", "scores"))
        if not result:
            return ""
        if len(result) > MOST_ITEMS:
            return f"{len(result)}, mean {statistics.fmean(result):.3f}"
        return ", ".join(f"{item:.3f}" for item in result)

    def size(run: Any, key: str) -> str:  # noqa: ANN401
        return str(len(rows(at(run, "result", key))) or "")

    return [
        ("Found", _cells([at(run, "result", "count") for run in runs])),
        ("Landmarks", _cells([size(run, "points") for run in runs])),
        ("Mask cells", _cells([size(run, "mask") for run in runs])),
        (
            "Labels",
            tuple(_some([word(row) for row in rows(at(run, "result", "labels"))]) for run in runs),
        ),
        ("Scores", _cells([scores(run) for run in runs])),
    ]


def _times(runs: Runs) -> Table:
    def seconds(run: Any, key: str) -> str:  # noqa: ANN401
        value = number(at(run, "times_s", key))
        return "" if value is None else milliseconds(value * 1e3)

    def frames(run: Any, *, first: bool) -> str:  # noqa: ANN401
        result = numbers(at(run, "times_s", "frames"))
        part = result[: _warmup(run)] if first else result[_warmup(run) :]
        return milliseconds(statistics.median(part) * 1e3) if part else ""

    return [
        ("Import", _cells([seconds(run, "import") for run in runs])),
        ("Creation", _cells([seconds(run, "create") for run in runs])),
        ("First frame", _cells([frames(run, first=True) for run in runs])),
        ("Median frame", _cells([frames(run, first=False) for run in runs])),
    ]


def _warmup(run: Any) -> int:  # noqa: ANN401 # JSON
    result = number(at(run, "warmup")) or 0
    return int(min(max(result, 0), 1000))


def _some(items: Sequence[str]) -> tuple[str, ...]:
    """Return the first items, and how many more there are."""
    more = len(items) - MOST_ITEMS
    return (*items[:MOST_ITEMS], f"and {more} more") if more > 0 else tuple(items)
