"""Finds the engine that fits model, GPU class, TensorRT and precision; refuses the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Optional

from mediapipe_jetson.engines import manifest, places
from mediapipe_jetson.engines.errors import ManifestError, NoEngineError
from mediapipe_jetson.engines.identity import PRECISIONS, LocalRuntime, refusal
from mediapipe_jetson.engines.manifest import Engine, Manifest


def find(
    name: str,
    source_sha256: str,
    here: LocalRuntime,
    folders: Optional[Sequence[Path]] = None,
    precisions: Sequence[str] = PRECISIONS,
    twins: Sequence[str] = (),
) -> Engine:
    """Return the best engine for a sub-model, the first in the order of precisions and folders.

    `twins` are the hashes of models with the same operators and weights. The engine's bytes are
    not read yet: manifest.content does that and checks them. Raises NoEngineError
    with the reason for every candidate that was refused.
    """
    reasons: list[str] = []
    fitting: list[Engine] = []
    for engine in _engines(folders, reasons):
        if engine.identity.source_sha256 not in (source_sha256, *twins):
            if engine.identity.sub_model == name:
                reasons.append(f"{engine.path}: it is of another model of this name")
            continue
        why = problem(engine, here)
        if why is None and engine.identity.precision not in precisions:
            why = f"its precision is {engine.identity.precision}"
        if why is None:
            fitting.append(engine)
        else:
            reasons.append(f"{engine.path}: {why}")
    for precision in precisions:
        for engine in fitting:
            if engine.identity.precision == precision:
                return engine
    requested = f"{name} ({source_sha256[:12]}) on SM {here.sm}, TensorRT {here.tensorrt}"
    raise NoEngineError(requested, reasons or ["none is there"])


def problem(engine: Engine, here: LocalRuntime) -> Optional[str]:
    """Return why an engine is refused here, in one clause; None if it is not."""
    if engine.emulated:
        return "it is a stand-in's, made on an emulated device, and no engine"
    if engine.check.ok is False:
        return f"its outputs were wrong on the board that built it: {engine.check.why}"
    return refusal(engine.identity, here)


def fingerprint(folders: Optional[Sequence[Path]] = None) -> str:
    """Return a hash of all engines that are listed, for the keys of caches."""
    listed = [engine.sha256 for engine in _engines(folders, [])]
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()[:16]


def _engines(folders: Optional[Sequence[Path]], reasons: list[str]) -> Iterator[Engine]:
    for item in _manifests(folders, reasons):
        yield from item.engines


def _manifests(folders: Optional[Sequence[Path]], reasons: list[str]) -> Iterator[Manifest]:
    """Yield what can be read; a damaged folder is a reason and keeps no other from being used."""
    for folder in places.folders() if folders is None else folders:
        try:
            result = manifest.read(folder)
        except ManifestError as error:
            reasons.append(str(error))
            continue
        if result:
            yield result
