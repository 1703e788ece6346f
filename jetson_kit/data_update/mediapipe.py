"""Takes newer MediaPipe releases: pins, recipe, audit record and the planner's row."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import tomlkit
from packaging.version import Version

from jetson_kit.audit import core, planned, record
from jetson_kit.data_update import index, releases, review
from jetson_kit.data_update.changes import Changes
from jetson_kit.data_update.releases import PACKAGE, Release
from jetson_kit.data_update.request import Request
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels import recipes, repack
from jetson_kit.wheels.pins import Pin
from jetson_kit.wheels.recipes import Recipe

ROW = "\n[[wheel]]\n"


def update(changes: Changes, request: Request) -> None:
    """Note the newest release of each class that can be taken, or the one that was named.

    Raises NetworkError, IntegrityError, ToolMissingError.
    """
    if not request.covers(PACKAGE):
        return
    named = request.version(PACKAGE)
    if named:
        _named(changes, named)
        return
    for group in wheels.classes().values():
        for version in releases.later(group):
            if _take(changes, releases.look(version, group), accepted=False):
                break
    _beyond(changes)


def _named(changes: Changes, version: str) -> None:
    group = releases.class_for(version)
    if any(pin.version == version for pin in wheels.pins()):
        return
    if group is None:
        changes.decide(
            PACKAGE, f"no class takes {version}", "add a class or widen `versions` in wheels.toml"
        )
        return
    _take(changes, releases.look(version, group), accepted=True)


def _beyond(changes: Changes) -> None:
    """Note a release that is newer than all pins and that no class takes."""
    pinned = max((pin.version for pin in wheels.pins()), key=Version)
    value = index.newest_if_any(f"{PACKAGE}>{pinned}")
    if value and releases.class_for(value) is None:
        changes.decide(
            PACKAGE,
            f"{value} is there and no class takes it",
            "audit it (./inv wheels.audit), then add a class or widen `versions` in wheels.toml",
        )


def _take(changes: Changes, release: Release, *, accepted: bool) -> bool:
    """Note all that a release changes; with something open, note that instead, return False."""
    before = releases.newest_of(release.group)
    if release.missing or before is None:
        changes.decide(
            PACKAGE,
            f"{release.version} has no wheel for {', '.join(release.missing)}",
            f"wait for it; boards keep {before.version if before else 'what they have'}",
        )
        return False
    recipe, findings = _recipe(release, before)
    if not accepted:
        findings += [f for pin in release.pins for f in review.manylinux(pin, release.group)]
        findings += review.differences(release, before)
    for finding in findings:
        changes.decide(f"{PACKAGE} {release.version}", finding.what, finding.remedy)
    if findings:
        return False
    with tempfile.TemporaryDirectory(prefix="kit-data-") as folder:
        for pin in release.pins:  # the proof that its patches fit
            repack.repack(wheels.fetch(pin), pin, recipe, Path(folder))
    _write(changes, release, before)
    changes.take(PACKAGE, before.version, release.version, "jetson_kit/wheels/wheels.toml")
    changes.decide(
        f"{PACKAGE} {release.version}",
        "no audit shows on which interface each task infers",
        "run ./inv test --stage x86-inference and --stage vision; where a task moved, add a row to "
        "verify_versions.json, and name the version in `by_name` if images shall not get it yet",
    )
    return True


def _recipe(release: Release, before: Pin) -> tuple[Recipe, list[review.Finding]]:
    """Return the recipe in the table, else the predecessor's with the findings against it."""
    known = recipes.load()
    if release.version in known:
        return known[release.version], []
    recipe = replace(known[before.version], version=release.version)
    return recipe, list(review.patches(release.pins, before, recipe))


def _write(changes: Changes, release: Release, before: Pin) -> None:
    """Note the files; the pins, by which all else is found, come last."""
    rows = json.loads(planned.TABLE.read_text(encoding="utf-8"))
    for pin in release.pins:
        audit = review.audited(pin) if pin.arch == "arm64" else core.audit(wheels.fetch(pin))
        rows[pin.sha256] = asdict(audit.facts)
        if pin.arch == "arm64" and audit.measured:
            libraries = core.native_arms(audit.libraries)
            changes.write(
                record.shipped_path(pin.filename),
                record.to_json(libraries, audit.measured, pin.filename),
            )
    pins = sorted(
        (*release.pins, *wheels.pins()), key=lambda pin: Version(pin.version), reverse=True
    )
    changes.write(planned.TABLE, planned.to_json({pin.sha256: rows[pin.sha256] for pin in pins}))
    changes.write(recipes.TABLE, _with_recipe(changes.text(recipes.TABLE), release, before))
    changes.write(wheels.TABLE, with_pins(changes.text(wheels.TABLE), release.pins))


def _with_recipe(text: str, release: Release, before: Pin) -> str:
    """Return repack.toml with a version beside its predecessor's, unless it has one."""
    table = tomlkit.parse(text)
    rows = table["recipe"].unwrap()
    if any(release.version in row["versions"] for row in rows):
        return text
    at = next(i for i, row in enumerate(rows) if before.version in row["versions"])
    versions = sorted({*rows[at]["versions"], release.version}, key=Version, reverse=True)
    table["recipe"][at]["versions"] = versions
    return tomlkit.dumps(table)


def with_pins(text: str, pins: tuple[Pin, ...]) -> str:
    """Return wheels.toml with pins put where their version belongs; the others stay as they are."""
    head, *blocks = text.rstrip("\n").split(ROW)
    for pin in pins:
        lines = {
            "version": pin.version,
            "class": pin.wheel_class,
            "arch": pin.arch,
            "python": pin.python_tag,
            "filename": pin.filename,
            "sha256": pin.sha256,
        }
        block = "\n".join(f'{key} = "{value}"' for key, value in lines.items()) + "\n"
        after = (i for i, old in enumerate(blocks) if _version(old) < Version(pin.version))
        blocks.insert(next(after, len(blocks)), block)
    return head + "".join(ROW + block.rstrip("\n") + "\n" for block in blocks)


def _version(block: str) -> Version:
    return Version(str(tomlkit.parse(block)["version"]))
