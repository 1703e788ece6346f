"""Makes one engine: built aside, run on fixed inputs, judged, and only then in its folder.

A folder's manifest changes by one rename after the engine's file is there, so that a reader sees
the old or the new, and a builder that was killed leaves nothing that counts.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Optional

from mediapipe_jetson.engines import expected, manifest
from mediapipe_jetson.engines.builders import Builder, Order, Result
from mediapipe_jetson.engines.errors import BuildError, ManifestError
from mediapipe_jetson.engines.expected import Expected, NoCheckError
from mediapipe_jetson.engines.identity import VERSION_COMPATIBLE, Identity
from mediapipe_jetson.engines.manifest import Check, Engine, Manifest, Onnx
from mediapipe_jetson.models import sha256
from mediapipe_jetson.observation import reason
from mediapipe_jetson.observe import emulation

LOCK = ".lock"
TIMING = "timing-sm{sm}-trt{tensorrt}.cache"
STAND_IN = "stand-in"


@dataclass(frozen=True)
class Place:
    """Where engines are made, and for what: `device` goes into the manifest as it is."""

    folder: Path
    sm: str
    tensorrt: str
    flags: tuple[str, ...] = ()
    device: Mapping[str, Any] = field(default_factory=dict)

    def identity(self, source: Onnx) -> Identity:
        """Return what the engine of an ONNX file is to be."""
        compatible = VERSION_COMPATIBLE in self.flags
        return Identity(
            source.sub_model, source.source_sha256, self.sm, self.tensorrt, source.precision,
            compatible,
        )  # fmt: skip


@contextlib.contextmanager
def alone(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a folder's lock; yield False at once if another holds it and `wait` is False."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as stream:
        yield _locked(stream, wait=wait)


def _locked(stream: IO[str], *, wait: bool) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def known(place: Place, source: Onnx) -> Optional[Engine]:
    """Return the engine of an ONNX file that is there already, whole; None if it must be made."""
    for engine in _manifest(place.folder).engines:
        same = (engine.identity, engine.onnx_sha256, engine.flags) == (
            place.identity(source), source.sha256, place.flags,
        )  # fmt: skip
        with contextlib.suppress(OSError):
            whole = sha256(engine.path) == engine.sha256
            if same and whole and engine.check.ok is not False:
                return engine
    return None


def build_engine(place: Place, source: Onnx, builder: Builder) -> Engine:
    """Make an engine and list it in the folder's manifest; who calls holds the folder's lock.

    Raises BuildError: where the ONNX file is another than listed, where it can't be built, where
    its outputs are wrong.
    """
    if sha256(source.path) != source.sha256:
        raise BuildError(f"{source.path} has other bytes than its manifest lists")
    check = _expected(source)
    _sweep(place.folder)
    with tempfile.TemporaryDirectory(dir=str(place.folder), prefix=".make-") as scratch:
        plan = Path(scratch) / "engine"
        cache = place.folder / TIMING.format(sm=place.sm, tensorrt=place.tensorrt)
        order = Order(source, plan, place.flags, cache, check)
        result = builder.build(order)
        raw = plan.read_bytes()
        engine = _engine(place, source, builder, result, raw, _judge(order, result))
        if engine.check.ok is False:
            raise BuildError(f"{engine.file}: {engine.check.why}")
        with plan.open("rb") as stream:
            os.fsync(stream.fileno())
        plan.chmod(0o644)
        plan.replace(engine.path)
    before = _manifest(place.folder)
    others = tuple(it for it in before.engines if it.file != engine.file)
    # What another board or TensorRT left is gone with its manifest's entry.
    engines = tuple(it for it in others if it.path.is_file())
    device = {**place.device, "sm": place.sm, "tensorrt": place.tensorrt}
    manifest.write(Manifest(place.folder, (*engines, engine), before.onnx, device))
    return engine


def _engine(
    place: Place, source: Onnx, builder: Builder, result: Result, raw: bytes, check: Check
) -> Engine:
    identity = place.identity(source)
    stand_in = result.stand_in or raw.startswith(manifest.NO_ENGINE)
    return Engine(
        place.folder,
        identity.file,
        hashlib.sha256(raw).hexdigest(),
        len(raw),
        identity,
        source.sha256,
        place.flags,
        STAND_IN if stand_in else builder.name,
        round(result.seconds, 1),
        stand_in or bool(place.device.get("emulated_why")),
        check,
        source.inputs,
        source.outputs,
    )


def _expected(source: Onnx) -> Optional[Expected]:
    """Return what an ONNX file's engine must give; None if nobody knows. Raises BuildError."""
    try:
        result = expected.read(source.checks)
    except FileNotFoundError:
        return None
    except (OSError, NoCheckError) as error:
        raise BuildError(f"{source.checks}: {reason(error)}") from error
    if result.source_sha256 != source.source_sha256:
        raise BuildError(f"{source.checks} is of another model")
    return result


def _judge(order: Order, result: Result) -> Check:
    """Return how far the engine's outputs are from those expected."""
    if order.check is None or result.outputs is None:
        return Check(None, result.not_run or "it was not run")
    limit = order.check.tolerance[order.source.precision]
    worst = 0.0
    for name, raw in order.check.outputs.items():
        if name not in result.outputs:
            return Check(False, f"it has no output {name}")
        try:
            error = expected.relative_error(expected.floats(raw), result.outputs[name])
        except NoCheckError as wrong:
            return Check(False, f"output {name}: {wrong}")
        worst = max(worst, error)
    # JSON has no infinity.
    shown = min(worst, 1e9)
    good = worst <= limit
    explanation = (
        "as expected" if good else f"off by {worst:.2g} of the largest value, {limit:g} allowed"
    )
    return Check(good, explanation, shown, limit, result.median_ms)


def _manifest(folder: Path) -> Manifest:
    """Return a folder's manifest; a damaged one counts as none, as all of it can be made again."""
    try:
        return manifest.read(folder) or Manifest(folder)
    except ManifestError:
        return Manifest(folder)


def _sweep(folder: Path) -> None:
    """Remove what builders left that were killed; who calls holds the lock, so none is at work."""
    for left in folder.glob(".make-*"):
        for path in sorted(left.rglob("*"), reverse=True):
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        with contextlib.suppress(OSError):
            left.rmdir()


def facts(reported: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of this board for a manifest: those reported, and those observed here."""
    seen = emulation.read()
    why = [*reported.get("emulated_why", ()), *(seen.reasons if seen.emulated else ())]
    names = ("name", "module", "l4t", "sm", "tensorrt")
    return {**{name: str(reported.get(name, "")) for name in names}, "emulated_why": why}
