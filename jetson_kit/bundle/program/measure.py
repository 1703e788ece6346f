"""The second mode: every task and backend, on the CPU and the GPU, as one document."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.bundle.program.errors import UsageError

SCHEMA = "mediapipe-jetson-kit/measure/1"
# From its own path: what lies on PATH may be anything.
SMI_PROGRAM = "/usr/bin/nvidia-smi"
SMI = ("name", "driver_version", "pstate", "clocks.gr", "power.draw", "temperature.gpu")
TAIL = 2000
ENGINES = "engines"
FAILED = 7
Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Step:
    """A command of the device wheel whose JSON is one part of the document."""

    name: str
    arguments: tuple[str, ...]
    printed: bool = False
    """It prints its JSON, instead of writing it to a file."""
    text_only: bool = False
    """It has no JSON: its output is the result."""


def steps(brief: bool, engines: bool) -> tuple[Step, ...]:
    """Return what is run, one after another: they must not disturb each other.

    `engines`: TensorRT is in the bundle, and builds its engines for this very card first.
    """
    level, rounds, sizes = ("quick", "1", ("640x480",)) if brief else ("full", "3", ())
    return (
        Step("info", ("info", "--json"), printed=True),
        # All tasks by MediaPipe itself: the verdicts, and each one's times on CPU and GPU.
        Step("verify", ("verify", "--level", level)),
        *((Step("engines", ("engines", "background"), text_only=True),) if engines else ()),
        # Every backend that the wheel knows, with its reason where it can't be used here.
        Step("bench", ("bench", "--rounds", rounds, *(w for s in sizes for w in ("--size", s)))),
    )


def measure(
    run: Run, output: Path, folder: Path, *, brief: bool, report: Callable[[str], None]
) -> int:
    """Run every step and write the document; return 0, or 7 where a step gave no result."""
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise UsageError(f"no file can be written at {output}")
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "began_at": round(time.time()),
        "machine": machine(),
        "steps": {},
    }
    for step in steps(brief, engines=(folder / ENGINES).is_dir()):
        report(f"{step.name} ...")
        document["steps"][step.name] = _run_step(run, step, folder)
    document["took_s"] = round(time.time() - document["began_at"])
    aside = output.with_name(f".{output.name}.part")
    aside.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    aside.replace(output)
    report("\n".join(text(document)))
    results = [item for name, item in document["steps"].items() if name != "engines"]
    return 0 if all(result["document"] for result in results) else FAILED


def _run_step(run: Run, step: Step, folder: Path) -> dict[str, Any]:
    written = folder / f"{step.name}.json"
    own = step.printed or step.text_only
    command = step.arguments if own else (*step.arguments, "--json", str(written))
    began = time.monotonic()
    done = run(command)
    raw = done.stdout if step.printed else ""
    if not own and written.is_file():
        raw = written.read_text(encoding="utf-8")
    try:
        document = json.loads(raw)
    except ValueError:
        document = None
    return {
        "command": list(step.arguments),
        "exit_code": done.returncode,
        "took_s": round(time.monotonic() - began, 1),
        "document": document,
        "output": "" if step.printed else done.stdout[-TAIL:],
        "errors": done.stderr[-TAIL:],
    }


def machine() -> dict[str, Any]:
    """Return what the machine says of itself, for whoever reads the document elsewhere."""
    nodes = sorted(str(path) for place in ("dev", "dev/dri") for path in _nodes(Path("/") / place))
    return {
        "machine": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "libc": " ".join(platform.libc_ver()),
        "cores": len(os.sched_getaffinity(0)),
        "nodes": nodes,
        "nvidia_smi": _smi(),
    }


def _nodes(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.name.startswith(("nv", "render"))]
    except OSError:
        return []


def _smi() -> dict[str, str] | None:
    """Return what nvidia-smi says of the first GPU, None where there is none."""
    try:
        done = subprocess.run(
            [SMI_PROGRAM, f"--query-gpu={','.join(SMI)}", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    rows = done.stdout.splitlines()
    if done.returncode or not rows:
        return None
    return dict(zip(SMI, (word.strip() for word in rows[0].split(","))))  # noqa: B905 # Python 3.9


def text(document: dict[str, Any]) -> list[str]:
    """Return a table of it: each task's verdict, each backend's median."""
    lines: list[str] = []
    for name, step in document["steps"].items():
        if name == "engines":
            lines.append(f"engines: {step['output'].strip() or step['errors'].strip()}")
        elif not step["document"]:
            why = (step["errors"].strip().splitlines() or ["no word of why"])[-1]
            lines.append(f"{name}: no result: {why}")
    verify = document["steps"]["verify"]["document"] or {}
    for task, result in verify.get("tasks", {}).items():
        times = [
            f"{kind} {value:.1f} ms"
            for kind, value in sorted(result["latency_ms"].items())
            if value is not None
        ]
        lines.append(f"{task:<20}{result['verdict']:<10}{', '.join(times)}".rstrip())
    bench = document["steps"]["bench"]["document"] or {}
    for backend, tasks in bench.get("backends", {}).items():
        medians = ", ".join(f"{task} {row['median_ms']} ms" for task, row in tasks.items())
        lines.append(f"{backend:<20}{medians}")
    return lines
