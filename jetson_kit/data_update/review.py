"""Compares a MediaPipe release with the one before it: what a person must look at."""

from __future__ import annotations

import difflib
import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from jetson_kit.audit import core, verdict, wheelfile
from jetson_kit.audit.core import Audit
from jetson_kit.audit.verdict import RANK
from jetson_kit.core.errors import ToolMissingError
from jetson_kit.core.paths import ROOT
from jetson_kit.data_update.releases import Release
from jetson_kit.targets import table as targets
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.pins import Pin, WheelClass
from jetson_kit.wheels.recipes import Recipe

DIFFS = ROOT / "dist" / "data-update"


@dataclass(frozen=True)
class Finding:
    """A difference that a person must decide on."""

    what: str
    remedy: str


def patches(pins: tuple[Pin, ...], before: Pin, recipe: Recipe) -> Iterator[Finding]:
    """Yield each patched file that is not the one its patch is for, with the diff as a file."""
    for pin in pins:
        with (
            zipfile.ZipFile(wheels.fetch(pin)) as new,
            zipfile.ZipFile(wheels.fetch(before)) as old,
        ):
            names = set(new.namelist())
            for patch in recipe.patches:
                data = new.read(patch.path) if patch.path in names else b""
                if hashlib.sha256(data).hexdigest() == patch.sha256:
                    continue
                what = f"{patch.path} changed" if data else f"{patch.path} is gone"
                path = _write_diff(pin, patch.path, old.read(patch.path), data)
                yield Finding(
                    f"{what}: its patch ({patch.why}) is for another file",
                    f"read {path.relative_to(ROOT)}, write a recipe for {pin.version} in "
                    f"jetson_kit/wheels/repack.toml and run it again",
                )


def _write_diff(pin: Pin, member: str, old: bytes, new: bytes) -> Path:
    DIFFS.mkdir(parents=True, exist_ok=True)
    path = DIFFS / f"{pin.version}-{pin.arch}-{Path(member).name}.diff"
    before, after = (text.decode("utf-8", "replace").splitlines(True) for text in (old, new))
    diff = difflib.unified_diff(before, after, "pinned", pin.version)
    path.write_text("".join(diff), encoding="utf-8")
    return path


def differences(release: Release, before: Pin) -> Iterator[Finding]:
    """Yield what differs from the predecessor, beside the patched files.

    The arm64 wheel counts: it is what boards get. Raises ToolMissingError where it can't be
    measured.
    """
    pin = next(item for item in release.pins if item.arch == "arm64")
    accept = f"accept it: ./inv data.update mediapipe=={release.version}"
    new, old = audited(pin), core.audit(wheels.fetch(before))
    yield from (Finding(text, accept) for text in _compare(new, old))
    asks, requested = (set(wheelfile.read(audit.path).requires) for audit in (new, old))
    if asks != requested:
        more = ", ".join(sorted(asks - requested)) or "nothing"
        less = ", ".join(sorted(requested - asks)) or "nothing"
        yield Finding(
            f"it asks for other packages: {more} in place of {less}",
            "adapt `requires` of a recipe of its own in "
            f"jetson_kit/wheels/repack.toml, or {accept}",
        )


def audited(pin: Pin) -> Audit:
    """Return the audit of a wheel, measured if need be (a minute). Raises ToolMissingError."""
    audit = core.audit(wheels.fetch(pin))
    if audit.measured is None or not audit.measured.emulation.runs:
        notes = audit.measured.emulation.notes if audit.measured else ("it is not for aarch64",)
        raise ToolMissingError(
            f"{pin.filename} can't be loaded on emulated cores: {'; '.join(notes)}",
            "install qemu-user-static and run it again",
        )
    return audit


def _compare(new: Audit, old: Audit) -> Iterator[str]:
    for lie in new.tags_lie:
        yield f"the wheel contradicts itself: {lie}"
    paths, known = ({lib.path for lib in audit.libraries} for audit in (new, old))
    for path in sorted(paths - known):
        yield f"new native library {path}"
    for path in sorted(known - paths):
        yield f"native library {path} is gone"
    for name in sorted(set(new.needed) - set(old.needed)):
        yield f"its native libraries need {name}, which the one before does not"
    if new.glibc and Version(new.glibc) > Version(old.glibc or "0"):
        yield f"it needs glibc {new.glibc}, the one before {old.glibc}"
    if new.delegate != old.delegate:
        yield f"the numbers of its delegates are {new.delegate}, before {old.delegate}"
    for target in targets.load().all:
        for soc in target.socs:
            now, then = (verdict.for_soc(audit.facts, target, soc) for audit in (new, old))
            if RANK[now.verdict] < RANK[then.verdict]:
                yield f"{soc.family} ({target.name}): {now.verdict}, before {then.verdict}: " + (
                    now.reason
                )


def manylinux(pin: Pin, group: WheelClass) -> Iterator[Finding]:
    """Yield a finding where a wheel asks for a newer glibc than the class's locks are for."""
    platform = pin.filename.removesuffix(".whl").rpartition("-")[2]
    tags = [tag for tag in platform.split(".") if tag.startswith("manylinux_")]
    lowest = min((tuple(map(int, tag.split("_")[1:3])) for tag in tags), default=(0, 0))
    if lowest > tuple(map(int, group.manylinux.split("_")[1:3])):
        yield Finding(
            f"{pin.filename} is for a newer glibc than {group.manylinux}",
            "raise `manylinux` of its class in jetson_kit/wheels/wheels.toml, or add a class",
        )
