"""What scripts and settings say of where MediaPipe comes from, if that is not PyPI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from mediapipe_jetson.doctor import pins, scripted
from mediapipe_jetson.doctor.files import (
    containers,
    dockerfiles,
    documents,
    indexes,
    invocation,
    kubernetes,
)
from mediapipe_jetson.doctor.sources import Scan

# Of pip's and uv's environment, of pip.conf and of uv.toml.
SET = re.compile(
    r"^[^#\n]*?\b(?:(?:PIP|UV)_)?(?:(?:EXTRA[_-])?INDEX[_-]URL|FIND[_-]LINKS|UV_(?:DEFAULT_)?INDEX|url)"
    r"\b[\"']?\s*[=:]?\s*[\"']?(?P<url>https?://[^\s\"'\\]+)",
    re.IGNORECASE | re.MULTILINE,
)
NAMED = re.compile(r"\b(PIP|UV)_(\w*INDEX\w*|FIND_LINKS)\b")
CLONE = re.compile(r"\bgit\s+clone\b[^\n;&|]{0,300}?/mediapipe(\.git)?(?=[\s\"'@]|$)", re.MULTILINE)
FETCH = re.compile(r"\b(wget|curl|gdown|aria2c)\b[^\n;&|]{0,300}?/mediapipe[^\s/\"']{0,200}\.whl")
LIMITED = "(?:PIP_CONSTRAINT|UV_CONSTRAINT|UV_OVERRIDE)"
LIMITS = re.compile(
    rf"^[^#\n]*?\b(?:ENV[ \t]+{LIMITED}[ \t]+|{LIMITED}[\"']?(?:=|[ \t]*:[ \t]*))"
    r"[\"']?(?P<path>[^\s\"']+)",
    re.MULTILINE,
)
OF_CONF = re.compile(rf"^[ \t]*(?:constraint|{LIMITED})[ \t]*=[ \t]*(?P<path>\S+)", re.MULTILINE)
OF_CODE = re.compile(
    rf"[\"']{LIMITED}[\"']\]?[ \t]*[=:,][ \t]*[\"'](?P<path>[^\s\"']+)", re.MULTILINE
)
OF_PODS = re.compile(
    rf"{LIMITED}[\"']?[\s,-]{{1,80}}[\"']?value[\"']?:[ \t]*[\"']?(?P<path>[^\s\"']+)"
)
PATTERNS = {"index": OF_CONF, "cfg": OF_CONF, "python": OF_CODE, "devcontainer": OF_CODE}
PATTERNS |= dict.fromkeys(kubernetes.KINDS, OF_PODS)
CONSTRAINED = re.compile(rb"_CONSTRAINT|UV_OVERRIDE")
# What only the shell knows.
OPEN = re.compile(r"[$*?\[]")
EXPORT = re.compile(
    r"\b(?:(?:poetry|uv|pdm)\b.{0,80}\bexport|uv pip compile|pip-compile|pipenv requirements)\b"
)
EXPORTING = re.compile(rb"export|compile|pipenv requirements")
UNREAD = "what {} says of mediapipe was not read"
BUILT = "MediaPipe's source is cloned here; what is built of it is not known"
FETCHED = "a wheel is fetched here; run ./inv wheels.audit on it"
DEBIAN = "python3-mediapipe"
NO_PACKAGE = f"neither Debian nor Ubuntu has {DEBIAN}: apt fails, or takes it from elsewhere"


def lines(scan: Scan) -> list[str]:
    """Return where other indexes are named, and Debian's packages that do not exist."""
    result: list[str] = []
    for name, content in scan.texts.items():
        kind = scan.kinds[name]
        if kind in ("dockerfile", "shell"):
            text = scripted.alive(name, documents.decoded(content))
            result += _debian(name, text)
            for pattern, what in ((CLONE, BUILT), (FETCH, FETCHED)):
                for match in pattern.finditer(text):
                    result.append(f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {what}")
            result += _indexes(name, text, named=True)
            result += _limits(scan, name, text)
        elif kind in ("compose", "index"):
            text = documents.decoded(content)
            result += _indexes(name, text, named=kind == "compose")
            result += _limits(scan, name, text)
        elif kind in PATTERNS and CONSTRAINED.search(content):
            result += _limits(scan, name, documents.decoded(content))
    return [*result, *_options(scan)]


def _limits(scan: Scan, name: str, text: str) -> Iterator[str]:
    for match in PATTERNS.get(scan.kinds[name], LIMITS).finditer(text):
        if not _is_here(scan, name, match["path"]):
            line = text.count("\n", 0, match.start("path")) + 1
            yield f"{name}:{line}: {UNREAD.format(match['path'])}"


def _options(scan: Scan) -> Iterator[str]:
    """Return what commands install by lists, constraints and indexes that are not known."""
    asking = {item.file for item in scan.requirements if pins.is_mediapipe(item.name)}
    lists = {name for name, kind in scan.kinds.items() if kind == "requirements"}
    # What a list includes counts as its own.
    having = {_last(name) for name in lists if name in asking or b"-r" in scan.texts[name]}
    for item in scan.options:
        for path in (*item.limits, *(path for path in item.lists if not OPEN.search(path))):
            if not _is_here(scan, item.file, path):
                yield f"{item.place}: {UNREAD.format(path)}"
        if (item.folder and asking - lists) or having & set(map(_last, item.lists)):
            for path in item.indexes:
                if not indexes.REGISTRY.match(path):
                    yield f"{item.place}: packages may come from {path}, which is not known"


def _is_here(scan: Scan, file: str, path: str) -> bool:
    """Return whether a path may be a file of the project; it is read where it names MediaPipe."""
    if "://" in path:
        return False
    name, folder = _last(path), PurePosixPath(file).parent
    beside = containers.beside(file, path)
    near = [] if beside.startswith(("/", "..")) else [beside]
    near += [name, f"{folder}/{name}"]
    known = any(_last(other) == name for other in scan.texts)
    known = known or any(scan.folder.joinpath(item).is_file() for item in near)
    return known or _is_made(scan, file, path)


def _is_made(scan: Scan, file: str, path: str) -> bool:
    """Return whether a list is copied from the project, or exported from its lock or manifest."""
    copied = re.compile(
        rf"^[ \t]*COPY[ \t](?!.*--from)[^\n]*[ \t]{re.escape(path)}[ \t]*$"
        rf"|\btarget={re.escape(path)}(?=[\s,])",
        re.MULTILINE,
    )
    named = re.compile(rf"(?<![\w.-]){re.escape(_last(path))}(?![\w.-])")
    if copied.search(documents.decoded(scan.texts.get(file, b""))):
        return True
    texts = (
        documents.decoded(content).replace("\\\n", " ")
        for name, content in scan.texts.items()
        if scan.kinds[name] in ("dockerfile", "shell") and EXPORTING.search(content)
    )
    return any(
        EXPORT.search(text[max(0, found.start() - 400) : found.start()].rpartition("\n")[2])
        for text in texts
        for found in named.finditer(text)
    )


def _last(path: str) -> str:
    return PurePosixPath(path).name


def _indexes(name: str, text: str, *, named: bool) -> Iterator[str]:
    for match in SET.finditer(text):
        line = text.count("\n", 0, match.start("url")) + 1
        if (not named or NAMED.search(match[0])) and not indexes.REGISTRY.match(match["url"]):
            yield f"{name}:{line}: packages may come from {match['url']}, which is not known"


def _debian(name: str, text: str) -> Iterator[str]:
    if DEBIAN not in text:
        return
    for _, words, line in dockerfiles.commands(text):
        if DEBIAN in words and invocation.started(words)[:1] in (["apt"], ["apt-get"]):
            own = next((at for at, part in line.parts if DEBIAN in part), line.number)
            yield f"{name}:{own}: {NO_PACKAGE}"
