"""Reports as files: read, measured against their schema, told apart from what is none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match
from mediapipe_jetson.verify.report import parse

from jetson_kit.core.errors import BadInputError
from jetson_kit.wheels.device_wheel import SOURCE

DATA = SOURCE / "src" / "mediapipe_jetson" / "data"
SCHEMA = "mediapipe-jetson/verify/1"
# A soak of all tasks is the longest report; more than this is none.
MOST_BYTES = 32 * 1024 * 1024
WORDS = 200
CURE = "make one on a device: python -m mediapipe_jetson verify --json FILE"


@dataclass(frozen=True)
class Report:
    """One file; `document` is None where `problem` says why it is no report."""

    path: Path
    sha256: str
    size: int
    document: dict[str, Any] | None
    problem: str = ""

    @property
    def name(self) -> str:
        """Return the device's name: the file's, or the host's where the file's says nothing."""
        host = self.document.get("host") if self.document else None
        return str(host) if self.path.stem in ("report", "verify") and host else self.path.stem


def find(places: Sequence[Path]) -> list[Path]:
    """Return the files that are named or lie (as *.json) in folders named, each once.

    A file that has several paths keeps the one given first; of a folder a file before its links.

    Raises BadInputError where there is none.
    """
    paths: list[Path] = []
    for place in places:
        if place.is_dir():
            files = [path for path in place.glob("*.json") if path.is_file()]
            paths += sorted(files, key=lambda path: (path.is_symlink(), path))
        elif place.is_file():
            paths.append(place)
        else:
            raise BadInputError(f"there is no report {place}", CURE)
    if not paths:
        raise BadInputError(f"no *.json lies in {', '.join(map(str, places))}", CURE)
    once: dict[Path, Path] = {}
    for path in paths:
        once.setdefault(path.resolve(), path)
    return list(once.values())


def read(path: Path) -> Report:
    """Return a file as a report; whatever it holds, nothing is raised for it."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        return Report(path, "", 0, None, f"it can't be read: {error.strerror}")
    if size > MOST_BYTES:
        return Report(path, "", size, None, f"it is too large: {size} bytes")
    digest = hashlib.sha256(content).hexdigest()
    try:
        return Report(path, digest, len(content), _document(content))
    except RecursionError:
        return Report(path, digest, len(content), None, "it is nested too deep")
    except ValueError as error:
        return Report(path, digest, len(content), None, str(error))


def _document(content: bytes) -> dict[str, Any]:
    """Return what fits the schema; raise ValueError with the reason, RecursionError."""
    try:
        document = parse(content)
    except json.JSONDecodeError as error:
        rest = error.doc[error.pos :].strip()
        if not rest or error.msg.startswith("Unterminated"):
            raise ValueError(f"it is truncated: its JSON ends after {len(content)} bytes") from None
        raise ValueError(f"it is no JSON in line {error.lineno}") from None
    except UnicodeError:
        raise ValueError("it is no JSON: its text is not UTF-8") from None
    except ValueError as error:
        raise ValueError(f"it is no JSON: {str(error)[:WORDS]}") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise ValueError(f"its schema is {str(schema)[:80]!r}, not {SCHEMA}")
    wrong = best_match(_validator().iter_errors(document))
    if wrong:
        raise ValueError(_describe(wrong))
    result: dict[str, Any] = document
    return result


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads((DATA / "verify.schema.json").read_text(encoding="utf-8"))
    quick = {"items": _items, "additionalProperties": _additional}
    quicker: type[Draft202012Validator]
    quicker = validators.extend(Draft202012Validator, quick)  # type: ignore[no-untyped-call]
    return quicker(schema)


# Most of a report are long lists of texts and counts: looked at at once, they take no time.
PLAIN = {"string": str, "integer": int}
PLAIN_SCHEMAS = [{"type": name} for name in PLAIN]


def _plain(values: Iterable[Any], schema: Any) -> bool:  # noqa: ANN401 # JSON
    requested = PLAIN.get(schema["type"]) if schema in PLAIN_SCHEMAS else None
    return requested is not None and all(type(value) is requested for value in values)


def _items(validator: Any, schema: Any, values: Any, parent: Any) -> Iterator[Any]:  # noqa: ANN401
    if not (isinstance(values, list) and _plain(values, schema)):
        yield from Draft202012Validator.VALIDATORS["items"](validator, schema, values, parent)


def _additional(validator: Any, schema: Any, value: Any, parent: Any) -> Iterator[Any]:  # noqa: ANN401
    alone = "properties" not in parent and "patternProperties" not in parent
    if not (alone and isinstance(value, dict) and _plain(value.values(), schema)):
        usual = Draft202012Validator.VALIDATORS["additionalProperties"]
        yield from usual(validator, schema, value, parent)


def _describe(error: ValidationError) -> str:
    place = ".".join(str(part)[:40] for part in error.absolute_path) or "the document"
    return f"it does not fit the schema: {place}: {error.message[:WORDS]}"
