"""Which files of a project are read, and what of each: code, notebooks, requirements, pip lines."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

from mediapipe_jetson.doctor import legacy, pins, starts
from mediapipe_jetson.doctor.finding import Finding, Unread
from mediapipe_jetson.doctor.names import Names
from mediapipe_jetson.observation import one_line

SKIPPED = {
    ".git",
    ".hg",
    ".svn",
    ".tox",
    ".nox",
    ".venv",
    "node_modules",
    "__pycache__",
    "site-packages",
}
LARGEST_BYTES = 4_000_000
FILES_MOST = 20_000
MENTIONED = b"mediapipe"
REQUIREMENTS = re.compile(r"(require|constraint)[\w.-]*\.(txt|in)$", re.IGNORECASE)
DOCKERFILE = re.compile(r"(.*\.)?(docker|container)file(\..*)?$", re.IGNORECASE)
CONDA = re.compile(r"(environment|conda)[\w.-]*\.ya?ml$", re.IGNORECASE)
INSTALL = re.compile(r"\b(pip[\d.]*|uv|poetry|pipenv|pdm)\b.*?\b(install|add|download|wheel)\b(.*)")
KEYED = re.compile(
    r"\s*[\"']?(mediapipe[\w-]*)[\"']?\s*=\s*(?:\{.*?version\s*=\s*)?[\"']([^\"']+)[\"']"
)
MAGIC = ("!", "%", "?")
QUOTED = re.compile(r"\"([^\"]+)\"|'([^']+)'")


class Scan:
    """What was found in one folder: legacy uses, requirements, and how containers are started."""

    def __init__(self, folder: Path, old_cpu: Optional[bool] = None) -> None:
        self.folder, self.old_cpu = folder, old_cpu
        self.uses: list[Finding] = []
        self.pins: list[Finding] = []
        self.unread: list[Unread] = []
        self.commands: list[Finding] = []
        self.read = 0
        for path in files(folder):
            if self.read >= FILES_MOST:
                self.unread.append(Unread(str(folder), f"it has more than {FILES_MOST} files"))
                break
            self._file(path)

    def _file(self, path: Path) -> None:
        reader = reader_of(path)
        if reader is None:
            return
        name = str(path.relative_to(self.folder)) if self.folder.is_dir() else path.name
        try:
            if path.stat().st_size > LARGEST_BYTES:
                self.unread.append(Unread(name, f"larger than {LARGEST_BYTES} bytes"))
                return
            content = path.read_bytes()
            self.read += 1
            # Parsing is slow: what never names MediaPipe can't import it.
            if reader not in ("python", "notebook") or MENTIONED in content.lower():
                getattr(self, reader)(name, content)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError, TypeError) as error:
            where = f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
            self.unread.append(Unread(name, f"{where}{one_line(getattr(error, 'msg', error))}"))

    def python(self, name: str, content: bytes) -> None:
        """Read a program, and the requirements in a setup.py."""
        self.uses += legacy.scan(content, name)
        if Path(name).name == "setup.py":
            for node in ast.walk(ast.parse(content)):
                for item in node.elts if isinstance(node, (ast.List, ast.Tuple, ast.Set)) else ():
                    if isinstance(item, ast.Constant) and isinstance(item.value, str):
                        self.pin(name, item.lineno, item.value)

    def notebook(self, name: str, content: bytes) -> None:
        """Read a notebook's code cells; lines for the shell are looked through for pip."""
        document = json.loads(content)
        cells = document.get("cells") if isinstance(document, dict) else None
        if not isinstance(cells, list):
            raise ValueError("it has no list of cells")  # noqa: TRY004 # of the file, not of a type
        names = Names()
        for number, cell in enumerate(cells, 1):
            if not isinstance(cell, dict) or cell.get("cell_type") != "code":
                continue
            lines = "".join(cell.get("source", "")).splitlines()
            whole = bool(lines) and lines[0].startswith("%%")
            shell = [at for at, line in enumerate(lines) if line.lstrip().startswith(MAGIC)]
            self.shell_lines(name, lines, list(range(len(lines))) if whole else shell, number)
            if whole:
                continue
            for at in shell:
                lines[at] = f"{lines[at][: len(lines[at]) - len(lines[at].lstrip())]}pass"
            try:
                self.uses += legacy.scan("\n".join(lines), name, number, names)
            except SyntaxError as error:
                why = f"cell {number} line {error.lineno}: {one_line(error.msg)}"
                self.unread.append(Unread(name, why))

    def requirements(self, name: str, content: bytes) -> None:
        """Read a requirements file, or a list in YAML."""
        for number, line in enumerate(_text(content).splitlines(), 1):
            plain = re.sub(r"(^|\s)#.*$", "", line).strip()
            self.pin(name, number, re.sub(r"\s--hash.*$|\s*\\$", "", plain.lstrip("- ")))

    def settings(self, name: str, content: bytes) -> None:
        """Read pyproject.toml, setup.cfg or a Pipfile, line by line."""
        for number, line in enumerate(_text(content).splitlines(), 1):
            if line.lstrip().startswith(("#", ";")):
                continue
            keyed = KEYED.match(line)
            if keyed:
                version = keyed.group(2)
                self.pin(
                    name,
                    number,
                    f"{keyed.group(1)}{'' if version[0] in '=<>!~^@' else '=='}{version}",
                )
            elif name.endswith(".cfg"):
                self.pin(name, number, re.sub(r"^\s*\w+\s*=(?!=)\s*", "", line))
            else:
                for double, single in QUOTED.findall(line):
                    self.pin(name, number, double or single)

    def shell(self, name: str, content: bytes) -> None:
        """Read a Dockerfile or a shell script."""
        lines = _text(content).splitlines()
        self.shell_lines(name, lines, list(range(len(lines))))

    def shell_lines(self, name: str, lines: list[str], chosen: list[int], cell: int = 0) -> None:
        """Read the chosen lines, counted from 0, continued lines as one."""
        words: list[str] = []
        for at in chosen:
            line = re.sub(r"(^|\s)#.*$", "", lines[at]).rstrip()
            here = line.rstrip("\\")
            words.append(here)
            if INSTALL.search(" ".join(words)):
                fresh = INSTALL.search(here)
                self.tokens(name, at + 1, fresh.group(3) if fresh else here, cell)
            if not line.endswith("\\"):
                if starts.gpus_alone(" ".join(words)):
                    first = at + 2 - len(words)
                    self.commands.append(Finding(name, cell, first, 1, starts.WHAT, starts.INSTEAD))
                words = []

    def compose(self, name: str, content: bytes) -> None:
        """Read a compose file."""
        for number in starts.compose_lines(_text(content)):
            what, instead = starts.COMPOSE_WHAT, starts.COMPOSE_INSTEAD
            self.commands.append(Finding(name, 0, number, 1, what, instead))

    def tokens(self, name: str, number: int, text: str, cell: int) -> None:
        """Read the words after a pip install; another command's words are none of MediaPipe's."""
        try:
            found = shlex.split(text, comments=True)
        except ValueError:
            found = text.split()
        for word in found:
            self.pin(name, number, word.rstrip(";"), cell)

    def pin(self, name: str, number: int, text: str, cell: int = 0) -> None:
        """Judge one requirement."""
        problem = pins.judge(text, self.old_cpu)
        if problem:
            entry = Finding(name, cell, number, 1, problem.what, problem.instead)
            if entry not in self.pins:
                self.pins.append(entry)


def reader_of(path: Path) -> Optional[str]:
    """Return the name of the method that reads such a file, None for any other file."""
    name = path.name
    simple = {
        ".py": "python",
        ".pyw": "python",
        ".ipynb": "notebook",
        ".sh": "shell",
        ".bash": "shell",
        ".service": "shell",
    }
    if name in ("pyproject.toml", "setup.cfg", "Pipfile"):
        return "settings"
    if starts.COMPOSE.match(name):
        return "compose"
    if DOCKERFILE.match(name) or name == "Makefile":
        return "shell"
    in_folder = path.parent.name == "requirements" and path.suffix in (".txt", ".in")
    if REQUIREMENTS.match(name) or CONDA.match(name) or in_folder:
        return "requirements"
    return simple.get(path.suffix.lower())


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace")


def files(folder: Path) -> Iterator[Path]:
    """Return the files below a folder, in order, without environments and repositories' own."""
    if folder.is_file():
        yield folder
        return
    for top, inner, names in os.walk(folder):
        inner[:] = sorted(
            name
            for name in inner
            if name not in SKIPPED and not Path(top, name, "pyvenv.cfg").exists()
        )
        for name in sorted(names):
            if Path(top, name).is_file():
                yield Path(top, name)
