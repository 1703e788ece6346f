"""Verdicts before anything is fetched, from the shipped records of the pinned wheels."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jetson_kit.audit.emulate import CpuRun, Emulation
from jetson_kit.audit.verdict import RANK, Facts, Verdict, for_soc
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.targets.table import Soc, Target
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.pins import Pin

TABLE = Path(__file__).with_name("pinned.json")
TRANSLATED = Path(__file__).with_name("translated.json")


def planned_verdict(pin: Pin, target: Target | None, socs: tuple[Soc, ...]) -> Verdict:
    """Return what a pinned wheel is worth on every one of these SoCs: the worst verdict counts.

    Without a target (an image for this machine): whether GPU code is inside. A wheel that the
    shipped table lacks is fetched and audited.
    """
    facts = facts_of(pin) or _audited(pin)
    if target is None:
        return _native(facts)
    verdicts = [for_soc(facts, target, soc) for soc in socs]
    return min(verdicts, key=lambda verdict: RANK[verdict.verdict])


def _audited(pin: Pin) -> Facts:
    from jetson_kit.audit.core import audit  # noqa: PLC0415 # every build imports this module

    if pin.core:
        from jetson_kit.wheels import repack  # noqa: PLC0415 # so does this

        return audit(repack.build(pin, cache_dir("wheels"))).facts
    return audit(wheels.fetch(pin)).facts


def renew() -> Path:
    """Audit every pinned wheel and write the shipped table."""
    rows = {pin.sha256: asdict(_audited(pin)) for pin in wheels.pins()}
    write_text(TABLE, to_json(rows))
    renew_translated()
    _table.cache_clear()
    return TABLE


def renew_translated() -> Path:
    """Audit every translated wheel and write the shipped table."""
    rows = {_key(pin): asdict(_audited(pin)) for pin in wheels.translated()}
    write_text(TRANSLATED, to_json(rows))
    _table.cache_clear()
    return TRANSLATED


def candidates(arch: str) -> tuple[Pin, ...]:
    """Return what images may get, best first; of translated wheels those with a shipped audit."""
    return tuple(pin for pin in wheels.candidates(arch) if not pin.core or facts_of(pin))


@dataclass(frozen=True)
class Best:
    """What an image for one SoC alone gets."""

    pin: Pin
    verdict: Verdict

    @property
    def gpu(self) -> str:
        """Return whether its MediaPipe infers on the GPU, for a table."""
        if self.verdict.verdict != "gpu":
            return "no"
        return "yes (translated, emulated)" if self.pin.core else "yes"


def best(soc: Soc, target: Target) -> Best | None:
    """Return what an image of a release for one SoC gets, from the shipped tables."""
    for pin in candidates("arm64"):
        verdict = planned_verdict(pin, target, (soc,))
        if verdict.verdict != "no":
            return Best(pin, verdict)
    return None


def _key(pin: Pin) -> str:
    return f"{pin.sha256} {pin.core}".rstrip()


def to_json(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the text of the shipped table."""
    return json.dumps(rows, indent=1) + "\n"


def facts_of(pin: Pin) -> Facts | None:
    """Return what the shipped table has of a pinned wheel."""
    row = _table().get(_key(pin))
    return _from_json(row) if row else None


@functools.cache
def _table() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = {}
    for path in (TABLE, TRANSLATED):
        if path.exists():
            loaded |= json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _from_json(row: dict[str, Any]) -> Facts:
    lists: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in row.items()
    }
    if lists["emulation"]:
        seen: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in row["emulation"].items()
        }
        seen["runs"] = tuple(CpuRun(**run) for run in seen["runs"])
        lists["emulation"] = Emulation(**seen)
    return Facts(**lists)


def _native(facts: Facts) -> Verdict:
    if facts.gpu_paths:
        return Verdict("gpu", f"GPU code is compiled in ({', '.join(facts.gpu_paths)}).")
    return Verdict("cpu", "GPU code is not compiled in: it runs on the CPU alone.")
