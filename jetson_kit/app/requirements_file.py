"""An application's requirements files: checked, with what names a source itself set apart."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from jetson_kit.app import requirement_lines
from jetson_kit.app.requirement_lines import PLACES, VARIABLE, Direct, plain, value
from jetson_kit.core.errors import BadInputError, NetworkError, StepFailedError

INCLUDED = re.compile(r"^(?:-r|-c|--requirement|--constraint)[\s=]*(.+)$")
EXPORT = "export it, or write its value"
# What uv and pip take in such a file.
LARGEST = 1 << 20


@dataclass(frozen=True)
class Requirements:
    """A requirements file of `folder`, and the files that it names."""

    folder: Path
    path: Path
    texts: Mapping[Path, str]
    directs: tuple[Direct, ...]
    recoded: bool = False
    """Whether a file is one that pip reads and uv does not, so that `texts` say it otherwise."""
    unset: str = ""
    """The first variable of an address that is not set, and where it is named; "" for none."""

    @property
    def options(self) -> tuple[str, ...]:
        """Return the lines that say where packages are, paths absolute."""
        lines = (line for text in self.texts.values() for line in text.splitlines())
        places = (line.strip() for line in lines if PLACES.match(line))
        return tuple(_absolute(VARIABLE.sub(value, line), self.folder) for line in places)

    def of(self, name: str) -> list[str]:
        """Return the requirements for a package, by its normalised name."""
        result = []
        for text in self.texts.values():
            for line in text.splitlines():
                try:
                    requirement = Requirement(plain(line))
                except InvalidRequirement:
                    continue
                if canonicalize_name(requirement.name) == name and not requirement.url:
                    result.append(f"{name}{requirement.specifier}")
        return result

    def hashes(self, name: str) -> frozenset[str]:
        """Return the sha256 that the requirements allow of a package; none where all are."""
        result: set[str] = set()
        for text in self.texts.values():
            for line in re.sub(r"\\\n", " ", text).splitlines():
                start = re.match(r"\s*([A-Za-z0-9][\w.-]*)", line)
                if start and canonicalize_name(start[1]) == name:
                    result |= set(re.findall(r"--hash[=\s]sha256:([0-9a-f]{64})", line))
        return frozenset(result)

    def rewritten(self, into: Path, pins: Mapping[Direct, str]) -> Path:
        """Write the files with versions in place of sources; return the first one's path."""
        for path, text in self.texts.items():
            lines = ["" if PLACES.match(line) else line for line in text.splitlines()]
            for direct, pin in pins.items():
                if direct.file == path:
                    lines[direct.number - 1] = pin
            place = self._place(into, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch(0o600)
            place.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return self._place(into, self.path)

    def _place(self, into: Path, path: Path) -> Path:
        return into / path.resolve().relative_to(self.folder.resolve())


def read(path: Path, folder: Path) -> Requirements:
    """Return a requirements file with those that it names. Raises BadInputError."""
    texts: dict[Path, str] = {}
    directs: list[Direct] = []
    recoded = False
    unset = ""
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file in texts:
            continue
        if not file.resolve().is_relative_to(folder.resolve()):
            raise _outside(file, folder)
        try:
            if file.exists() and not file.is_file():
                raise BadInputError(f"{file} can't be read: it is no file", "correct requirements")
            with file.open("rb") as stream:
                content = stream.read(LARGEST + 1)
            if len(content) > LARGEST:
                raise BadInputError(f"{file} is larger than 1 MiB", "it is no list of requirements")
            marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            text = content.decode("utf-16" if marked else "utf-8-sig")
        except (OSError, ValueError) as error:
            raise _unreadable(file, error) from error
        if "\0" in text:
            raise BadInputError(
                f"{file} can't be read: it has NUL characters, as UTF-16 without its mark has",
                "save it as UTF-8",
            )
        lines = []
        for number, raw in enumerate(requirement_lines.joined(text.splitlines()), 1):
            remote = requirement_lines.is_remote(raw)
            lacks = requirement_lines.unset(file, number, raw)
            if lacks and not remote:
                raise BadInputError(lacks, EXPORT)
            unset = unset or lacks
            line = VARIABLE.sub(value, raw)
            requirement_lines.check_hashes(file, number, line)
            if direct := requirement_lines.direct(file, number, line, folder):
                directs.append(direct)
            else:
                requirement_lines.check(file, number, line)
            # What is in an address may be a password, and is asked for where it is needed.
            lines.append(raw if direct or remote else line)
            if match := INCLUDED.match(requirement_lines.uncommented(line)):
                waiting.append(
                    _included(file, number, requirement_lines.unquoted(match[1]), folder)
                )
        recoded = recoded or marked or lines != text.splitlines()
        texts[file] = text if lines == text.splitlines() else "\n".join((*lines, ""))
    return Requirements(folder, path, texts, tuple(directs), recoded, unset)


def _outside(path: Path, folder: Path) -> BadInputError:
    """Return the error of a file in the folder that leads out of it, by itself or a folder."""
    leads = "is a link" if path.is_symlink() else "leads"
    return BadInputError(
        f"{path} {leads} to {path.resolve()}, outside of {folder}", "copy the file there"
    )


def _unreadable(path: Path, error: Exception) -> BadInputError:
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        return BadInputError(f"{path} can't be read: line {line} is not UTF-8", "save it as UTF-8")
    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
    return BadInputError(f"{path} can't be read: {reason}", "correct requirements")


@contextlib.contextmanager
def asking(unset: str) -> Iterator[None]:
    """Name a variable that is not set where something can't be fetched.

    Raises BadInputError then.
    """
    try:
        yield
    except (NetworkError, StepFailedError) as error:
        if not unset:
            raise
        raise BadInputError(f"{unset}; {error.message}", EXPORT) from error


def _included(file: Path, number: int, place: str, folder: Path) -> Path:
    """Return a file that a line names. Raises BadInputError for an address and for what is none."""
    if "://" in place:
        raise BadInputError(
            f"{file}: line {number} names a file at an address", "put it into the folder"
        )
    path = file.parent / place
    if not path.resolve().is_relative_to(folder.resolve()):
        if Path(os.path.normpath(path)).is_relative_to(folder):
            raise _outside(path, folder)
        raise BadInputError(
            f"{file.name} names {path.resolve()}, outside of {folder}", "move it there"
        )
    if not path.is_file():
        what = "is no file" if path.exists() else "is not there"
        raise BadInputError(f"{file}: line {number}: {path} {what}", "correct the path")
    return path


def _absolute(line: str, folder: Path) -> str:
    """Return a line of options with a folder's path made absolute."""
    option, _, place = line.replace("=", " ", 1).partition(" ")
    place = place.strip()
    if option in ("-f", "--find-links") and "://" not in place:
        return f"{option} {folder / place}"
    return f"{option} {place}".strip()
