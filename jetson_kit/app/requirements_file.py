"""An application's requirements files: checked, with what names a source itself set apart."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from jetson_kit.app.source import unpack
from jetson_kit.core.errors import BadInputError, NetworkError, StepFailedError
from jetson_kit.core.text import shown

# Options that say where packages are.
PLACES = re.compile(r"^\s*(?:-i|-f|--index-url|--extra-index-url|--find-links|--no-index)\b")
INCLUDED = re.compile(r"^(?:-r|-c|--requirement|--constraint)[\s=]*(.+)$")
# What pip puts a variable of the environment in place of, in any line.
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
EXPORT = "export it, or write its value"
REMOTE = ("git+", "http:", "https:")
# Folders of conda's own builds, which pip freeze names in its environments.
CONDAS = ("/feedstock_root/", "/croot/", "/conda-bld/", "/tmp/build/")  # noqa: S108 # a name in a file
# What uv and pip take in such a file.
LARGEST = 1 << 20
SHORT = ("-i", "-f", "-r", "-c", "-e")
OPTIONS = (
    *("--index-url", "--extra-index-url", "--no-index", "--find-links", "--requirement"),
    *("--constraint", "--editable", "--no-binary", "--only-binary", "--prefer-binary", "--pre"),
    *("--require-hashes", "--trusted-host", "--use-feature", "--hash", "--config-settings"),
    *("--global-option", "--process-dependency-links"),
)
CONDA = re.compile(r"[\w.-]+=[^=\s]+(=[^=\s]+)?")
SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
# A requirement that names its source: -e PLACE, NAME @ PLACE, or PLACE alone; then its marker.
DIRECT = re.compile(
    r"^(?:(?:-e|--editable)[\s=]*|(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<extras>\[[^\]]*\])?\s*@\s*)?"
    r"(?P<place>(?:git\+|https?:|file:|\.{0,2}/|\.(?=$|[\s\[;]))[^\s;\[]*)(?P<more>\[[^\]]*\])?"
    r"(?P<hashes>(?:\s+--hash=\S+)*)\s*(?:;\s*(?P<marker>.*))?$"
)


@dataclass(frozen=True)
class Direct:
    """A requirement that names its source: `place` is a path, an address or git+ADDRESS."""

    file: Path
    number: int
    place: str
    name: str
    extras: str
    marker: str

    @property
    def kind(self) -> str:
        """Return the kind of source: git, url or folder."""
        if self.place.startswith("git+"):
            return "git"
        return "url" if self.place.startswith(("http:", "https:")) else "folder"

    def pinned(self, name: str, version: str) -> str:
        """Return the requirement with a version in place of its source."""
        return f"{name}{self.extras}=={version}" + (f" ; {self.marker}" if self.marker else "")


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
        return tuple(_absolute(VARIABLE.sub(_value, line), self.folder) for line in places)

    def of(self, name: str) -> list[str]:
        """Return the requirements for a package, by its normalised name."""
        result = []
        for text in self.texts.values():
            for line in text.splitlines():
                try:
                    requirement = Requirement(_plain(line))
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
        one = waiting.pop()
        if one in texts:
            continue
        if not one.resolve().is_relative_to(folder.resolve()):
            raise BadInputError(f"{path.name} names {one}, outside of {folder}", "move it there")
        try:
            if one.exists() and not one.is_file():
                raise BadInputError(f"{one} can't be read: it is no file", "correct requirements")
            with one.open("rb") as stream:
                content = stream.read(LARGEST + 1)
            if len(content) > LARGEST:
                raise BadInputError(f"{one} is larger than 1 MiB", "it is no list of requirements")
            marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            text = content.decode("utf-16" if marked else "utf-8-sig")
        except (OSError, ValueError) as error:
            raise _unreadable(one, error) from error
        if "\0" in text:
            raise BadInputError(
                f"{one} can't be read: it has NUL characters, as UTF-16 without its mark has",
                "save it as UTF-8",
            )
        lines = []
        for number, raw in enumerate(_joined(text.splitlines()), 1):
            remote = _is_remote(raw)
            lacks = _unset(one, number, raw)
            if lacks and not remote:
                raise BadInputError(lacks, EXPORT)
            unset = unset or lacks
            line = VARIABLE.sub(_value, raw)
            _check_hashes(one, number, line)
            if direct := _direct(one, number, line, folder):
                directs.append(direct)
            else:
                _check(one, number, line)
            # What is in an address may be a password, and is asked for where it is needed.
            lines.append(raw if direct or remote else line)
            if match := INCLUDED.match(_uncommented(line)):
                waiting.append(_included(one, number, _unquoted(match[1]), folder))
        recoded = recoded or marked or lines != text.splitlines()
        texts[one] = text if lines == text.splitlines() else "\n".join((*lines, ""))
    return Requirements(folder, path, texts, tuple(directs), recoded, unset)


def _unreadable(path: Path, error: Exception) -> BadInputError:
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        return BadInputError(f"{path} can't be read: line {line} is not UTF-8", "save it as UTF-8")
    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
    return BadInputError(f"{path} can't be read: {reason}", "correct requirements")


def _joined(rows: Sequence[str]) -> list[str]:
    """Return lines with those that a backslash goes on in, joined as pip does, and empty ones.

    Hashes on lines of their own stay there, where uv takes them.
    """
    result: list[str] = []
    start, joins = None, False
    for row in rows:
        comment, hashes = row.lstrip().startswith("#"), row.lstrip().startswith("--")
        if start is not None and not comment and (joins or not hashes):
            result[start] = result[start].removesuffix("\\") + row
            result.append("")
            joins = True
        else:
            result.append(row)
            start, joins = len(result) - 1, False
        # pip would join these, too, and drop what follows with the comment.
        if not row.endswith("\\") or comment or " #" in row:
            start = None
    return result


def _is_remote(line: str) -> bool:
    """Return whether a line says where packages are, or names one by its address."""
    match = DIRECT.match(_uncommented(line))
    there = match and match["place"].startswith(REMOTE)
    return bool(there or PLACES.match(line))


def _unset(file: Path, number: int, line: str) -> str:
    """Return what is to say of a line's first variable that is not set; "" where all are."""
    for name in VARIABLE.findall(_uncommented(line)):
        if not os.environ.get(name):
            return f"{file}: line {number} names the variable {name}, which is not set"
    return ""


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


