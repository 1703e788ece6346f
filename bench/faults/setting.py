"""With what the cases are tried: which Docker Engine, and which image is rolled out."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.machine import host_arch
from jetson_kit.core.output_folder import MANIFEST
from jetson_kit.virtual_devices import engines

LARGEST = 1 << 20
SMALL, REAL = "small", "real"
ANY_IMAGE = ("device", "kills", "boards:trial_limit", "boards:trial_boots", "power_loss")
"""Modules and functions of cases that change nothing of the image, so that a real one will do."""


@dataclass(frozen=True)
class Setting:
    """An engine by its name in docker/device-engines.toml, and the folder of a build or None."""

    engine: str
    build: Path | None = None
    arch: str = ""
    """The processor that the build is for, as Debian names it."""

    @property
    def image(self) -> str:
        """Return whether the image is a small one, or a build's."""
        return REAL if self.build else SMALL

    @property
    def name(self) -> str:
        """Return a name for folders and tables."""
        return f"{self.engine}-{self.image}"

    @property
    def label(self) -> str:
        """Return engine and image, as bench/faults.json names them."""
        return f"{self.engine}, {self.image} image"

    def takes(self, how: str) -> bool:
        """Tell whether a case can be tried so, by the name of its function."""
        return self.build is None or not {how, how.partition(":")[0]}.isdisjoint(ANY_IMAGE)

    def of(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a try was of this setting; older tries are of the first one."""
        return (row.get("engine", engines.default()), row.get("image", SMALL)) == (
            self.engine,
            self.image,
        )


def check(engine: str = "", build: Path | None = None) -> Setting:
    """Return the setting that is meant. Raises BadInputError.

    `engine` is a name of docker/device-engines.toml or "" for its default; `build` the folder of a
    build for the devices' processor, None for small images. Raises IntegrityError for a build
    whose archive is not as it was written.
    """
    name = engines.get(engine).name
    if build is None:
        return Setting(name)
    if not (build / MANIFEST).is_file():
        raise BadInputError(f"{build} is no build", "take the folder that ./inv build writes")
    return Setting(name, build.resolve(), _arch(build))


def check_arch(setting: Setting, arches: Mapping[str, str]) -> None:
    """Raise BadInputError where devices have another processor than the build is for.

    `arches` are the devices' processors by kinds, "" for this machine's.
    """
    for kind, arch in arches.items():
        device = arch or host_arch()
        if setting.build and setting.arch != device:
            raise BadInputError(
                f"{setting.build} is for {setting.arch}, and {kind} here are {device}",
                "name a build for their processor",
            )


def _arch(build: Path) -> str:
    """Return what processor a build is for, whose archive is as its manifest says."""
    try:
        body = json.loads((build / MANIFEST).read_text(encoding="utf-8"))
        arch, archive = str(body["image"]["architecture"]), body["archive"]
        file, size, digest = build / str(archive["file"]), archive["size"], archive["digest"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInputError(
            f"{build / MANIFEST} is not what a build writes", "build it again: ./inv build"
        ) from error
    if not file.is_file() or file.stat().st_size != size:
        what = "is not whole" if file.is_file() else "is not there"
        raise IntegrityError(f"{file} {what}", "build it again: ./inv build")
    blob = f"blobs/sha256/{str(digest).partition(':')[2]}"
    try:
        with tarfile.open(file) as tar:
            stream = tar.extractfile(blob)
            raw = stream.read(LARGEST) if stream else b""
    except (OSError, KeyError, tarfile.TarError, EOFError) as error:
        raise IntegrityError(f"{file} is damaged", "build it again: ./inv build") from error
    if hashlib.sha256(raw).hexdigest() != blob.rpartition("/")[2]:
        raise IntegrityError(f"{file} is damaged", "build it again: ./inv build")
    return arch
