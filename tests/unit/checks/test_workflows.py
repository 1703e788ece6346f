"""GitHub's workflows: the linter refuses what it must, and each step is a command of ours."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from invoke.parser import Parser

from jetson_kit.checks import linters
from jetson_kit.core.paths import ROOT
from tasks import ns

ZIZMOR = Path(sys.executable).with_name("zizmor")
COMMIT = re.compile(r"[\w./-]+@[0-9a-f]{40}")


def workflow(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return loaded


def steps(name: str) -> list[dict[str, Any]]:
    document = workflow(name)
    jobs = document["jobs"].values() if "jobs" in document else [document["runs"]]
    return [step for job in jobs for step in job["steps"]]


def test_the_projects_own_are_linted() -> None:
    assert {".github/workflows/ci.yml", ".github/workflows/release.yml"} <= set(linters.GITHUB)


@pytest.mark.parametrize("name", [*linters.GITHUB, *linters.ACTIONS])
def test_every_action_is_pinned_by_its_commit(name: str) -> None:
    used = [step["uses"] for step in steps(name) if "uses" in step]
    assert used
    assert all(COMMIT.fullmatch(action) for action in used)


@pytest.mark.parametrize("name", [".github/workflows/ci.yml", ".github/workflows/release.yml"])
def test_the_kits_commands_are_ones_that_it_has(name: str) -> None:
    lines = [line for step in steps(name) for line in step.get("run", "").splitlines()]
    commands = [line.split()[1:] for line in lines if line.startswith("./inv ")]
    assert commands
    for command in commands:
        (context,) = Parser(contexts=ns.to_contexts()).parse_argv(
            [
                word.strip('"').replace("$(id", "a@b")
                for word in command
                if not word.startswith("-un")
            ]
        )
        assert context.name in ns.task_names or context.name in ("verify", "build")


@pytest.mark.skipif(not ZIZMOR.exists(), reason="not here: zizmor has wheels for x86_64 alone")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "actions/checkout@08eba0b27e820071cde6df949e0beb9ba4906955 # v4.3.0",
            "actions/checkout@v4",
        ),
        ("        with:\n          persist-credentials: false\n", ""),
        ("contents: read", "contents: write"),
        ("- run: .ci/run --quick", "- run: echo '${{ github.event.pull_request.title }}'"),
    ],
)
def test_the_linter_refuses(tmp_path: Path, old: str, new: str) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for name in ("ci.yml", "release.yml"):
        shutil.copy(ROOT / ".github" / "workflows" / name, folder)
    command = [str(ZIZMOR), "--offline", "--no-progress", "--quiet", str(folder / "ci.yml")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    text = (folder / "ci.yml").read_text(encoding="utf-8")
    assert old in text
    (folder / "ci.yml").write_text(text.replace(old, new), encoding="utf-8")
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0
