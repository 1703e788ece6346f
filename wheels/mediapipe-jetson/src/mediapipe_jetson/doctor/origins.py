"""Where scripts and settings take MediaPipe from, if that is not PyPI."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mediapipe_jetson.doctor import scripted
from mediapipe_jetson.doctor.files import dockerfiles, documents, indexes, invocation
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
        elif kind in ("compose", "index"):
            result += _indexes(name, documents.decoded(content), named=kind == "compose")
    return result


def _indexes(name: str, text: str, *, named: bool) -> Iterator[str]:
    for match in SET.finditer(text):
        line = text.count("\n", 0, match.start("url")) + 1
        if (not named or NAMED.search(match[0])) and not indexes.REGISTRY.match(match["url"]):
            yield f"{name}:{line}: packages may come from {match['url']}, which is not known"


def _debian(name: str, text: str) -> Iterator[str]:
    if DEBIAN not in text:
        return
    for _, arguments, line in dockerfiles.commands(text):
        if DEBIAN in arguments and invocation.started(arguments)[:1] in (["apt"], ["apt-get"]):
            own = next((at for at, part in line.parts if DEBIAN in part), line.number)
            yield f"{name}:{own}: {NO_PACKAGE}"
