"""Read what jobs of GitHub and GitLab and tasks of Ansible do, as lines of a shell."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

from mediapipe_jetson.doctor.files import documents
from mediapipe_jetson.doctor.files.documents import Node

WORKFLOW, GITLAB, ANSIBLE = "workflow", "gitlab", "ansible"
KINDS = (WORKFLOW, GITLAB, ANSIBLE)
WORKFLOWS = {".github", ".gitea", ".forgejo"}
PIPELINE = re.compile(r"\.gitlab-ci[\w.-]*\.ya?ml$")
# A list of plays or tasks at the top of a file, with one that does something.
TOP = re.compile(rb"\A(?:\s*(?:---[^\n]*|#[^\n]*)?\n)*-\s")
DOES = re.compile(
    rb"^\s*(?:-\s+)?(?:ansible\.(?:builtin|legacy)\.)?(?:pip|shell|command)\s*:", re.MULTILINE
)
# Machines that GitHub lends, none of which is a board; words for a board among one's own.
LENT = re.compile(r"(?:ubuntu|windows|macos)-[\w.-]+")
BOARDS = re.compile(r"jetson|orin|xavier|thor|tegra|l4t|arm64|aarch64", re.IGNORECASE)
MATRIX = re.compile(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}")
SCRIPTS = ("before_script", "script", "after_script")
INNER = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")
SHELLS = ("shell", "command", "raw")
UPGRADING = {"latest": "-U", "forcereinstall": "--force-reinstall"}
DEEPEST = 12
ELSEWHERE = "it is run on {}, which is no board"
WHERE = "which machine it is run on is not told"
WHEN = "it is run on a condition"
FILLED = "Ansible fills it in as it runs"


@dataclasses.dataclass(frozen=True)
class Script:
    """Commands with the line before the first of them; `why` they may not be a board's."""

    line: int
    text: str
    why: str = ""
    elsewhere: bool = False
    """Whether it is certain that no board runs them."""
    python: Optional[tuple[int, str]] = None
    """The Python that an environment is made with, and its line."""


def kind(path: Path, content: bytes) -> Optional[str]:
    """Return what a YAML file is to a tool that runs commands, None for nothing."""
    if path.parent.name == "workflows" and path.parent.parent.name in WORKFLOWS:
        return WORKFLOW
    if PIPELINE.match(path.name):
        return GITLAB
    return ANSIBLE if TOP.match(content) and DOES.search(content) else None


def read(of: str, content: bytes) -> list[Script]:
    """Return the commands of a file of a kind. Raises ValueError."""
    readers = {WORKFLOW: _workflow, GITLAB: _pipeline, ANSIBLE: _playbook}
    return [script for document in documents.yaml(content) for script in readers[of](document)]


def _workflow(document: Node) -> Iterator[Script]:
    jobs = document.get("jobs")
    for job in jobs.value.values() if jobs is not None and isinstance(jobs.value, dict) else ():
        why, elsewhere = _machine(job)
        steps = job.get("steps")
        for step in steps.value if steps is not None and isinstance(steps.value, list) else ():
            run = step.get("run")
            if run is not None and isinstance(run.value, str):
                asked = WHEN if step.get("if") is not None or job.get("if") is not None else ""
                yield Script(_before(run), run.value, why or asked, elsewhere)


def _machine(job: Node) -> tuple[str, bool]:
    """Return why a job may not run on a board, and whether that is certain."""
    runs = job.get("runs-on")
    runs = runs.get("labels") if runs is not None and isinstance(runs.value, dict) else runs
    labels = [label for word in _texts(runs) for label in _of_matrix(job, word)]
    if labels and all(LENT.fullmatch(label) for label in labels):
        return ELSEWHERE.format(labels[0]), True
    return ("", False) if any(map(BOARDS.search, labels)) else (WHERE, False)


def _of_matrix(job: Node, word: str) -> list[str]:
    """Return what a label may be: those of the matrix, where it names one."""
    match = MATRIX.fullmatch(word)
    node: Optional[Node] = job
    for key in ("strategy", "matrix", match[1]) if match else ():
        node = node.get(key) if node is not None else None
    return _texts(node) or [word] if match else [word]


def _pipeline(document: Node) -> Iterator[Script]:
    """Yield the commands of GitLab's jobs; its own keys have no script."""
    jobs = document.value if isinstance(document.value, dict) else {}
    default = jobs.get("default")
    for job in jobs.values():
        tags = job.get("tags") or (default.get("tags") if default is not None else None)
        why = "" if any(map(BOARDS.search, _texts(tags))) else WHERE
        why = why or (WHEN if job.get("rules") is not None or job.get("only") is not None else "")
        for key in SCRIPTS:
            node = job.get(key)
            for item in _items(node):
                if isinstance(item.value, str):
                    yield Script(_before(item), item.value, why)


def _playbook(document: Node, why: str = "", depth: int = 0) -> Iterator[Script]:
    """Yield what tasks do, those of blocks and plays too."""
    for task in _items(document) if depth < DEEPEST else ():
        if not isinstance(task.value, dict):
            continue
        asked = why or (WHEN if task.get("when") is not None else "")
        for name in INNER:
            inner = task.get(name)
            if inner is not None:
                yield from _playbook(inner, asked, depth + 1)
        for key, node in task.value.items():
            module = key.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
            made = _pip(node) if module == "pip" else None
            if module in SHELLS:
                made = node if isinstance(node.value, str) else node.get("cmd")
            if made is not None and isinstance(made.value, str):
                filled = FILLED if "{{" in made.value else ""
                python = node.get("virtualenv_python") if module == "pip" else None
                told = (python.line, str(python.value)) if python is not None else None
                yield Script(_before(made), made.value, asked or filled, python=told)


def _pip(node: Node) -> Optional[Node]:
    """Return what the module pip does, as a command."""
    if isinstance(node.value, str):
        pairs = (word.partition("=") for word in shlex.split(node.value))
        given = {key: Node(value, node.line) for key, _, value in pairs}
        node = Node(given, node.line)
    if not isinstance(node.value, dict):
        return None
    text = {
        key: value.value if isinstance(value.value, str) else str(value.value)
        for key, value in node.value.items()
    }
    names = node.get("name")
    packages = _texts(names) if names is not None and isinstance(names.value, list) else []
    packages = packages or [
        part.strip() for part in text.get("name", "").split(",") if part.strip()
    ]
    version = f"=={text['version']}" if text.get("version") else ""
    words = [f"{name}{version}" for name in packages if name]
    words += ["-r", text["requirements"]] if "requirements" in text else []
    state = text.get("state", "")
    folder = text.get("virtualenv", "")
    pip = f"{folder}/bin/pip" if folder else text.get("executable", "pip3")
    verb = ["uninstall", "-y"] if state == "absent" else ["install"]
    upgrade = [UPGRADING[state]] if state in UPGRADING else []
    command = shlex.join([pip, *verb, *upgrade, *words])
    first = names.line if names is not None else node.line
    return Node(command, first)


def _before(node: Node) -> int:
    """Return the line before a text's own first one: a block of lines begins below its key."""
    return node.line if "\n" in node.value else node.line - 1


def _items(node: Optional[Node]) -> list[Node]:
    if node is None:
        return []
    return node.value if isinstance(node.value, list) else [node]


def _texts(node: Optional[Node]) -> list[str]:
    return [str(item.value) for item in _items(node) if item.value is not None]
