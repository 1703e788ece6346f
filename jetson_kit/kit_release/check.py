"""`release.check`: what must hold before a version of the kit is tagged, a line each."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jetson_kit import __version__
from jetson_kit.ansible_driver import collection_archive
from jetson_kit.core import environments
from jetson_kit.core.errors import CheckFailedError, KitError
from jetson_kit.core.paths import ROOT
from jetson_kit.core.run import run
from jetson_kit.data_update import update
from jetson_kit.guides import site
from jetson_kit.kit_release import tracked, versions
from jetson_kit.wheels import device_wheel

LICENSES = (
    Path("LICENSE"),
    Path("wheels", "mediapipe-jetson", "LICENSE"),
    versions.COLLECTION / "LICENSE",
)
APACHE = "Apache License"
# Of the photograph in the self-test, and of the project itself.
NOTICES = (("README.md", r"Apache-2\.0\..*photograph.*public domain"),)


@dataclass(frozen=True)
class Check:
    """One thing that must hold; `problems` returns what to do, nothing if it holds."""

    name: str
    what: str
    problems: Callable[[], list[str]]


@dataclass(frozen=True)
class Outcome:
    """A check that was made."""

    check: Check
    problems: tuple[str, ...]


def checks(scratch: Path, tag: str = "") -> tuple[Check, ...]:
    """Return the checks, the quick ones first; `scratch` is an empty folder for what they build."""
    return (
        Check("tree", "everything is committed", tracked.status_problems),
        Check(
            "versions",
            "kit, device wheel, collection and tag agree",
            partial(versions.problems, tag=tag),
        ),
        Check(
            "changelog",
            "has a dated entry of this version, the collection's too",
            versions.changelog_problems,
        ),
        Check("schemas", "documents and their schemas agree", versions.schema_problems),
        Check("machine", "no file names this machine", tracked.machine_problems),
        Check("licences", "licence and notices are there", licence_problems),
        Check("tables", "tables, locks and what derives agree", update.checked),
        Check("wheels", "built, accepted by the index's own checks", partial(_wheels, scratch)),
        Check(
            "collection", "built, installed, every file as listed", partial(_collection, scratch)
        ),
        Check("docs", "pages and links hold, and make a site", partial(_docs, scratch)),
    )


def run_all(tag: str = "") -> Iterator[Outcome]:
    """Make every check, whatever those before it found."""
    with tempfile.TemporaryDirectory(prefix="kit-release-") as name:
        for check in checks(Path(name), tag):
            try:
                problems = check.problems()
            except KitError as error:
                problems = [error.line().removeprefix("error: ")]
            yield Outcome(check, tuple(problems))


def show(tag: str = "") -> None:
    """Print a line for each check. Raises CheckFailedError where one found something."""
    failed = []
    for outcome in run_all(tag):
        name = outcome.check.name
        if not outcome.problems:
            print(f"ok     {name:10} {outcome.check.what}", flush=True)
            continue
        failed.append(name)
        for line in outcome.problems:
            print(f"to do  {name:10} {line}", flush=True)
    if failed:
        raise CheckFailedError(
            f"not ready for a release: {', '.join(failed)}", "do what the lines above say"
        )
    print(f"ready: git tag --sign v{__version__} && git push origin v{__version__}")


def licence_problems(root: Path = ROOT) -> list[str]:
    """Return which licence or notice is missing."""
    texts = {path: _text(root / path) for path in LICENSES}
    result = [f"{path}: no Apache licence" for path, text in texts.items() if APACHE not in text]
    if not result and len(set(texts.values())) > 1:
        result.append(f"{' and '.join(map(str, LICENSES))} differ: copy the first")
    return result + [
        f"{name}: no notice like {pattern!r}"
        for name, pattern in NOTICES
        if not re.search(pattern, _text(root / name))
    ]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _wheels(scratch: Path) -> list[str]:
    wheels = device_wheel.build_all(scratch)
    tools = environments.python("wheel-check").parent
    run([tools / "twine", "check", "--strict", *wheels], what="twine check")
    run([tools / "check-wheel-contents", *wheels], what="check-wheel-contents")
    version = device_wheel.version()
    return [line for wheel in wheels for line in wheel_problems(wheel, version)]


def wheel_problems(wheel: Path, version: str) -> list[str]:
    """Return what a wheel lacks of its version and licence."""
    result = [] if f"-{version}-" in wheel.name else [f"{wheel.name} is not of version {version}"]
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    if not any(name.endswith("/LICENSE") for name in names):
        result.append(f"{wheel.name} has no LICENSE")
    return result


def _collection(scratch: Path) -> list[str]:
    collection_archive.verify(collection_archive.build(scratch / "collection"))
    return []


def _docs(scratch: Path) -> list[str]:
    command = [sys.executable, "-m", "jetson_kit.guides.check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stdout.splitlines() or [done.stderr.strip()[-300:]]
    site.build(scratch / "site")
    return []
