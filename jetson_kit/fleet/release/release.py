"""Releases: what a built image consists of, signed, with its layers as files to be sent.

A release is dist/TARGET/ of a build with release.json and release.json.sig, and signers.json where
the keys that may sign have changed since devices were provisioned. Signatures are those of OpenSSH
(PROTOCOL.sshsig); devices check them with `ssh-keygen -Y verify`.
"""

from __future__ import annotations

import datetime
import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from jetson_kit.build import manifest as build_manifest
from jetson_kit.containers.oci import digest
from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import (
    CHUNK,
    STALE_S,
    check_regular,
    disk_guard,
    open_regular,
    sha256_file,
    write_text,
    written_aside,
)
from jetson_kit.core.output_folder import MANIFEST
from jetson_kit.core.paths import ROOT, SCHEMAS, cache_dir
from jetson_kit.core.reasons import why
from jetson_kit.fleet.release import terms as release_terms
from jetson_kit.fleet.release.build_archive import blob, member, opened, unpacked
from jetson_kit.fleet.release.terms import Terms, parse_time

MOST_NAMED = 5
OTHERS_PLACE = "move it away, and build it again: ./inv build"
SCHEMA = "mediapipe-jetson/release/2"
BEFORE = "mediapipe-jetson/release/1"
SCHEMA_FILE = SCHEMAS / "release.schema.json"
FILE = "release.json"
# The lists of signers that travel with it.
SIGNERS = "signers.json"
# As the device's program has it.
LARGEST = 1 << 20
MANIFEST_MOST = 16 << 20
# Of a build's manifest, what a release takes.
PARTS = ("kit", "plan", "image", "archive")
# As the device names a layer that is on its way.
PART = ".part"
APPLICATION = "io.mediapipe-jetson.app"
# What a release's folder holds beside the archive, each a regular file.
OWN = (MANIFEST, FILE, FILE + ".sig", SIGNERS)
# Unpacked releases that stay in the cache: these newest ones, and all that were used lately.
KEPT = 3


@dataclass(frozen=True)
class Layer:
    """A layer: hash when unpacked, hash and bytes as it is sent, bytes unpacked."""

    diff_id: str
    digest: str
    size: int
    unpacked: int

    @property
    def file(self) -> str:
        """Return the name of its file while it is sent."""
        return self.digest.partition(":")[2] + PART


@dataclass(frozen=True)
class Release:
    """A release as its folder has it."""

    folder: Path
    name: str
    image_id: str
    manifest_digest: str
    architecture: str
    l4t: str
    layers: tuple[Layer, ...]
    number: int
    """Grows from release to release; devices refuse a smaller one than they have confirmed."""
    created: datetime.datetime
    expires: datetime.datetime
    application: str = ""
    """Name of the user's application in it, as its label says; "" for none."""

    @property
    def path(self) -> Path:
        """Return the document; its signature is beside it."""
        return self.folder / FILE

    @property
    def size(self) -> int:
        """Return the bytes of the whole image as it is sent."""
        return sum(layer.size for layer in self.layers)


def folder_of(target: str) -> Path:
    """Return the folder of a build by its target's name or by its path. Raises BadInputError."""
    for folder in (ROOT / "dist" / target, Path(target)):
        if target and (folder / MANIFEST).exists():
            for name in OWN:
                check_regular(folder / name, OTHERS_PLACE)
            return folder
    release = re.match(r"r[0-9.]+[0-9]", target)
    command = f"./inv build --jetson --l4t {release[0]}" if release else "./inv build --jetson"
    built = sorted(path.parent.name for path in (ROOT / "dist").glob(f"*/{MANIFEST}"))
    there = f"; there are {', '.join(built[:MOST_NAMED])}" if built else ""
    raise BadInputError(f"{target} is not built", f"build it: {command}{there}")


def check_same(target: str, image_id: str, what: str) -> None:
    """Raise BadInputError where a target is named and `what` is of another image."""
    if target and load(folder_of(target)).image_id != image_id:
        raise BadInputError(
            f"{what} is of {image_id[:19]}, not of {target}",
            "leave out --resume to begin one, or the release to go on with that",
        )


def make(
    folder: Path, terms: Terms | None = None, sign: Callable[[bytes], str] | None = None
) -> Release:
    """Write release.json for a built image and unpack its layers into the cache.

    Nothing is written where the same is there and most of its time is left, so that signatures
    stay good; another number or validity is another release. `sign` returns the signature of a new
    one; what it raises leaves the old one and its signatures there. Raises BadInputError for a
    folder that is no build, IntegrityError for a damaged archive.
    """
    terms = terms or Terms()
    build = built(folder)
    archive = folder / build["archive"]["file"]
    with opened(archive) as tar:
        raw = blob(tar, build["archive"]["digest"])
        manifest: dict[str, Any] = json.loads(raw)
        config = blob(tar, build["archive"]["config"])
        rows = []
        for row, described in zip(build["archive"]["layers"], manifest["layers"], strict=True):
            if (row["digest"], row["size"]) != (described["digest"], described["size"]):
                raise IntegrityError(f"{archive}: layers and manifest disagree", "build it again")
            rows.append({**row, "unpacked": unpacked(tar, row["digest"], row["diff_id"])})
    plan, image = build["plan"], build["image"]
    target = plan.get("target") or {}
    body = {
        "schema": SCHEMA,
        "kit": build["kit"],
        "name": plan["name"],
        "image": {
            "id": build["archive"]["config"],
            "manifest_digest": build["archive"]["digest"],
            "architecture": image["architecture"],
            "tag": image["tag"],
        },
        "l4t": target.get("l4t", ""),
        "socs": list(plan.get("socs", [])) if target else [],
        "modules": release_terms.parts(target, terms.modules),
        "signers": terms.signers,
        "jetpack": target.get("jetpack", ""),
        "variant": plan["base"]["variant"],
        "mediapipe": plan["mediapipe"]["version"],
        "layers": rows,
        "config": config.decode(),
        "manifest": raw.decode(),
    }
    path = folder / FILE
    body |= release_terms.numbered(body, _document(path), terms)
    jsonschema.validate(body, _schema())
    text = json.dumps(body, indent=1, sort_keys=True) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        signature, block = path.with_name(FILE + ".sig"), sign(text.encode()) if sign else ""
        signature.unlink(missing_ok=True)
        write_text(path, text)
        if block:
            write_text(signature, block)
    return load(folder)