def _value(match: re.Match[str]) -> str:
    return os.environ.get(match[1]) or match[0]


def _unquoted(place: str) -> str:
    """Return a path as pip and uv take it: in quotes, with blanks, or with backslashes there."""
    if len(place) > 1 and place[0] == place[-1] and place[0] in "'\"":
        return place[1:-1]
    return place.replace("\\ ", " ")


def _included(file: Path, number: int, place: str, folder: Path) -> Path:
    """Return a file that a line names. Raises BadInputError for an address and for what is none."""
    if "://" in place:
        raise BadInputError(
            f"{file}: line {number} names a file at an address", "put it into the folder"
        )
    path = file.parent / place
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BadInputError(f"{file.name} names {path}, outside of {folder}", "move it there")
    if not path.is_file():
        what = "is no file" if path.exists() else "is not there"
        raise BadInputError(f"{file}: line {number}: {path} {what}", "correct the path")
    return path


def _direct(file: Path, number: int, line: str, folder: Path) -> Direct | None:
    match = DIRECT.match(_uncommented(line))
    if not match:
        return None
    place = match["place"]
    if place.startswith(("http:", "https:")) and place.partition("#")[0].endswith(".whl"):
        return None
    local = not place.startswith(REMOTE)
    if local:
        if place.endswith(".whl"):
            raise BadInputError(
                f"{file}: line {number} names a local path",
                "put its wheel into the folder wheels/ and name the package alone",
            )
        inside = (file.parent / place.removeprefix("file:").removeprefix("//")).resolve()
        if not inside.is_relative_to(folder.resolve()):
            raise BadInputError(
                f"{file}: line {number} names a local path outside of {folder}",
                "conda's own, of this machine: pip list --format=freeze writes versions"
                if any(part in place for part in CONDAS)
                else "move it there, or put its wheel into the folder wheels/",
            )
        _check_source(file, number, inside)
        place = inside.relative_to(folder.resolve()).as_posix()
    digest = re.search(r"--hash=(sha256:[0-9a-f]{64})", match["hashes"])
    if digest and not local:
        place = f"{place.partition('#')[0]}#{digest[1].replace(':', '=')}"
    extras = match["extras"] or match["more"] or ""
    return Direct(file, number, place, match["name"] or "", extras, (match["marker"] or "").strip())


