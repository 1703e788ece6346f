"""`release.check`: each check finds what it is there for, in a small repository."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from jetson_kit.core.errors import CheckFailedError, StepFailedError
from jetson_kit.core.paths import ROOT
from jetson_kit.kit_release import check, tracked, versions
from jetson_kit.kit_release.check import Check

GALAXY = versions.COLLECTION / "galaxy.yml"
COLLECTION_CHANGES = versions.COLLECTION / "CHANGELOG.md"


def git(folder: Path, *arguments: str) -> None:
    own = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *own, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a committed project of version 1.2.3 that is ready."""
    folder = tmp_path / "project"
    for name in (versions.KIT, versions.WHEEL):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('__version__ = "1.2.3"\nSCHEMA = "kit/x/1"\n')
    (folder / versions.COLLECTION).mkdir(parents=True)
    (folder / versions.COLLECTION / "galaxy.yml").write_text("version: 1.2.3\n")
    for place in (Path(), versions.COLLECTION):
        text = "# C\n\n## 1.2.3 (2026-11-28)\n\n- A.\n\n## 1.2.2 (x)\n"
        (folder / place / "CHANGELOG.md").write_text(text)
    schemas = folder / "jetson_kit" / "schemas"
    schemas.mkdir()
    (schemas / "x.schema.json").write_text(schema("kit/x/1"))
    for name in check.LICENSES:
        shutil.copy(ROOT / "LICENSE", folder / name)
    shutil.copy(ROOT / "README.md", folder)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "all")
    return folder


def schema(name: str, identity: str | None = None) -> str:
    return json.dumps(
        {"$id": identity or name, "properties": {"schema": {"const": name}}}, indent=1
    )


def every_problem(root: Path, tag: str = "") -> list[str]:
    return [
        *tracked.status_problems(root),
        *versions.problems(root, tag),
        *versions.changelog_problems(root),
        *versions.schema_problems(root),
        *tracked.machine_problems(root),
        *check.licence_problems(root),
    ]


def test_what_is_ready_has_no_problem(root: Path) -> None:
    assert every_problem(root, "v1.2.3") == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (versions.WHEEL, '__version__ = "1.2.4"', "1.2.4, but the kit is 1.2.3"),
        (versions.KIT, '__version__ = "1.2.3rc1"', "1.2.3rc1 is not X.Y.Z"),
        (GALAXY, "version: 1.2.4\n", "galaxy.yml: 1.2.4, but the kit is 1.2.3"),
        (COLLECTION_CHANGES, "## 1.2.2 (2026-01-01)\n\n- A.\n", "kit/CHANGELOG.md: the first"),
        ("CHANGELOG.md", "## Not yet released (1.2.3)\n\n- A.\n", "'Not yet released (1.2.3)'"),
        ("CHANGELOG.md", "## 1.2.2 (2026-01-01)\n\n- A.\n", "'1.2.2 (2026-01-01)'"),
        ("CHANGELOG.md", "## 1.2.3 (2026-11-28)\n\n## 1.2.2 (x)\n", "nothing stands below"),
        ("CHANGELOG.md", "words\n", "no heading"),
        ("jetson_kit/schemas/x.schema.json", schema("kit/x/2"), "no code writes kit/x/2"),
        ("jetson_kit/schemas/x.schema.json", schema("kit/x/1", "kit/x/2"), "$id is kit/x/2"),
        ("LICENSE", "mine", "LICENSE: no Apache licence"),
        ("wheels/mediapipe-jetson/LICENSE", "Apache License 1", "differ"),
        ("README.md", "words", "no notice like"),
    ],
)
def test_what_is_wrong_is_found(root: Path, name: str, text: str, expected: str) -> None:
    (root / name).write_text(text)
    git(root, "commit", "-qam", "changed")
    result = every_problem(root)
    assert any(expected in line for line in result), result


def test_another_tag_is_refused(root: Path) -> None:
    assert versions.problems(root, "v1.2.4") == [
        "the tag v1.2.4 is not v1.2.3: tag the commit whose version it names"
    ]


@pytest.mark.parametrize("tracked_before", [True, False])
def test_what_is_not_committed_is_named(root: Path, tracked_before: bool) -> None:
    (root / ("README.md" if tracked_before else "new.txt")).write_text("x")
    (line,) = tracked.status_problems(root)
    assert ("README.md" if tracked_before else "new.txt") in line


def test_a_path_of_this_machine_is_found_by_file_and_line(root: Path) -> None:
    (root / "a.txt").write_text(f"one\ntwo {root}/x\n")
    (root / "b.txt").write_text(f"{root}-other and x{root}\n")
    (root / "c.txt").write_text(f"{root}\n")
    git(root, "add", "a.txt", "b.txt")
    (line,) = tracked.machine_problems(root)
    assert line.startswith(f"a.txt:2 names the folder {root}")


@pytest.mark.parametrize(
    ("name", "text", "host"),
    [
        ("PIP_INDEX_URL", "https://me:secret@pip.corp.example/simple", "pip.corp.example"),
        ("UV_INDEX", "own=https://uv.corp.example:8443/simple", "uv.corp.example"),
        (".npmrc", "registry=https://npm.corp.example/\n", "npm.corp.example"),
        (".config/pip/pip.conf", "[global]\nindex-url = http://a.example/x\n", "a.example"),
        ("etc/apt/sources.list.d/a.sources", "URIs: http://deb.corp.example/debian\n",
         "deb.corp.example"),
    ],
)  # fmt: skip
def test_hosts_are_those_that_clients_use(tmp_path: Path, name: str, text: str, host: str) -> None:
    environment = {"HOME": str(tmp_path), "OTHER": "https://no.example"}
    if name.isupper():
        environment[name] = text
    else:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert tracked.hosts(environment, tmp_path) == {host}


def test_a_file_that_names_a_registry_is_found(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.corp.example/simple")
    (root / "README.md").write_text("pip install --index-url https://pip.corp.example/simple x")
    assert any("the registry pip.corp.example" in line for line in tracked.machine_problems(root))


def test_a_wheel_must_have_version_and_licence(tmp_path: Path) -> None:
    wheel = tmp_path / "mediapipe_jetson-1.2.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mediapipe_jetson/__init__.py", "")
    assert len(check.wheel_problems(wheel, "1.2.3")) == 2
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("mediapipe_jetson-1.2.2.dist-info/licenses/LICENSE", "")
    assert check.wheel_problems(wheel, "1.2.2") == []


def test_every_check_is_made_and_one_line_ends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> list[str]:
        raise StepFailedError("no program", "install it")

    rows = (
        Check("one", "is so", list),
        Check("two", "", broken),
        Check("three", "", lambda: ["a"]),
    )
    monkeypatch.setattr(check, "checks", lambda scratch, tag: rows)
    with pytest.raises(CheckFailedError, match="two, three"):
        check.show()
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "ok     one        is so",
        "to do  two        no program; install it",
        "to do  three      a",
    ]
