"""A journal on the disk: JSON lines, only ever appended, each on the disk before it counts.

Replaying the lines gives the state; a line that was cut off by a crash is as if it never was.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import jsonschema

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import disk_guard, open_regular
from jetson_kit.fleet.lines import Lines

State = TypeVar("State")
MOST = 512 << 20
"""Bytes of a journal; one of ten thousand boards has some 60 MB."""


@dataclass(frozen=True)
class Format(Generic[State]):
    """What a journal's lines are and add up to."""

    schema: str
    """Of the first line; a journal of another one was written by another kit."""
    empty: State
    apply: Callable[[State, Mapping[str, Any]], State]
    check: Callable[[Any], None]
    """Raises ValueError, KeyError or ValidationError for a line that no reader would take."""
    begin: Callable[..., None]
    status: str
    """The command that shows what the devices are on."""

    def read(self, path: Path) -> tuple[State, int, int]:
        """Return the state, the bytes of all whole lines, and their number.

        Raises BadInputError without a journal, IntegrityError for a damaged one.
        """
        raw = self._raw(path)
        state, size, number = self.empty, 0, 0
        # What stands after the last end of a line is a torn line.
        for text in raw.split(b"\n")[:-1]:
            try:
                line = json.loads(text)
                self._of_this_kit(path, line, number)
                self.check(line)
                if line["seq"] != number or (number == 0) != (line["event"] == "begin"):
                    raise ValueError("it is out of order")  # noqa: TRY301 # told with the others
                state = self.apply(state, line)
            except (
                ValueError, LookupError, TypeError, AttributeError, RecursionError,
                jsonschema.ValidationError,
            ) as error:  # fmt: skip
                message = getattr(error, "message", error)
                raise IntegrityError(
                    f"{path} line {number + 1} is damaged: {message}",
                    f"what the devices are on: {self.status}; then begin a new rollout",
                ) from error
            size, number = size + len(text) + 1, number + 1
        if not number:
            raise BadInputError(f"{path} holds no rollout", "it was killed as it began: begin anew")
        return state, size, number

    def _raw(self, path: Path) -> bytes:
        cure = f"what the devices are on: {self.status}; then begin a new rollout"
        try:
            with open_regular(path, cure) as stream:
                raw = stream.read(MOST + 1)
        except OSError as error:
            raise BadInputError(f"cannot read {path}: {error.strerror}") from error
        if len(raw) > MOST:
            raise IntegrityError(f"{path} has more than {MOST >> 20} MiB", cure)
        return raw

    def _of_this_kit(self, path: Path, line: Any, number: int) -> None:  # noqa: ANN401
        """Raise IntegrityError for a journal that another version of the kit has begun."""
        schema = line.get("schema") if isinstance(line, dict) and not number else None
        own, _, version = self.schema.rpartition("/")
        if isinstance(schema, str) and schema.startswith(f"{own}/") and schema != self.schema:
            raise IntegrityError(
                f"{path} has format {schema.rpartition('/')[2][:20]}, this kit reads {version}",
                "go on with the version of the kit that began it",
            )


class JournalFile(Lines[State]):
    """A journal that is written; a kind of it names its FORMAT."""

    FORMAT: ClassVar[Format[Any]]

    def __init__(self, path: Path, record: State, size: int, number: int) -> None:
        super().__init__(self.FORMAT.apply, record, number)
        self.path = path
        with disk_guard(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            # What a crash left of a line must not become the beginning of the next one.
            os.ftruncate(self._file, size)
            handle = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    @classmethod
    def new(cls, path: Path, **facts: Any) -> Self:  # noqa: ANN401 # those of the format's begin
        """Begin a journal; its name is the rollout's id, `facts` are what begin takes."""
        if path.exists():
            raise BadInputError(f"there is a rollout {path.stem} already", "begin it again")
        journal = cls(path, cls.FORMAT.empty, 0, 0)
        cls.FORMAT.begin(journal, path.stem, **facts)
        return journal

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a journal to go on with it. Raises as Format.read does."""
        return cls(path, *cls.FORMAT.read(path))

    def _check(self, line: Mapping[str, Any]) -> None:
        self.FORMAT.check(line)

    def _keep(self, line: Mapping[str, Any]) -> None:
        """Put a line on the disk. Raises DiskFullError."""
        text = json.dumps(line, sort_keys=True, ensure_ascii=False)
        # Half a character, as a board may send it, stands there as its escape.
        raw = text.encode("utf-8", "backslashreplace") + b"\n"
        with disk_guard(self.path.parent):
            self._write(raw)

    def _write(self, raw: bytes) -> None:
        while raw:
            raw = raw[os.write(self._file, raw) :]
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            os.close(self._file)
