"""The templates of CI for a user's repository: their steps, run here up to the kit's own commands.

A program that notes its words stands in for the kit's `inv`, which would build for minutes; the
words are then read by the real tasks' parser.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from invoke.parser import Parser

from jetson_kit.app import settings
from jetson_kit.app_testing import scaffold
from jetson_kit.checks import stages as checks
from jetson_kit.core.paths import ROOT
from tasks import ns

NOTE = """#!{python}
import json, os, sys
with open(os.environ["NOTES"], "a") as notes:
    print(json.dumps([os.getcwd(), *sys.argv[1:]]), file=notes)
"""


def template(name: str) -> dict[str, Any]:
    path, _ = scaffold.CI[name]
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def git(folder: Path, *words: str) -> None:
    own = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True)


def kit(folder: Path) -> Path:
    """Return a repository that has an `inv` that notes its words."""
    folder.mkdir()
    inv = folder / "inv"
    inv.write_text(NOTE.format(python=sys.executable))
    inv.chmod(0o755)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "kit")
    git(folder, "tag", "v1")
    return folder


def run(lines: Sequence[str], place: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run lines as both systems do: one script of bash that ends at the first failure."""
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", "\n".join(lines)],
        cwd=place,
        env={"PATH": os.environ["PATH"], "HOME": str(place), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def judged(notes: Path, place: Path) -> list[tuple[str, dict[str, Any], Path]]:
    """Return (task, its options, the application's folder) of each command of the kit."""
    parsed = []
    for line in notes.read_text().splitlines():
        where, *words = json.loads(line)
        assert where == str(place)
        with contextlib.chdir(place):
            (context,) = Parser(contexts=ns.to_contexts()).parse_argv(words)
        options = {name: arg.value for name, arg in context.args.items()}
        folder = options["folder"] if context.name == "test.app" else options["app"]
        parsed.append((str(context.name), options, place / folder))
    return parsed


@pytest.mark.parametrize("app", [".", "boards/door one"])
@pytest.mark.parametrize("ref", ["", "v1"])
def test_gitlabs_steps(tmp_path: Path, app: str, ref: str) -> None:
    place = tmp_path / "my project"
    (place / app).mkdir(parents=True)
    (place / app / "app.py").write_text("")
    job = template("gitlab")["app"]
    variables = {"CI_PROJECT_DIR": str(place), "CI_PROJECT_NAME": "project",
                 "KIT_URL": f"file://{kit(tmp_path / 'kit')}", "APP": app,
                 "NOTES": str(tmp_path / "notes"), **({"KIT_REF": ref} if ref else {})}  # fmt: skip
    done = run(job["script"], place, **variables)
    assert done.returncode == 0, done.stderr
    rows = judged(tmp_path / "notes", place)
    assert [task for task, _, _ in rows] == ["test.app", "build"]
    assert [str(options["output"]) for _, options, _ in rows] == job["artifacts"]["paths"]
    assert all(settings.load(folder).name == "project" for _, _, folder in rows)
    first = "app.py" if app == "." else "boards"
    assert [path.name for path in place.iterdir()] == [first]
    assert run(job["after_script"], place, **variables).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kit", "my project", "notes"]


def test_gitlabs_steps_name_the_variable_that_is_missing(tmp_path: Path) -> None:
    place = tmp_path / "p"
    place.mkdir()
    done = run(template("gitlab")["app"]["script"], place,
               CI_PROJECT_DIR=str(place), CI_PROJECT_NAME="p", APP=".")  # fmt: skip
    assert done.returncode != 0
    assert "KIT_URL: set the CI/CD variable KIT_URL" in done.stderr


def test_githubs_steps(tmp_path: Path) -> None:
    workflow = template("github")
    steps = workflow["jobs"]["image"]["steps"]
    checkouts = [step["with"]["path"] for step in steps if "checkout" in step.get("uses", "")]
    assert checkouts == ["app", "kit"]
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.py").write_text("")
    kit(tmp_path / "kit")
    lines = [step["run"] for step in steps if "run" in step]
    variables = {"APP": workflow["env"]["APP"], "NOTES": str(tmp_path / "notes")}
    refused = run(lines, tmp_path, **variables)
    assert refused.returncode == 2
    assert "set the variable KIT_REPOSITORY" in refused.stdout
    done = run(lines, tmp_path, KIT_REPOSITORY="owner/kit", **variables)
    assert done.returncode == 0, done.stderr
    rows = judged(tmp_path / "notes", tmp_path)
    assert [task for task, _, _ in rows] == ["test.app", "build"]
    kept = [step["with"]["path"] for step in steps if "upload" in step.get("uses", "")]
    assert [str(options["output"]) for _, options, _ in rows] == kept
    assert all(settings.load(folder).name == "app" for _, _, folder in rows)


def action_step(
    name: str, place: Path, kit_folder: Path, **inputs: str
) -> subprocess.CompletedProcess[str]:
    """Run a step of the action as GitHub does, with the inputs' defaults below `inputs`."""
    action = yaml.safe_load((ROOT / "ci" / "app" / "action.yml").read_text(encoding="utf-8"))
    values = {key: row["default"] for key, row in action["inputs"].items()} | inputs
    (step,) = [step for step in action["runs"]["steps"] if step.get("name") == name]
    variables = {
        key: values.get(value.removeprefix("${{ inputs.").removesuffix(" }}"), "cache")
        for key, value in step["env"].items()
    }
    return run(
        [step["run"]],
        place,
        **variables,
        GITHUB_ACTION_PATH=str(kit_folder / "ci" / "app"),
        GITHUB_OUTPUT=str(place.parent / "output"),
        NOTES=str(place.parent / "notes"),
    )


@pytest.mark.parametrize("app", [".", "boards/door one", "$(touch x)"])
@pytest.mark.parametrize("emulation", ["true", "false"])
def test_the_actions_steps(tmp_path: Path, app: str, emulation: str) -> None:
    place = tmp_path / "work"
    (place / app).mkdir(parents=True)
    (place / app / "app.py").write_text("")
    (place / "image").mkdir()
    (place / "image" / "manifest.json").write_text('{"image": {"tag": "mediapipe-jetson:x"}}')
    folder = kit(tmp_path / "kit")
    (folder / "ci" / "app").mkdir(parents=True)
    for name in ("Test", "Build"):
        done = action_step(name, place, folder, app=app, emulation=emulation)
        assert done.returncode == 0, done.stderr
    rows = judged(tmp_path / "notes", place)
    assert [task for task, _, _ in rows] == ["test.app", "build"]
    assert [str(options["output"]) for _, options, _ in rows] == ["reports", "image"]
    assert rows[0][1]["no-emulation"] == (emulation == "false")
    assert {where for _, _, where in rows} == {place / app}
    assert (tmp_path / "output").read_text() == "tag=mediapipe-jetson:x\n"
    assert not (place / "x").exists()


def test_the_action_refuses_what_is_neither_true_nor_false(tmp_path: Path) -> None:
    place = tmp_path / "work"
    place.mkdir()
    done = action_step("Test", place, tmp_path, emulation="yes")
    assert done.returncode == 2
    assert done.stdout == '::error::emulation is "yes"; write true or false\n'


def test_every_template_is_judged_by_its_systems_schema() -> None:
    files = {file for _, names in checks.WORKFLOWS for file in names}
    assert {str(path.relative_to(ROOT)) for path, _ in scaffold.CI.values()} <= files


def test_a_container_to_work_in_is_of_the_dev_image_of_this_machine(tmp_path: Path) -> None:
    folder = scaffold.new(tmp_path / "door", "face", devcontainer=True)
    body = json.loads((folder / ".devcontainer" / "devcontainer.json").read_text())
    assert body["name"] == "door"
    assert body["image"].startswith("mediapipe-jetson:native-")
    assert body["image"].endswith("-dev")
    assert "${localWorkspaceFolder}" in body["workspaceMount"]
    assert (folder / body["containerEnv"]["MEDIAPIPE_JETSON_SOURCE"][len("/workspace/") :]).exists()
    assert not (scaffold.new(tmp_path / "plain", "face") / ".devcontainer").exists()


@pytest.mark.parametrize("name", scaffold.CI)
def test_a_new_folder_has_it_where_its_system_looks(tmp_path: Path, name: str) -> None:
    source, path = scaffold.CI[name]
    plain = scaffold.new(tmp_path / "plain", "empty")
    assert not (plain / ".github").exists()
    assert not (plain / ".gitlab-ci.yml").exists()
    folder = scaffold.new(tmp_path / "door", "empty", name)
    assert (folder / path).read_bytes() == source.read_bytes()
