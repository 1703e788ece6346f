"""The models of MediaPipe's legacy solutions that no bundle has: out of an official wheel, by hash.

The table is the device wheel's, which looks for the files under the same names.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mediapipe_jetson.solutions import fetching

from jetson_kit.core.errors import IntegrityError, NetworkError
from jetson_kit.core.files import sha256_file, written_aside
from jetson_kit.core.paths import cache_dir
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.device_wheel import SOURCE

DATA = SOURCE / "src" / "mediapipe_jetson" / "data"
TABLE = DATA / "legacy_models.json"
HOOK = DATA / "mediapipe_jetson_solutions.pth"
"""What lets `import mediapipe` find the solutions, beside the packages."""


@dataclass(frozen=True)
class LegacyModel:
    """A model; `member` is its path in the official wheel."""

    filename: str
    member: str
    sha256: str


def listed() -> tuple[LegacyModel, ...]:
    """Return the models that an image holds beside the bundles."""
    document = json.loads(TABLE.read_text(encoding="utf-8"))
    rows = [row for row in document["models"].values() if not {"same_weights", "package"} & {*row}]
    return tuple(
        LegacyModel(Path(row["file"]).name, f"mediapipe/modules/{row['file']}", row["sha256"])
        for row in rows
    )


def fetch() -> list[Path]:
    """Return the files, fetched where one is missing or damaged.

    Raises NetworkError and IntegrityError.
    """
    folder = cache_dir("models")
    chosen = listed()
    missing = [model for model in chosen if not _intact(folder / model.filename, model.sha256)]
    if missing:
        _unpack(missing, folder)
    return [folder / model.filename for model in chosen]


def fetch_pose() -> list[Path]:
    """Return the lite and heavy pose models, which images lack.

    They come from their publisher or by npm, as in the device wheel. Raises NetworkError.
    """
    folder = cache_dir("models")
    document = json.loads(TABLE.read_text(encoding="utf-8"))
    rows = [row for row in document["models"].values() if "package" in row]
    result = {folder / Path(row["file"]).name: row["sha256"] for row in rows}
    if not all(_intact(path, digest) for path, digest in result.items()):
        try:
            fetching.pose(folder)
        except fetching.FetchError as error:
            raise NetworkError(f"cannot fetch the lite and heavy pose models: {error}") from error
    return list(result)


def _intact(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_file(path) == sha256


def _unpack(missing: Sequence[LegacyModel], folder: Path) -> None:
    source = json.loads(TABLE.read_text(encoding="utf-8"))["wheel"]
    pin = wheels.select(source["arch"], source["python"], source["version"])
    with zipfile.ZipFile(wheels.fetch(pin)) as archive:
        for model in missing:
            with written_aside(folder / model.filename) as part:
                with archive.open(model.member) as packed, part.open("wb") as out:
                    shutil.copyfileobj(packed, out)
                if sha256_file(part) != model.sha256:
                    raise IntegrityError(
                        f"{pin.filename} does not carry {model.member} with sha256 {model.sha256}",
                        f"correct {TABLE.name}",
                    )
