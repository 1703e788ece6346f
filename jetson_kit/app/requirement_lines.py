"""Lines of requirements files as pip and uv read them: joined, checked, taken apart."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from jetson_kit.app.source import unpack
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.text import shown

# Options that say where packages are.
PLACES = re.compile(r"^\s*(?:-i|-f|--index-url|--extra-index-url|--find-links|--no-index)\b")
# What pip puts a variable of the environment in place of, in any line.
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
REMOTE = ("git+", "http:", "https:")
# Folders of conda's own builds, which pip freeze names in its environments.
CONDAS = ("/feedstock_root/", "/croot/", "/conda-bld/", "/tmp/build/")  # noqa: S108 # a name in a file
# Options that uv and pip take in such a file.
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


def joined(rows: Sequence[str]) -> list[str]:
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


def is_remote(line: str) -> bool:
    """Return whether a line says where packages are, or names one by its address."""
    match = DIRECT.match(uncommented(line))
    there = match and match["place"].startswith(REMOTE)
    return bool(there or PLACES.match(line))


def unset(file: Path, number: int, line: str) -> str:
    """Return what is to say of a line's first variable that is not set; "" where all are."""
    for name in VARIABLE.findall(uncommented(line)):
        if not os.environ.get(name):
            return f"{file}: line {number} names the variable {name}, which is not set"
    return ""


def value(match: re.Match[str]) -> str:
    """Return what the environment has in place of a variable, or the variable."""
    return os.environ.get(match[1]) or match[0]


def unquoted(place: str) -> str:
    """Return a path as pip and uv take it: in quotes, with blanks, or with backslashes there."""
    if len(place) > 1 and place[0] == place[-1] and place[0] in "'\"":
        return place[1:-1]
    return place.replace("\\ ", " ")


def direct(file: Path, number: int, line: str, folder: Path) -> Direct | None:
    """Return a line's requirement that names its source, None for other lines.

    Raises BadInputError for a source that no build can take.
    """
    match = DIRECT.match(uncommented(line))
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


def check(path: Path, number: int, line: str) -> None:
    """Raise BadInputError for a line that is neither a requirement nor an option."""
    text = uncommented(line).removesuffix("\\").strip()
    if text.startswith("-"):
        _check_option(path, number, text)
    if not text or text.startswith(("-", "http:", "https:")):
        return
    try:
        Requirement(plain(text))
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


def check_hashes(file: Path, number: int, line: str) -> None:
    """Raise BadInputError for a hash that would be passed over, since it is none of ours."""
    text = uncommented(line)
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


def uncommented(line: str) -> str:
    """Return a line without its comment and the blanks around it."""
    return re.sub(r"(^|\s)#.*$", "", line).strip()


def plain(line: str) -> str:
    """Return a line without comment and hashes."""
    return re.sub(r"\s--hash=\S+", "", uncommented(line))


def _check_source(file: Path, number: int, path: Path) -> None:
    """Raise BadInputError for a path of a requirement that is no source of a package."""
    if path.is_file() and path.name.endswith(unpack.ARCHIVES):
        return
    if not any((path / name).is_file() for name in ("pyproject.toml", "setup.py")):
        what = "has neither pyproject.toml nor setup.py" if path.is_dir() else "is not there"
        raise BadInputError(
            f"{file}: line {number}: {path} {what}", "name the folder of a Python package"
        )


def _check_option(path: Path, number: int, text: str) -> None:
    """Raise BadInputError for an option that no requirements file has."""
    option = re.split(r"[\s=]", text, maxsplit=1)[0]
    if option not in OPTIONS and option[:2] not in SHORT:
        raise BadInputError(
            f"{path}: line {number}: {shown(option)} is no option of a requirements file",
            "take it out, or write it like numpy>=1.26",
        )
