"""Translate, and show that the result does what the original does; writes bench/translate.json."""

from __future__ import annotations

import json
import os
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.translate import cases, differential, player, tasks, threads
from jetson_kit import wheels
from jetson_kit.audit import fetch
from jetson_kit.errors import CheckFailedError
from jetson_kit.files import sha256_file, write_text
from jetson_kit.paths import ROOT
from jetson_kit.translate import rewrite, table
from jetson_kit.translate.rewrite import Translation

OUT = ROOT / "bench" / "translate.json"
SCHEMA = "mediapipe-jetson-kit/bench-translate/1"
# Every release whose aarch64 wheel has GPU code; the kit pins the newest of them.
VERSIONS = ("1.0.1", "1.1.1", "1.2.2", "1.2.3")
TASKS = ("face", "hand", "pose", "gesture", "selfie")
STATES, SEED = 64, 7
THREADS, ROUNDS = 8, 20_000
ORIGINAL, OLD = "cortex-a76", "cortex-a57"


def run(*, infer: bool = True) -> dict[str, Any]:
    """Measure, and write the file. Seconds are of processor time.

    Raises CheckFailedError where anything differs from the original, and what its parts raise.
    """
    facts: dict[str, Any] = {
        "schema": SCHEMA,
        "cores": os.cpu_count(),
        "load_at_start": round(os.getloadavg()[0], 1),
        "versions": {},
    }
    newest = wheels.select("arm64").version
    chosen: Translation | None = None
    for version in VERSIONS:
        facts["versions"][version], made = _translated(version)
        chosen = made if version == newest else chosen
    if chosen is None:
        raise CheckFailedError(f"MediaPipe {newest} is not among {', '.join(VERSIONS)}")
    facts["compared"] = {"version": newest, **_compared(chosen)}
    facts["threads"] = asdict(threads.run(THREADS, ROUNDS))
    if infer:
        facts["inference"] = _inference(chosen)
    write_text(OUT, json.dumps(facts, indent=1) + "\n")
    return facts


def library(version: str) -> bytes:
    """Return the official aarch64 library of a version."""
    with zipfile.ZipFile(fetch.fetch(f"mediapipe=={version}")) as archive:
        return archive.read(tasks.LIBRARY)


def _translated(version: str) -> tuple[dict[str, Any], Translation]:
    data = library(version)
    rows = {}
    made = None
    for name, core in reversed(table.cores().items()):
        began = time.process_time()
        made = rewrite.translate(data, core)
        rows[name] = {
            "seconds": round(time.process_time() - began, 1),
            "growth_bytes": made.growth,
            "growth_percent": round(100 * made.growth / len(data), 2),
            "in_place": len(made.in_place),
            "trampolines": len(made.trampolines),
            "trampolines_that_save_registers": sum(one.saved > 0 for one in made.trampolines),
            "left_to_run_time_choice": len(made.excepted),
            "sites": made.kinds(),
        }
    if made is None:
        raise CheckFailedError("there is no core to translate for")
    return rows, made


def _compared(made: Translation) -> dict[str, Any]:
    program = player.build()
    pool = player.states(STATES, SEED)
    found = {one.site.word for one in made.trampolines} | {site.word for site in made.in_place}
    possible = set(cases.possible()) - found
    rows: dict[str, Any] = {"states_each": STATES}
    for name, words in (("found", found), ("possible", possible)):
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


def _inference(made: Translation) -> dict[str, Any]:
    official = wheels.select("arm64")
    translated = next(
        pin
        for pin in wheels.translated()
        if (pin.version, pin.core) == (official.version, made.core.name)
    )
    with tasks.installed(official) as site:
        expected = tasks.infer(site, ORIGINAL, TASKS)
    with tasks.installed(translated) as site, tempfile.TemporaryDirectory() as name:
        log = Path(name) / "reached"
        got = tasks.infer(site, OLD, TASKS, log=log)
        reached = tasks.reached(log, made)
        digest = sha256_file(site.library)
    different = differing(expected, got)
    if different:
        raise CheckFailedError(f"results differ from the original's: {', '.join(different)}")
    return {
        "original_core": ORIGINAL,
        "translated_core": OLD,
        "library_sha256": digest,
        "numbers_equal": {name: row["numbers"] for name, row in got.items()},
        "sites_run": reached,
    }


def differing(expected: dict[str, Any], got: dict[str, Any]) -> Sequence[str]:
    """Return the tasks whose results are not bit-identical."""
    return [name for name, row in expected.items() if got.get(name) != row]
