"""Translate, and show that the result does what the original does; writes bench/translate.json."""

from __future__ import annotations

import functools
import json
import os
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from bench.translate import cases, differential, inference, player, tasks, threads
from bench.translate.inference import Pair
from jetson_kit.audit import fetch
from jetson_kit.core.errors import BadInputError, CheckFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.translate import rewrite, table
from jetson_kit.wheels.translate.rewrite import Translation

OUT = ROOT / "bench" / "translate.json"
SCHEMA = "mediapipe-jetson-kit/bench-translate/2"
# Every release whose aarch64 wheel has GPU code; the kit pins the newest of them.
VERSIONS = ("1.0.1", "1.1.1", "1.2.2", "1.2.3")
CORE = "armv80"
STATES, SEED = 64, 7
THREADS, ROUNDS = 8, 20_000


def run(names: Sequence[str] = ()) -> dict[str, Any]:
    """Measure the parts named, or all but the long run; each is written when it is done.

    Seconds of `versions` are of processor time. Raises BadInputError for an unknown part,
    CheckFailedError where anything differs from the original, and what its parts raise.
    """
    if unknown := set(names) - {*PARTS, *INFERENCES}:
        raise BadInputError(
            f"no part {', '.join(sorted(unknown))}",
            f"choose from {', '.join((*PARTS, *INFERENCES))}",
        )
    chosen = names or [name for name in (*PARTS, *INFERENCES) if name != "long_run"]
    facts = {**_known(), "schema": SCHEMA}
    for name in (name for name in PARTS if name in chosen):
        facts[name] = PARTS[name]()
        write_text(OUT, json.dumps(facts, indent=1) + "\n")
    if requested := [name for name in INFERENCES if name in chosen]:
        with inference.pair(CORE) as sites:
            rows = facts.setdefault("inference", {})
            rows |= inference.cores(sites)
            for name in requested:
                rows[name] = INFERENCES[name](sites)
                write_text(OUT, json.dumps(facts, indent=1) + "\n")
    return facts


def _known() -> dict[str, Any]:
    """Return what the file says of other parts."""
    try:
        document = json.loads(OUT.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if document.get("schema") == SCHEMA else {}


def library(version: str) -> bytes:
    """Return the official aarch64 library of a version."""
    with zipfile.ZipFile(fetch.fetch(f"mediapipe=={version}")) as archive:
        return archive.read(tasks.LIBRARY)


def _versions() -> dict[str, Any]:
    machine = {"cores": os.cpu_count(), "load_at_start": round(os.getloadavg()[0], 1)}
    return {"machine": machine, "rows": {version: _translated(version) for version in VERSIONS}}


@functools.cache
def newest() -> Translation:
    """Return the kit's MediaPipe for arm64, translated for the oldest core."""
    return rewrite.translate(library(wheels.select("arm64").version), table.cores()[CORE])


def _translated(version: str) -> dict[str, Any]:
    data = library(version)
    rows = {}
    for name, core in reversed(table.cores().items()):
        began = time.process_time()
        translation = rewrite.translate(data, core)
        rows[name] = {
            "seconds": round(time.process_time() - began, 1),
            "growth_bytes": translation.growth,
            "growth_percent": round(100 * translation.growth / len(data), 2),
            "in_place": len(translation.in_place),
            "trampolines": len(translation.trampolines),
            "trampolines_that_save_registers": sum(
                trampoline.saved > 0 for trampoline in translation.trampolines
            ),
            "left_to_run_time_choice": len(translation.excepted),
            "sites": translation.kinds(),
        }
    return rows


def _compared() -> dict[str, Any]:
    translation = newest()
    program = player.build()
    pool = player.states(STATES, SEED)
    result = {trampoline.site.word for trampoline in translation.trampolines} | {
        site.word for site in translation.in_place
    }
    possible = set(cases.possible()) - result
    rows: dict[str, Any] = {"version": wheels.select("arm64").version, "states_each": STATES}
    for name, words in (("found", result), ("possible", possible)):
        done = differential.compare(program, sorted(words), pool)
        rows[name] = {
            "instructions": done.instructions,
            "states": done.states,
            "mismatches": len(done.mismatches),
            "nan_only": done.nan_payloads,
        }
        if done.mismatches:
            raise CheckFailedError(f"translated instructions differ: {done.mismatches[0]}")
    return rows


def _threads() -> dict[str, Any]:
    return asdict(threads.run(THREADS, ROUNDS))


def _photographs(sites: Pair) -> dict[str, Any]:
    return inference.photographs(sites, newest())


def _graph(sites: Pair, model: str) -> dict[str, Any]:
    return inference.graph(sites, model, newest())


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "versions": _versions,
    "compared": _compared,
    "threads": _threads,
}
INFERENCES: dict[str, Callable[[Pair], dict[str, Any]]] = {
    "photographs": _photographs,
    "old_kernel": inference.on_old_kernel,
    **{
        f"{name}_{model}": functools.partial(function, model=model)
        for name, function in (
            ("graph", _graph),
            ("video", inference.video),
            ("video_graph", inference.video_graph),
        )
        for model in inference.VIDEO_TASKS
    },
    "long_run": inference.long_run,
}
