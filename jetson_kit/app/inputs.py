"""What of an application can be judged without a network: requirements, wheels, its folder."""

from __future__ import annotations

import json
import re
from pathlib import Path

from jetson_kit.app import (
    calls,
    module_names,
    opencv_windows,
    opened,
    program,
    requirement_lines,
    requirements_file,
    service_faults,
    tokens,
    tree,
    unfetched,
    wheel_folder,
)
from jetson_kit.app.module_names import Python
from jetson_kit.app.requirements_file import Requirements
from jetson_kit.app.settings import FILE, App
from jetson_kit.core import log
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.text import shown

LARGEST = 1 << 20
SIGNS = {
    "pyproject.toml": b"dependencies",
    "setup.py": b"install_requires",
    "setup.cfg": b"install_requires",
}
# Files that name packages, and what makes a requirements file of them; those of a tool that writes
# no other file for them first.
LOCKS = {
    "uv.lock": "uv export --no-hashes -o requirements.txt",
    "poetry.lock": "poetry export -o requirements.txt",
    "pdm.lock": "pdm export -o requirements.txt",
    "Pipfile": "pipenv requirements > requirements.txt",
    "Pipfile.lock": "pipenv requirements > requirements.txt",
}
OTHERS = {
    **LOCKS,
    "environment.yml": "pip list --format=freeze > requirements.txt",
    "environment.yaml": "pip list --format=freeze > requirements.txt",
    "setup.cfg": "uv pip compile setup.cfg -o requirements.txt",
    "setup.py": "pip-compile setup.py -o requirements.txt",
    "pyproject.toml": "uv pip compile pyproject.toml -o requirements.txt",
}
# Names that people give to requirements other than requirements.txt, and those of no program.
REQUIREMENTS = (
    "[Rr]equirement*.txt", "*[-_.]requirements.txt", "reqs*.txt", "requirements/*.txt",
    "requirements*.in",
)  # fmt: skip
OF_TOOLS = re.compile(
    r"(?:^|[-_./])(?:dev|devel|develop|developer|development|tests?|testing|docs?|lint|linting|mypy"
    r"|ci|build|pre-commit|notebooks?|constraints)(?=[-_./]|$)"
)


def check(app: App) -> None:
    """Raise for requirements, hashes, paths in them and wheels that no build takes.

    Warns of other files that name packages where no requirements are, and of settings that have no
    effect. Raises BadInputError, IntegrityError.
    """
    _warn_of_settings(app)
    if app.requirements:
        read(app)
        return
    locked = any(_names_packages(app.folder / name) for name in LOCKS)
    if names := [] if locked else _other_requirements(app):
        log.LOG.warning(
            "warning: %s is not read, and there is no requirements.txt: requirements = %s in %s "
            "names it, and without it the image has none of its packages",
            app.folder / names[0], json.dumps(names[0], ensure_ascii=False), FILE,
        )  # fmt: skip
        return
    for name, command in OTHERS.items():
        if _names_packages(app.folder / name):
            log.LOG.warning(
                "warning: %s is not read, and there is no requirements.txt: %s writes one, and "
                "without it the image has none of its packages", app.folder / name, command,
            )  # fmt: skip
            return


def _warn_of_settings(app: App) -> None:
    # With devices it may be a folder of links to them.
    volumes = [] if app.service.devices else service_faults.of_devices(app.service.volumes)
    for text in volumes:
        log.LOG.warning(
            "warning: volume %s in %s: a volume lets no device be used, devices = [...] under "
            "[service] does", shown(text), FILE,
        )  # fmt: skip
    for text in (*app.ignore, *app.include):
        plain = text.removeprefix(".").strip("/")
        if text.startswith("!"):
            effect = "nothing takes a file back in: name only what is meant"
        elif text.startswith(("/", "./")):
            effect = "matches nothing" + (
                f": {shown(f'{plain}/*')} is for the folder at the top, {shown(plain)} for all of "
                "that name"
                if plain
                else ""
            )
        else:
            continue
        log.LOG.warning("warning: pattern %s in %s: %s", shown(text), FILE, effect)


def _other_requirements(app: App) -> list[str]:
    """Return the files that are requirements of a program by their names, the likeliest first."""
    paths = (path for pattern in REQUIREMENTS for path in sorted(app.folder.glob(pattern)))
    names = [path.relative_to(app.folder).as_posix() for path in paths if _is_requirements(path)]
    return [name for name in names if name != app.tests.requirements and not OF_TOOLS.search(name)]


def _is_requirements(path: Path) -> bool:
    """Return whether a file has requirements, and nothing else, such as a text about them."""
    try:
        with path.open("rb") as stream:
            text = stream.read(LARGEST).decode("utf-8-sig")
        lines = [requirement_lines.plain(line) for line in text.splitlines()]
        for line in lines:
            if not requirement_lines.DIRECT.match(line):
                requirement_lines.check(path, 0, line)
    except (OSError, ValueError, BadInputError):
        return False
    return any(line and not line.startswith("-") for line in lines)


def check_folder(app: App, python: Python, packages: frozenset[str]) -> None:
    """Raise BadInputError as tree.read, for a program that can't start and for an image's modules.

    Warns of what git has not fetched, of links to what stays out, of tokens and passwords, and of
    calls that open what the container lacks, or OpenCV's windows.
    The image has this Python and, by their normalised names, these packages.
    """
    files = tree.read(app)
    for line in unfetched.warnings(app, files):
        log.LOG.warning("warning: %s", line)
    if links := tree.dangling(app, files):
        log.LOG.warning(
            "warning: %s: a link to what the image leaves out (ignore, tests, what looks like a "
            "secret), which leads to nothing there", ", ".join(links),
        )  # fmt: skip
    if line := tokens.warning(app, files):
        log.LOG.warning("warning: %s", line)
    raising = opencv_windows.functions(app, files, packages)
    texts = calls.sources(files.entries)
    call_sites = calls.held(app, files.entries, texts, opened.functions(app, texts) | raising)
    for line in (
        *opened.warnings(app, files, call_sites),
        opencv_windows.warning(call_sites, raising),
    ):
        if line:
            log.LOG.warning("warning: %s", line)
    program.check_start(app, files)
    module_names.check(app, files.entries, python, packages)


def _names_packages(path: Path) -> bool:
    """Return whether a file, which may hold a tool's settings alone, names packages."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            lines = stream.read(LARGEST).splitlines()
    except OSError:
        return False
    text = b"\n".join(line for line in lines if not line.lstrip().startswith(b"#"))
    return path.name not in SIGNS or SIGNS[path.name] in text


def read(app: App, file: str = "") -> Requirements:
    """Return the application's requirements, checked; `file` is another file of its folder.

    Raises BadInputError, IntegrityError.
    """
    path = app.folder / (file or app.requirements)
    if path.name in OTHERS:
        raise BadInputError(
            f"{path} is no file of requirements", f"write one and name it: {OTHERS[path.name]}"
        )
    result = requirements_file.read(path, app.folder)
    wheel_folder.check(app)
    return result
