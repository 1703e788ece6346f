"""The Python that commands of a Dockerfile install besides the image's own, or take."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from mediapipe_jetson.doctor.files.facts import CONDA, UV, UV_ALONE

UNKNOWN = "?"
# Each with what may name the version further down the line.
APTS = re.compile(r"\bapt(?:-get)?\s+install\b")
CONDAS = re.compile(r"\b(?:conda|(?:micro)?mamba)\s+(?:create|install)\b")
OF_APT = re.compile(r"\bpython(3\.\d+)\b")
OF_CONDA = re.compile(r"\bpython=?=?(3\.\d+)")
BUILT = re.compile(r"\bpyenv\s+install\s+\S*?(3\.\d+)|\bPython-(3\.\d+)[\d.]*\.t")
COPIED = re.compile(r"COPY\s+--from=\S*python:(3\.\d+)")
VAGUE = re.compile(r"\b((?:miniconda|miniforge|mambaforge)\d*|micromamba|pyenv|deadsnakes)\b", re.I)
# An environment from a file, which names its Python.
FILED = re.compile(r"\b(?:conda|mamba|micromamba)\s+env\s+(?:create|update)\b")
MICROMAMBA = re.compile(r"\bmicromamba\s+(?:create|install)\b")
FILE = re.compile(r"\s(?:-f|--file)\b")
# It takes the image's Python where that is one the project allows, else it fetches another.
TAKES = re.compile(r"\buv\s+(sync|venv|run)\b")
LISTED = re.compile(r"^RUN\s+\[(.*)\]\s*$", re.MULTILINE)
MARKS = re.compile(r"[\s\"'\[\],()]+")
SEPARATORS = re.compile(r"[\n;&|]+")
VERSION = re.compile(r"(?:(?:\S*/)?(?:cpython|python)[@-]?)?(3\.\d+)(?:\.\d+)?(?:-[\w.-]+)?")
OPTION = re.compile(r"(?:-p|--python)(?:=|(?=\d)|$)(.*)")
FETCHES = re.compile(r"only-managed|--managed-python\b|\bUV_MANAGED_PYTHON\b")
SET = re.compile(r"(?:ENV|ARG)\s+(.*)", re.DOTALL)
NAMED = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
APT = re.compile(r"\bapt(?:-get)?\b")


def installed(text: str) -> str:
    """Return the Python that commands install, "?" for one of an unknown version.

    It is UV where uv takes the image's own, or fetches one, UV_ALONE where apt has not installed
    one before, CONDA where a file of conda's names it. `text` has an instruction a line.
    """
    text = LISTED.sub(lambda match: f"RUN {' '.join(MARKS.split(match[1]))}", text)
    pieces = SEPARATORS.split(text)
    of_uv, other = _of_uv(text, pieces), _named(text)
    if of_uv or other:
        return UNKNOWN if of_uv and other and of_uv != other else of_uv or other
    if any(FILED.search(piece) or _micromamba(piece) for piece in pieces):
        return CONDA
    uv = TAKES.search(text)
    if VAGUE.search(text) or (uv and FETCHES.search(text)):
        return UNKNOWN
    if not uv:
        return ""
    return UV if any(map(_is_python3, pieces)) else UV_ALONE


def _named(text: str) -> str:
    """Return the version that another installer than uv is given, "" for none."""
    for line in text.splitlines():
        versions: dict[int, str] = {}
        for begins, pattern in ((APTS, OF_APT), (CONDAS, OF_CONDA)):
            begin = begins.search(line)
            matches = pattern.findall(line, begin.end()) if begin else []
            if begin and matches:
                versions[begin.start()] = matches[-1]
        built = BUILT.search(line)
        if built:
            versions[built.start()] = built[1] or built[2]
        if versions:
            return versions[min(versions)]
    copied = COPIED.search(text)
    return copied[1] if copied else ""


def _micromamba(piece: str) -> bool:
    begins = MICROMAMBA.search(piece)
    return begins is not None and FILE.search(piece, begins.end()) is not None


def _is_python3(piece: str) -> bool:
    """Return whether a command is apt's that installs the distribution's Python."""
    tokens = piece.split()
    return "install" in tokens and "python3" in tokens and APT.search(piece) is not None


def _of_uv(text: str, pieces: list[str]) -> str:
    """Return the version that uv is given, "?" for one that can't be read, "" for none."""
    variables = dict(_variables(text))
    requested: list[str] = []
    pinned: list[str] = []
    for piece in pieces:
        tokens = [word for word in MARKS.split(piece) if word]
        at = next((n for n, word in enumerate(tokens) if word.rsplit("/", 1)[-1] == "uv"), None)
        if at is None:
            continue
        rest = tokens[at + 1 :]
        if rest[:2] in (["python", "install"], ["python", "pin"]):
            pinned += [word for word in rest[2:] if not word.startswith("-")]
        elif {"sync", "venv", "run"} & set(rest):
            requested += _options(rest)
    settings = [variables["UV_PYTHON"]] if "UV_PYTHON" in variables else []
    settings += re.findall(r"\bUV_PYTHON=(\S+)", text) if not settings else []
    for candidates in (requested, settings, pinned):
        versions = {_version(word, variables) for word in candidates}
        if versions:
            return versions.pop() if len(versions) == 1 else UNKNOWN
    return ""


def _options(arguments: list[str]) -> Iterator[str]:
    """Return the values of uv's --python."""
    for at, word in enumerate(arguments):
        match = OPTION.fullmatch(word)
        if match:
            yield match[1] or (arguments[at + 1] if at + 1 < len(arguments) else "")


def _version(word: str, variables: dict[str, str]) -> str:
    """Return the minor version that a request of uv's is for."""

    def value(match: re.Match[str]) -> str:
        return variables.get(match[1] or match[3]) or match[2] or match[0]

    match = VERSION.fullmatch(NAMED.sub(value, word.strip("\"'")).strip("\"'"))
    return match[1] if match else UNKNOWN


def _variables(text: str) -> Iterator[tuple[str, str]]:
    """Return what ARG and ENV set."""
    for line in text.splitlines():
        match = SET.match(line)
        if match is None:
            continue
        try:
            tokens = shlex.split(match[1])
        except ValueError:
            continue
        if tokens and "=" not in tokens[0]:
            yield tokens[0], " ".join(tokens[1:])
        for word in tokens:
            name, is_set, value = word.partition("=")
            if is_set:
                yield name, value
