"""Takes newer versions of what is pinned one by one: uv, the shim's compiler, Ansible's carrier."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path

import tomlkit
import yaml
from packaging.version import Version

from jetson_kit.ansible_driver import collections
from jetson_kit.core import uv
from jetson_kit.core.errors import IntegrityError
from jetson_kit.data_update import index, lock_files
from jetson_kit.data_update.changes import Changes
from jetson_kit.data_update.request import Request, is_major
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels import shim

UV = lock_files.REQUIREMENTS / "uv.in"
VISION = lock_files.REQUIREMENTS / "vision.in"
CORE = "ansible-core"


def next_version(changes: Changes, request: Request, package: str, have: str, where: str) -> str:
    """Return the version to take: a named one, else the newest without a major step; "" for none.

    A newer major is noted as a decision. Raises NetworkError.
    """
    if not request.covers(package):
        return ""
    named = request.version(package)
    if named:
        return "" if named == have else named
    newest = index.newest([package], index.NEWEST_PYTHON)[package]
    if Version(newest) <= Version(have):
        return ""
    if not is_major(have, newest):
        return newest
    changes.decide(
        package,
        f"{newest} is there, a major step from {have} in {where}",
        f"to take it: ./inv data.update {package}=={newest}",
    )
    value = index.newest_if_any(f"{package}>{have}{_same_major(have)}", index.NEWEST_PYTHON)
    return "" if value == have else value


def _same_major(version: str) -> str:
    first, second, *_ = (*Version(version).release, 0)
    return f",<0.{second + 1}" if first == 0 else f",<{first + 1}"


def update_uv(changes: Changes, request: Request) -> None:
    """Note a newer uv."""
    text = UV.read_text(encoding="utf-8")
    have = lock_files.pinned_in(text, "uv")
    if version := next_version(changes, request, "uv", have, "requirements/uv.in"):
        changes.write(UV, lock_files.with_pin(text, "uv", version))
        changes.take("uv", have, version, "requirements/uv.in")


def update_vision(changes: Changes) -> None:
    """Note the MediaPipe that the landmarkers are compared with: the newest that images get."""
    text = VISION.read_text(encoding="utf-8")
    table = tomlkit.parse(changes.text(wheels.TABLE)).unwrap()
    by_name = {version for row in table["class"].values() for version in row.get("by_name", ())}
    versions = {row["version"] for row in table["wheel"]} - by_name
    newest = max(versions, key=Version)
    changes.write(VISION, lock_files.with_pin(text, "mediapipe", newest))


def update_shim(changes: Changes, request: Request) -> None:
    """Note a newer compiler of the shim, with the hash of its wheel for each machine."""
    table = tomlkit.parse(shim.TABLE.read_text(encoding="utf-8"))
    compiler = table["compiler"]
    package, have = str(compiler["package"]), str(compiler["version"])
    version = next_version(changes, request, package, have, "jetson_kit/wheels/shim.toml")
    if not version:
        return
    files = index.wheels_of(package, version)
    for machine in list(compiler["wheels"]):
        file = next(
            (index_file for index_file in files if index_file.runs_on(machine, "py3")), None
        )
        if file is None:
            what = f"{version} has no wheel for {machine}"
            changes.decide(package, what, f"wait for it; the shim keeps {have}")
            return
        row = compiler["wheels"][machine]
        row["filename"], row["sha256"] = file.filename, file.sha256
    compiler["version"] = version
    changes.write(shim.TABLE, tomlkit.dumps(table))
    changes.take(package, have, version, "jetson_kit/wheels/shim.toml")


def update_collections(changes: Changes, request: Request) -> None:
    """Note a newer wheel with Ansible's collections, and the versions that it carries."""
    pinned = collections.load()
    version = _carrier(changes, request, pinned)
    if not version:
        return
    files = index.wheels_of(pinned.package, version)
    file = next(
        (f for f in files if f.filename == f"{pinned.package}-{version}-py3-none-any.whl"), None
    )
    if file is None:
        changes.decide(pinned.package, f"{version} has no wheel", f"wait; {pinned.version} stays")
        return
    table = tomlkit.parse(collections.TABLE.read_text(encoding="utf-8"))
    table["wheel"]["version"] = version
    table["wheel"]["sha256"] = file.sha256
    with tempfile.TemporaryDirectory(prefix="kit-data-") as folder:
        wheel = uv.download_wheel(file.filename, file.sha256, Path(folder))
        for collection in pinned.collections:
            row = table["collections"][collection.name]
            row["version"], row["core"] = _carried(wheel, collection)
    changes.write(collections.TABLE, tomlkit.dumps(table))
    changes.take(
        pinned.package, pinned.version, version, "jetson_kit/ansible_driver/collections.toml"
    )


def _carrier(changes: Changes, request: Request, pinned: collections.Pinned) -> str:
    """Return the newest carrier that belongs to the locked ansible-core, "" for no newer one."""
    if not request.covers(pinned.package):
        return ""
    if named := request.version(pinned.package):
        return "" if named == pinned.version else named
    core = index.read(lock_files.REQUIREMENTS / "host.txt")[CORE]
    version = index.newest_with(pinned.package, [f"{CORE}=={core}"])
    newest = index.newest([pinned.package], index.NEWEST_PYTHON)[pinned.package]
    if newest != version:
        what = f"{newest} is there and belongs to another {CORE} than the locked {core}"
        changes.hold(pinned.package, what, f"take that {CORE} first, in requirements/host.in")
    return version if Version(version) > Version(pinned.version) else ""


def _carried(wheel: Path, collection: collections.Collection) -> tuple[str, str]:
    """Return a collection's version in a wheel, and the ansible-core that it asks for."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            manifest = json.loads(archive.read(f"{collection.folder}/MANIFEST.json"))
            runtime = yaml.safe_load(archive.read(f"{collection.folder}/meta/runtime.yml"))
        return str(manifest["collection_info"]["version"]), str(runtime["requires_ansible"])
    except (KeyError, ValueError, yaml.YAMLError) as error:
        raise IntegrityError(
            f"{wheel.name} has no {collection.name} that says its version and its ansible-core",
            "nothing was written; correct jetson_kit/ansible_driver/collections.toml by hand",
        ) from error
