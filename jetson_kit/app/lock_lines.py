"""The lines of an application's lock, which anyone may have written: pins with hashes alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from packaging.utils import canonicalize_name

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.text import shown

AGAIN = "remove the lock: it is made again"
NAME = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?(?:\[[\w.,\s-]*\])?"
VERSION = r"==[A-Za-z0-9][\w.!+-]*"
ADDRESS = r"\s*@\s*https?://[^\s\\]+"
MARKER = r"(?:\s*;\s*[\w.\s'\"<>=!~()+*,-]+?)?"
HASHES = r"(?:\s+--hash=sha256:[0-9a-f]{64})+"
# An address may hold its hash itself, as #sha256=...
PIN = re.compile(rf"{NAME}(?:{VERSION}{MARKER}{HASHES}|{ADDRESS}{MARKER}(?:{HASHES})?)")


def check(lines: Iterable[str], where: str) -> None:
    """Raise BadInputError for a line that is no version with a hash; an installer takes options."""
    for line in lines:
        if not line.isprintable() or not PIN.fullmatch(line.strip()):
            raise BadInputError(
                f"{where}: {shown(line[:80])} is no line of a lock: a version and its sha256", AGAIN
            )


def joined(text: str) -> list[str]:
    """Return the requirements of a lock, a line each, without remarks."""
    whole = re.sub(r"\\\r?\n\s*", " ", text)
    lines = (line for line in whole.splitlines() if line.strip() and line.lstrip()[:1] != "#")
    return [" ".join(line.split()) for line in lines]


def rows(text: str) -> list[tuple[str, str]]:
    """Return the requirements of a lock, each with its hashes, by normalised names."""
    result: list[tuple[str, str]] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("#"):
            continue
        if line[:1].isspace() and result:
            result[-1] = (result[-1][0], result[-1][1] + line)
        else:
            name = canonicalize_name(re.split(r"[\s=@\[;]", line, maxsplit=1)[0])
            result.append((name, line))
    return result


def without(text: str, names: frozenset[str]) -> str:
    """Return a lock without the packages that the image has."""
    return "".join(row for name, row in rows(text) if name not in names)


def with_hashes(text: str, hashes: dict[str, str]) -> str:
    """Return a lock in which these packages, by normalised name, have one hash each."""
    result = []
    for name, row in rows(text):
        pin = row.split(maxsplit=1)[0] if row.strip() else ""
        result.append(f"{pin} \\\n    --hash=sha256:{hashes[name]}\n" if name in hashes else row)
    return "".join(result)


def allowed(text: str, hashes: Callable[[str], frozenset[str]], where: Path) -> str:
    """Return a lock with those hashes alone that a file allows, where it names any of a package.

    Raises IntegrityError where the index has none of them.
    """
    result = []
    for name, row in rows(text):
        those = hashes(name)
        matches = those.intersection(re.findall(r"--hash=sha256:([0-9a-f]{64})", row))
        if those and not matches:
            pin = row.split(maxsplit=1)[0]
            raise IntegrityError(
                f"no wheel of {pin} has a hash that {where} allows",
                "nothing was built; check the index, or correct the hash",
            )
        head = row.partition(" --hash=")[0].partition("\\")[0].rstrip()
        lines = [head, *(f"--hash=sha256:{value}" for value in sorted(matches))]
        result.append(" \\\n    ".join(lines) + "\n" if matches else row)
    return "".join(result)
