"""Holds ansible/awx/ to what AWX and ansible-builder take: no AWX is asked, and no image is built.

Each task's arguments are compared with its module's own documentation, and the definition of the
execution environment is made into a build context, whose Containerfile hadolint reads.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from jetson_kit.ansible_driver import ansible, collection_archive, collections
from jetson_kit.ansible_driver.lint import AWX
from jetson_kit.core import locked_env
from jetson_kit.core.errors import KitError
from jetson_kit.core.paths import ROOT
from jetson_kit.core.run import run

HOME = ansible.HOME / "awx"
LOCK = ROOT / "requirements" / "awx.txt"
# The files beside the definition that ansible-builder reads.
DEFINITION, BINDEP, ARCHIVE = "execution-environment.yml", "bindep.txt", "kit.tar.gz"
# What ansible-builder itself writes: stages as root (its last one is not), a RUN for each step.
OF_BUILDER = ("DL3002", "DL3059", "DL3066")
TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str, int, float), "bool": (bool,), "int": (int,), "float": (int, float),
    "list": (list,), "dict": (dict,), "path": (str,),
}  # fmt: skip


def main() -> int:
    """Check all of it; return 0 if nothing is wrong."""
    here = Path(sys.executable).parent
    tasks = [task for play in yaml.safe_load((HOME / "configure.yml").read_text("utf-8"))
             for task in play["tasks"]]  # fmt: skip
    faults = list(wrong(tasks, _documentation(here, sorted(set(_modules(tasks))))))
    for fault in faults:
        print(fault)
    try:
        faults += _context(here)
    except KitError as error:
        print(error.line())
        return error.exit_code
    return 1 if faults else 0


def wrong(tasks: Sequence[Mapping[str, Any]], docs: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with arguments, by the modules' documentation."""
    for task in tasks:
        for module in docs:
            if module in task:
                where = f"{task['name']}: {module}"
                yield from _options(where, task[module], docs[module]["doc"]["options"])


def _options(where: str, given: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[str]:
    aliases = {name for body in options.values() for name in body.get("aliases", ())}
    for name, value in given.items():
        body = options.get(name)
        if body is None:
            if name not in aliases:
                yield f"{where} has no option {name}"
            continue
        if isinstance(value, str) and "{{" in value:
            continue
        kind = body.get("type", "str")
        right = TYPES.get(kind, (object,))
        if not isinstance(value, right) or (isinstance(value, bool) and bool not in right):
            yield f"{where}: {name} is {value!r}, not {kind}"
        elif body.get("choices") and value not in body["choices"]:
            yield f"{where}: {name} is {value!r}, not one of {body['choices']}"
        elif "suboptions" in body:
            items: Sequence[Any] = value if isinstance(value, list) else [value]
            for item in items:
                yield from _options(f"{where}: {name}", item, body["suboptions"])
    for name, body in options.items():
        if body.get("required") and name not in given:
            yield f"{where} lacks {name}"


def _modules(tasks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (name for task in tasks for name in task if name.startswith("awx.awx."))


def _documentation(here: Path, names: Sequence[str]) -> Mapping[str, Any]:
    place = str(collections.path(AWX))
    output = run(
        [here / "ansible-doc", "--json", "--type", "module", *names],
        what="ansible-doc",
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": place},
    )
    result: Mapping[str, Any] = json.loads(output)
    if missing := set(names) - result.keys():
        raise KitError(f"awx.awx has no {', '.join(sorted(missing))}")
    return result


def _context(here: Path) -> list[str]:
    """Make the build context, and have hadolint read its Containerfile; return what it says."""
    builder = locked_env.programs("awx", "builder", LOCK, sys.executable) / "ansible-builder"
    with tempfile.TemporaryDirectory(prefix="kit-awx-") as name:
        folder = Path(name)
        for file in (DEFINITION, BINDEP):
            shutil.copy(HOME / file, folder / file)
        archive = collection_archive.build(folder / "built")
        shutil.move(archive, folder / ARCHIVE)
        run(
            [builder, "create", "--file", folder / DEFINITION, "--context", folder / "context",
             "--output-filename", "Containerfile"],
            what="ansible-builder create",
        )  # fmt: skip
        ignored = [word for rule in OF_BUILDER for word in ("--ignore", rule)]
        done = subprocess.run(
            [here / "hadolint", *ignored, folder / "context" / "Containerfile"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    print(done.stdout, end="")
    return done.stdout.splitlines() or ([done.stderr] if done.returncode else [])


if __name__ == "__main__":
    sys.exit(main())