def _check_source(file: Path, number: int, path: Path) -> None:
    """Raise BadInputError for a path of a requirement that is no source of a package."""
    if path.is_file() and path.name.endswith(unpack.ARCHIVES):
        return
    if not any((path / name).is_file() for name in ("pyproject.toml", "setup.py")):
        what = "has neither pyproject.toml nor setup.py" if path.is_dir() else "is not there"
        raise BadInputError(
            f"{file}: line {number}: {path} {what}", "name the folder of a Python package"
        )


def _check(path: Path, number: int, line: str) -> None:
    text = _uncommented(line).removesuffix("\\").strip()
    if text.startswith("-"):
        _check_option(path, number, text)
    if not text or text.startswith(("-", "http:", "https:")):
        return
    try:
        Requirement(_plain(text))
    except InvalidRequirement as error:
        if CONDA.fullmatch(text):
            raise BadInputError(
                f"{path}: line {number} is conda's own form, name=version=build",
                "write name==version; pip list --format=freeze does",
            ) from error
        reason = str(error).splitlines()[0]
        raise BadInputError(
            f"{path}: line {number} is no requirement: {reason}", "write it like numpy>=1.26"
        ) from error


def _check_option(path: Path, number: int, text: str) -> None:
    """Raise BadInputError for an option that no requirements file has."""
    option = re.split(r"[\s=]", text, maxsplit=1)[0]
    if option not in OPTIONS and option[:2] not in SHORT:
        raise BadInputError(
            f"{path}: line {number}: {shown(option)} is no option of a requirements file",
            "take it out, or write it like numpy>=1.26",
        )


def _check_hashes(file: Path, number: int, line: str) -> None:
    """Raise BadInputError for a hash that would be passed over, since it is none of ours."""
    text = _uncommented(line)
    given = re.findall(r"--hash(?:[=\s]+(\S*)|$)", text)
    wrong = [item for item in given if not SHA256.fullmatch(item)]
    if match := DIRECT.match(text):
        parts = match["place"].partition("#")[2].split("&")
        hashes = [
            part for part in parts if re.match(r"(md5|sha\d+|blake\w*)=", part, re.IGNORECASE)
        ]
        wrong += [part for part in hashes if not SHA256.fullmatch(part.replace("=", ":", 1))]
    if wrong:
        raise BadInputError(
            f"{file}: line {number}: the hash {shown(wrong[0])} is none",
            "write sha256 and its 64 hex digits",
        )


def _uncommented(line: str) -> str:
    return re.sub(r"(^|\s)#.*$", "", line).strip()


def _plain(line: str) -> str:
    return re.sub(r"\s--hash=\S+", "", _uncommented(line))


def _absolute(line: str, folder: Path) -> str:
    """Return a line of options with a folder's path made absolute."""
    option, _, place = line.replace("=", " ", 1).partition(" ")
    place = place.strip()
    if option in ("-f", "--find-links") and "://" not in place:
        return f"{option} {folder / place}"
    return f"{option} {place}".strip()
