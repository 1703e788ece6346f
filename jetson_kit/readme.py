"""The README's tables, made from bench/*.json so that no number in it is typed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jetson_kit.errors import IntegrityError
from jetson_kit.files import write_text
from jetson_kit.paths import ROOT

README = ROOT / "README.md"
BENCH = ROOT / "bench"
Facts = Mapping[str, Any]


def _table(rows: list[tuple[str, str]], head: tuple[str, str]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {value} |" for name, value in rows])


def _build(facts: Facts) -> str:
    rows = [
        ("image from cold, our way", f"{facts['native_s']:.1f} s"),
        (
            "the same from cold under emulation: base by mmdebstrap, then the plain Dockerfile",
            f"{facts['emulated_base_s']:.0f} s + {facts['emulated_dockerfile_s']:.0f} s",
        ),
        ("ratio", f"**{facts['ratio']:.0f}x**"),
        (
            "ratio to the plain Dockerfile alone, its base there already",
            f"{facts['ratio_dockerfile_only']:.0f}x",
        ),
        ("image again after one Python file changed", f"{facts['rebuild_one_file_s']:.1f} s"),
        ("the whole command when nothing changed", f"{facts['rebuild_noop_s']:.1f} s"),
        ("image unpacked", f"{facts['unpacked_mb']:.0f} MB"),
        ("OCI archive, zstd", f"{facts['archive_mb']:.0f} MB"),
    ]
    return _table(rows, ("`./inv bench.build`", f"on {facts['cores']} x86 cores"))


def _import(facts: Facts) -> str:
    official, ours = facts["official"], facts["jetson"]
    rows = [
        ("`import mediapipe`, official wheel", f"{official['import_ms']:.0f} ms"),
        ("`import mediapipe`, MediaPipe-Jetson wheel", f"{ours['import_ms']:.0f} ms"),
        ("ratio", f"**{facts['time_ratio']:.1f}x**"),
        (
            "installed with what it asks for",
            f"{official['installed_mb']:.0f} MB in {official['packages']} packages, ours "
            f"{ours['installed_mb']:.0f} MB in {ours['packages']}",
        ),
    ]
    return _table(rows, ("`./inv bench.import`", f"{facts['version']} on x86"))


def _devices(facts: Facts) -> str:
    names = {
        "container": "container",
        "vm_amd64": "QEMU machine, amd64",
        "vm_arm64": "QEMU machine, arm64",
    }
    busy = "" if facts["quiet"] else f" busy with else (load {facts['load_at_start']:.1f})"
    head = f"`./inv bench.devices`, on {facts['cores']} x86 cores{busy}"
    lines = [f"| {head} | ssh after | all services after | memory |", "|---|---|---|---|"]
    for kind, name in names.items():
        times = f"{facts[f'{kind}_s']:.1f} s | {facts[f'{kind}_running_s']:.1f} s"
        lines.append(f"| {name} | {times} | {facts[f'{kind}_memory_mib']:.0f} MiB |")
    return "\n".join(lines)


def _inference(facts: Facts) -> str:
    lines = []
    for one in facts["devices"]:
        busy = "" if one["quiet"] else f" busy with else (load {one['load_at_start']:.1f})"
        if one["priority"] != "normal":
            busy += f", at {one['priority']} priority"
        what = one["device"]["model"] or f"{one['cores']} x86 cores"
        tasks = list(dict.fromkeys(row["task"] for row in one["trials"]))
        size = "x".join(map(str, one["summary_size"]))
        lines += [
            f"| `./inv bench.inference`, {what}{busy}, {size} | {' | '.join(tasks)} |",
            f"|---|{'---|' * len(tasks)}",
        ]
        for backend, found in one["backends"].items():
            cells = [
                f"{found[task]['median_ms']:.1f} / {found[task]['p99_ms']:.1f} ms"
                if task in found
                else "-"
                for task in tasks
            ]
            lines.append(f"| {backend} | {' | '.join(cells)} |")
        if one["pipeline"]:
            took = one["pipeline"]
            name = f"{took['backend']} pipelined"
            turn = took["pipeline"]["best_turn"]
            lines += [
                "",
                f"Over {took['video']} ({took['frames']} frames, face): {name} "
                f"{took['pipeline']['fps']:.0f} frames a second, MediaPipe in a loop "
                f"{took['loop']['fps']:.0f}: **{took['speedup']:.2f}x**. Landmarks are at most "
                f"{took['results']['worst']:.1%} of the face apart. What bounds it: "
                f"`{turn['bound']}`, with {turn['cores']:.1f} cores busy.",
            ]
        lines.append("")
    return "\n".join(lines).rstrip()


TABLES: Mapping[str, Callable[[Facts], str]] = {
    "build": _build,
    "import": _import,
    "devices": _devices,
    "inference": _inference,
}


def _facts(name: str, folder: Path) -> Facts | None:
    """Return what was measured; of each device that it was measured on, if there can be many."""
    if name == "inference":
        paths = sorted(folder.glob("inference-*.json"))
        found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        return {"devices": found} if found else None
    path = folder / f"{name}.json"
    facts: Facts | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return facts


def rendered(text: str, folder: Path = BENCH) -> str:
    """Return the README with its tables made anew, of what was measured.

    Raises IntegrityError for a missing mark.
    """
    for name, make in TABLES.items():
        facts = _facts(name, folder)
        if facts is None:
            continue
        start, end = f"<!-- bench.{name} -->", f"<!-- /bench.{name} -->"
        head, mark, rest = text.partition(start)
        _, closed, tail = rest.partition(end)
        if not mark or not closed:
            raise IntegrityError(f"the README lacks the marks {start} ... {end}", "put them back")
        text = f"{head}{start}\n{make(facts)}\n{end}{tail}"
    return text


def renew() -> None:
    """Write the README's tables from what the benchmarks measured last."""
    write_text(README, rendered(README.read_text(encoding="utf-8")))
