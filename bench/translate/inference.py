"""What both libraries infer: the original on a new core, the translated one on an old core."""

from __future__ import annotations

import array
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.translate import old_kernel, tasks
from bench.translate.tasks import Inferred, Site, Work
from jetson_kit.core.errors import CheckFailedError
from jetson_kit.core.files import sha256_file
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.translate.rewrite import Translation

ORIGINAL, OLD = "cortex-a76", "cortex-a57"
CPU_TASKS = ("face", "hand", "pose", "gesture", "selfie")
# QEMU logs every system call.
OLD_KERNEL_TASKS = ("face", "selfie")
VIDEO_TASKS = ("face", "hand", "pose", "selfie")
VIDEO_FRAMES = 100
# The GPU's graph in software takes some seconds a frame under emulation.
GRAPH_FRAMES = 10
# Of the largest number of a result: half of single precision's last digit, twice.
LAST_DIGIT = 2.0**-23
LONG_RUN_S = 1800.0


@dataclass(frozen=True)
class Pair:
    """The wheel as published and the one that is translated, each ready to be run."""

    original: Site
    translated: Site


@contextlib.contextmanager
def pair(core: str) -> Iterator[Pair]:
    """Yield the kit's MediaPipe for arm64, and what is made of it for a core ("armv80")."""
    official = wheels.select("arm64")
    pin = next(
        item
        for item in wheels.translated()
        if (item.version, item.core) == (official.version, core)
    )
    with tasks.installed(official) as original, tasks.installed(pin) as translated:
        yield Pair(original, translated)


def cores(sites: Pair) -> dict[str, Any]:
    """Return what the results of the other functions are of."""
    digest = sha256_file(sites.translated.library)
    return {"original_core": ORIGINAL, "translated_core": OLD, "library_sha256": digest}


def photographs(sites: Pair, translation: Translation) -> dict[str, Any]:
    """Compare all tasks on the CPU, bit by bit; count the translated sites that were reached.

    Raises CheckFailedError where a result differs, and StepFailedError.
    """
    work = Work(CPU_TASKS)
    expected = tasks.infer(sites.original, ORIGINAL, work)
    got, reached = _counted(sites, work, translation)
    _require_identical(expected, got)
    return {"numbers_equal": _numbers(got), "sites_run": reached}


def on_old_kernel(sites: Pair) -> dict[str, Any]:
    """Compare tasks on the CPU, the translated library under Linux 4.9's system calls alone.

    Raises CheckFailedError where a result differs, and StepFailedError.
    """
    work = Work(OLD_KERNEL_TASKS)
    expected = tasks.infer(sites.original, ORIGINAL, work)
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "calls"
        got = tasks.infer(
            sites.translated,
            OLD,
            work,
            before=old_kernel.command(),
            options=("-strace", "-D", log),
        )
        with log.open(encoding="utf-8", errors="replace") as lines:
            calls = old_kernel.read(lines)
    _require_identical(expected, got)
    return {"numbers_equal": _numbers(got), "calls": asdict(calls)}


def graph(sites: Pair, model: str, translation: Translation | None = None) -> dict[str, Any]:
    """Compare photographs by the GPU's graph on Mesa's software OpenGL ES.

    With a translation the translated sites that were reached are counted. Raises CheckFailedError
    where a number differs by more than the last digit, and StepFailedError.
    """
    with tempfile.TemporaryDirectory() as name:
        return _compared(sites, Work((model,), "GPU"), Path(name), translation)


def video(sites: Pair, model: str) -> dict[str, Any]:
    """Compare the frames of a video on the CPU, bit by bit. Raises as photographs() does."""
    work = Work((model,), frames=VIDEO_FRAMES)
    expected = tasks.infer(sites.original, ORIGINAL, work)
    got = tasks.infer(sites.translated, OLD, work)
    _require_identical(expected, got)
    return {"frames": VIDEO_FRAMES, "numbers_equal": _numbers(got)}


def video_graph(sites: Pair, model: str) -> dict[str, Any]:
    """Compare the frames of a video by the GPU's graph. Raises as graph() does."""
    work = Work((model,), "GPU", GRAPH_FRAMES)
    with tempfile.TemporaryDirectory() as name:
        return _compared(sites, work, Path(name))


def long_run(sites: Pair) -> dict[str, Any]:
    """Infer face landmarks of a video over and over; return what the process held meanwhile."""
    work = Work(("face",), frames=VIDEO_FRAMES, seconds=LONG_RUN_S)
    (row,) = tasks.infer(sites.translated, OLD, work).rows.values()
    return {"results": row["results"], "memory": row["memory"]}


def differing(expected: Inferred, got: Inferred) -> list[str]:
    """Return the tasks whose results are not bit-identical."""
    return [name for name, row in expected.rows.items() if got.rows.get(name) != row]


def apart(content: bytes, other: bytes) -> tuple[float, float]:
    """Return the largest difference of two files of numbers, and the largest number.

    Raises CheckFailedError where one has more than the other.
    """
    mine, theirs = array.array("d", content), array.array("d", other)
    if len(mine) != len(theirs):
        raise CheckFailedError(f"one library gave {len(mine)} numbers, the other {len(theirs)}")
    far = max((abs(a - b) for a, b in zip(mine, theirs, strict=True)), default=0.0)
    return far, max(map(abs, mine), default=0.0)


def _compared(
    sites: Pair, work: Work, folder: Path, translation: Translation | None = None
) -> dict[str, Any]:
    """Return how far two libraries' results of a task are apart: no more than a last digit."""
    for name in ("original", "translated"):
        (folder / name).mkdir()
    expected = tasks.infer(sites.original, ORIGINAL, work, values=folder / "original")
    got, reached = _counted(sites, work, translation, folder / "translated")
    ((name, row),) = got.rows.items()
    files = [folder / side / name for side in ("original", "translated")]
    far, largest = apart(*(path.read_bytes() for path in files))
    if far > LAST_DIGIT * largest:
        raise CheckFailedError(f"{name}: by the GPU's graph a number differs by {far:g}")
    return {
        "opengl": got.opengl,
        "results": row["results"],
        "numbers": row["numbers"],
        "bit_identical": not differing(expected, got),
        "largest_difference": far,
        **({"sites_run": reached} if translation else {}),
    }


def _counted(
    sites: Pair, work: Work, translation: Translation | None, values: Path | None = None
) -> tuple[Inferred, int]:
    """Infer by the translated library; count the translated sites that were reached."""
    if translation is None:
        return tasks.infer(sites.translated, OLD, work, values=values), 0
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "reached"
        options = ("-d", "in_asm", "-D", log)
        got = tasks.infer(sites.translated, OLD, work, options=options, values=values)
        return got, tasks.reached(log, translation)


def _numbers(results: Inferred) -> dict[str, int]:
    return {name: row["numbers"] for name, row in results.rows.items()}


def _require_identical(expected: Inferred, got: Inferred) -> None:
    if different := differing(expected, got):
        raise CheckFailedError(f"results differ from the original's: {', '.join(different)}")
