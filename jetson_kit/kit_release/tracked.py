"""What git has of the project: whether all is committed, and whether a file names this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from jetson_kit.core.paths import ROOT
from jetson_kit.core.run import run

# Where clients of package registries have their settings.
FILES = (".npmrc", ".config/uv/uv.toml", ".config/pip/pip.conf", ".pip/pip.conf")
SYSTEM = ("etc/pip.conf", "etc/apt/sources.list", "etc/apt/sources.list.d", "etc/uv/uv.toml")
ADDRESS = re.compile(r"\b(?:https?|git\+https)://[^\s\"'\]>,]+")
# What every machine of a kind has: no word of this one.
COMMON = ("localhost", "127.0.0.1", "[::1]")
SHOWN = 5


def status_problems(root: Path = ROOT) -> list[str]:
    """Return what is not committed. Raises as jetson_kit.core.run."""
    text = run(["git", "status", "--porcelain"], what="reading git's status", cwd=root)
    lines = text.splitlines()
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    names = ", ".join(line[3:] for line in lines[:SHOWN])
    return [f"not committed: {names}{more}: commit them or take them away"] if lines else []


def machine_problems(root: Path = ROOT) -> list[str]:
    """Return tracked files that name a package registry or a folder of this machine.

    Raises as jetson_kit.core.run.
    """
    expressions = {f"the folder {path}": _path_pattern(path) for path in folders(root)}
    expressions |= {
        f"the registry {host}": re.escape(host) for host in hosts(os.environ, Path("/"))
    }
    names = run(["git", "ls-files", "-z"], what="listing tracked files", cwd=root)
    return list(_named(root, filter(None, names.split("\0")), expressions))


def _named(root: Path, names: Iterable[str], expressions: Mapping[str, str]) -> Iterator[str]:
    patterns = {what: re.compile(pattern.encode()) for what, pattern in expressions.items()}
    for name in names:
        path = root / name
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        for what, pattern in patterns.items():
            if match := pattern.search(content):
                line = content.count(b"\n", 0, match.start()) + 1
                yield f"{name}:{line} names {what} of this machine: take it out"


def folders(root: Path) -> set[Path]:
    """Return the folders of this checkout and of its repository."""
    git = run(
        ["git", "rev-parse", "--path-format=absolute", "--git-common-dir"],
        what="finding git's folder",
        cwd=root,
    )
    return {path for path in (root.resolve(), Path(git.strip()).parent) if len(path.parts) > 2}


def _path_pattern(path: Path) -> str:
    return rf"(?<![\w.-]){re.escape(str(path))}(?![\w.-])"


def hosts(environment: Mapping[str, str], top: Path) -> set[str]:
    """Return the hosts of package registries that this machine's clients are set to use."""
    texts = [word for name, word in environment.items() if name.startswith(("PIP_", "UV_", "npm_"))]
    home = Path(environment.get("HOME", "/nonexistent"))
    for path in (*(home / name for name in FILES), *(top / name for name in SYSTEM)):
        texts += [_text(each) for each in (path.glob("*") if path.is_dir() else [path])]
    hostnames = {urlsplit(url).hostname for text in texts for url in ADDRESS.findall(text)}
    return {host for host in hostnames if host and host not in COMMON}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