def _document(path: Path) -> dict[str, Any]:
    """Return a release's document, nothing where there is none that can be read."""
    try:
        with open_regular(path, OTHERS_PLACE) as stream:
            body: dict[str, Any] = json.loads(stream.read(LARGEST).decode())
        jsonschema.validate(body, _schema())
        parse_time(body["created"]), parse_time(body["expires"])
    except (OSError, ValueError, RecursionError, jsonschema.ValidationError):
        return {}
    return body


def load(folder: Path) -> Release:
    """Return the release of a folder. Raises BadInputError or IntegrityError."""
    path = folder / FILE
    try:
        with open_regular(path, OTHERS_PLACE) as stream:
            body: dict[str, Any] = json.loads(stream.read(LARGEST).decode())
        if isinstance(body, dict) and body.get("schema") == BEFORE:
            raise BadInputError(
                f"{path} is a release of an older kit, without number and expiry",
                "make and sign it again: ./inv fleet.release",
            )
        jsonschema.validate(body, _schema())
        created, expires = parse_time(body["created"]), parse_time(body["expires"])
    except FileNotFoundError as error:
        raise BadInputError(
            f"{folder} has no release", f"make it: ./inv fleet.release {folder.name}"
        ) from error
    except (OSError, ValueError, RecursionError, jsonschema.ValidationError) as error:
        reason = (error.message if isinstance(error, jsonschema.ValidationError) else why(error))[
            :200
        ]
        raise BadInputError(
            f"{path} is no release: {reason}", "make it: ./inv fleet.release"
        ) from error
    if digest(body["config"].encode()) != body["image"]["id"]:
        raise IntegrityError(f"{path}: the configuration is not the image's", "make it again")
    return Release(
        folder,
        body["name"],
        body["image"]["id"],
        body["image"]["manifest_digest"],
        body["image"]["architecture"],
        body["l4t"],
        tuple(Layer(**row) for row in body["layers"]),
        body["number"],
        created,
        expires,
        _application(body["config"]),
    )


def _application(config: str) -> str:
    """Return an application's name by the label of an image's configuration, which is no secret."""
    try:
        return str(json.loads(config)["config"]["Labels"][APPLICATION])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def layers(release: Release) -> Path:
    """Return a folder with every layer as a file named as the device names it; checked."""
    folder = place(release)
    if lacking := damaged(release):
        build = built(release.folder)
        with opened(release.folder / build["archive"]["file"]) as tar, disk_guard(folder):
            for layer in lacking:
                with written_aside(folder / layer.file) as aside, aside.open("wb") as out:
                    shutil.copyfileobj(member(tar, layer.digest), out, CHUNK)
                if sha256_file(folder / layer.file) != layer.digest.partition(":")[2]:
                    (folder / layer.file).unlink()
                    raise IntegrityError(f"layer {layer.digest} is damaged", "build it again")
    forget_old(folder)
    return folder


def place(release: Release) -> Path:
    """Return the folder of a release's layers, whatever of them is there."""
    return cache_dir("releases", release.image_id.partition(":")[2])


def damaged(release: Release) -> list[Layer]:
    """Return the layers that are not in their folder as they must be; reads all of them."""
    return [layer for layer in release.layers if not whole(place(release) / layer.file, layer)]


def built(folder: Path) -> dict[str, Any]:
    """Return what of a build's manifest a release is made of. Raises BadInputError."""
    path = folder / MANIFEST
    try:
        with open_regular(path, OTHERS_PLACE) as stream:
            body: dict[str, Any] = json.loads(stream.read(MANIFEST_MOST).decode())
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(
            f"{folder} holds no build: {MANIFEST}: {why(error)}",
            "name a target of dist/, or build one: ./inv build",
        ) from error
    if not isinstance(body, dict) or body.get("schema") != build_manifest.SCHEMA:
        raise BadInputError(f"{path} is of another schema", "build it again")
    try:
        build_manifest.check_parts(body, PARTS)
    except jsonschema.ValidationError as error:
        at = ".".join(map(str, error.absolute_path)) or "the document"
        raise BadInputError(
            f"{path} is no manifest of a build: {at}: {error.message}", "build it again"
        ) from error
    return body


def whole(path: Path, layer: Layer) -> bool:
    """Tell whether a layer's file is whole: one that rotted would be refused by every device."""
    if not path.is_file() or path.stat().st_size != layer.size:
        return False
    return sha256_file(path) == layer.digest.partition(":")[2]


def forget_old(folder: Path) -> None:
    """Keep the newest unpacked releases: the archives have them all; runs may be sending some."""
    folder.touch()
    others = sorted(folder.parent.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT:]:
        if time.time() - path.stat().st_mtime > STALE_S:
            shutil.rmtree(path, ignore_errors=True)


@cache
def _schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded
