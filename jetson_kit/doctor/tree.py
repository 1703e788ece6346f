"""A board whose Python is too old, as sh tells of it: a tree of files that the checks can read."""

from __future__ import annotations

import base64
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import StepFailedError

DATA = Path(__file__).with_suffix(".toml")
PROGRAM_TIMEOUT_S = 10
DIST = re.compile(r"mediapipe-(\d[^-/]*)\.(dist|egg)-info$")
HEAD = """\
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin LC_ALL=C; export PATH LC_ALL
put() { echo "@@file $1 $(base64 -w0 2>/dev/null)"; }
out() { name=$1; shift; said=$(timeout %d "$@" 2>/dev/null </dev/null); rc=$?
  echo "@@out $name $rc $(printf %%s "$said" | base64 -w0)"; }
echo "@@python $(python3 -c 'import sys; print("%%d.%%d.%%d" %% sys.version_info[:3])' 2>/dev/null)"
echo "@@machine $(uname -m)"; echo "@@ids $(id -u) $(id -G)"
"""


@dataclass(frozen=True)
class RawFacts:
    """What sh told, raw.

    `nodes` are path, mode, owner and group; `outputs` each program's exit code and text.
    """

    python: tuple[int, ...]
    machine: str
    uid: int
    groups: frozenset[int]
    environment: Mapping[str, str]
    files: Mapping[str, bytes]
    names: tuple[str, ...]
    nodes: tuple[tuple[str, int, int, int], ...]
    outputs: Mapping[str, tuple[int, str]]

    @property
    def mediapipe(self) -> str | None:
        """Return the version of MediaPipe that is installed there."""
        matches = (DIST.search(name) for name in self.names)
        return next((item[1] for item in matches if item), None)

    def plant(self, root: Path) -> Path:
        """Write the files below an empty folder and return it."""
        every = dict.fromkeys((*self.names, *(node[0] for node in self.nodes)), b"")
        for name, content in {**every, **self.files}.items():
            path = root / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return root


def script(programs: Mapping[str, tuple[str, ...]]) -> str:
    """Return the sh script; `programs` are the device wheel's. It changes nothing there."""
    known: dict[str, Any] = tomllib.loads(DATA.read_text())
    lines = [HEAD % PROGRAM_TIMEOUT_S]
    for name in known["environment"]:
        lines.append(
            f'[ -z "${{{name}+x}}" ] || echo "@@env {name} $(printf %s "${name}" | base64 -w0)"'
        )
    globs = " ".join(known["files"])
    lines.append(f'for f in {globs}; do [ ! -f "$f" ] || [ ! -r "$f" ] || put "$f" <"$f"; done')
    for item in known["lines"]:
        lines.append(f'f={item["path"]}; [ ! -r "$f" ] || grep {item["pattern"]} "$f" | put "$f"')
    named = [*known["names"]["globs"]]
    named += [f"{folder}/mediapipe-*-info" for folder in known["names"]["mediapipe"]]
    lines.append(f'for f in {" ".join(named)}; do [ ! -e "$f" ] || echo "@@name $f"; done')
    nodes = " ".join(known["nodes"]["globs"])
    lines.append(f"for f in {nodes}; do stat -L -c '@@node %a %u %g %n' \"$f\" 2>/dev/null; done")
    form = shlex.quote(r"Package: ${Package}\nStatus: ${Status}\nVersion: ${Version}\n\n")
    packages = " ".join(known["names"]["packages"])
    lines.append(f"dpkg-query -W -f={form} {packages} 2>/dev/null | put /var/lib/dpkg/status")
    lines += [f"out {name} {shlex.join(arguments)}" for name, arguments in programs.items()]
    return "\n".join([*lines, "echo @@end", ""])


def parse(text: str) -> RawFacts:
    """Read what the script printed. Raises StepFailedError if its end is missing or it is odd."""
    records: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("@@"):
            kind, _, rest = line[2:].partition(" ")
            records.setdefault(kind, []).append(rest)
    if "end" not in records:
        raise StepFailedError(
            "the device's answer is cut off", "run it again; its login shell must be able to run sh"
        )
    try:
        return _raw_facts(records)
    except (ValueError, IndexError, KeyError) as error:
        raise StepFailedError(f"the device's answer can't be read: {error}") from error


def _raw_facts(records: dict[str, list[str]]) -> RawFacts:
    ids = [int(word) for word in records["ids"][0].split()]
    nodes = [line.split(" ", 3) for line in records.get("node", [])]
    files = [line.split(" ", 1) for line in records.get("file", [])]
    return RawFacts(
        python=tuple(int(part) for part in records["python"][0].split(".") if part),
        machine=records["machine"][0].strip(),
        uid=ids[0],
        groups=frozenset(ids[1:]),
        environment={
            name: _text(value)
            for name, _, value in (line.partition(" ") for line in records.get("env", []))
        },
        files={_safe(name): base64.b64decode(content, validate=True) for name, content in files},
        names=tuple(_safe(name) for name in records.get("name", [])),
        nodes=tuple(
            (_safe(node[3]), int(node[0], 8), int(node[1]), int(node[2])) for node in nodes
        ),
        outputs={
            name: (int(code), _text(output))
            for name, code, output in (line.split(" ", 2) for line in records.get("out", []))
        },
    )


def _text(encoded: str) -> str:
    return base64.b64decode(encoded, validate=True).decode(errors="replace")


def _safe(path: str) -> str:
    """Return an absolute path that leads nowhere else. Raises ValueError."""
    if not path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise ValueError(f"{path!r} is no plain path")
    return path
