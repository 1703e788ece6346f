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

from jetson_kit.app import settings, tree
from jetson_kit.app_testing import scaffold
from jetson_kit.checks import linters
from jetson_kit.core.paths import ROOT
from jetson_kit.tasks.app import CI
from tasks import ns
from tests.unit.app.ci_systems import BASH, BESIDE, INSIDE, SHELL, template

NOTE = """#!{python}
import json, os, sys
with open(os.environ["NOTES"], "a") as notes:
    print(json.dumps([os.getcwd(), *sys.argv[1:]]), file=notes)
"""


def git(folder: Path, *arguments: str) -> None:
    own = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *own, *arguments], cwd=folder, check=True, capture_output=True)


def kit(folder: Path) -> Path:
    """Return a repository that has an `inv` that notes its arguments."""
    folder.mkdir()
    inv = folder / "inv"
    inv.write_text(NOTE.format(python=sys.executable))
    inv.chmod(0o755)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "kit")
    git(folder, "tag", "v1")
    return folder


def run(
    line: str, place: Path, shell: Sequence[str] = BASH, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a step as a system does."""
    return subprocess.run(
        [*shell, line],
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
        where, *arguments = json.loads(line)
        assert where == str(place)
        with contextlib.chdir(place):
            (context,) = Parser(contexts=ns.to_contexts()).parse_argv(arguments)
        options = {name: arg.value for name, arg in context.args.items()}
        folder = options["folder"] if context.name == "test.app" else options["app"]
        parsed.append((str(context.name), options, place / folder))
    return parsed


def test_each_system_has_its_steps_read_here() -> None:
    assert {*BESIDE, *INSIDE} == {*scaffold.CI}
    assert {*CI.words} == {*scaffold.CI}


def test_the_steps_are_the_same_in_all_systems() -> None:
    beside = {name: read()[0] for name, read in BESIDE.items()}
    assert all(steps[-2:] == beside["github"][-2:] for steps in beside.values())
    got = {steps[0].splitlines()[-1] for name, steps in beside.items() if name != "github"}
    assert len(got) == 1
    inside = [
        [line for line in read()[0][0].splitlines() if line and not line.startswith("trap ")]
        for read, _, _ in INSIDE.values()
    ]
    assert inside[0][1:] == inside[1][1:]
    assert got.pop().removesuffix(" kit") + ' "$work/kit"' in inside[0]


@pytest.mark.parametrize("app", [".", "boards/door one"])
@pytest.mark.parametrize("ref", ["", "v1"])
@pytest.mark.parametrize("name", INSIDE)
def test_steps_in_a_checkout(tmp_path: Path, name: str, app: str, ref: str) -> None:
    place = tmp_path / "my project"
    (place / app).mkdir(parents=True)
    (place / app / "app.py").write_text("")
    read, folder_variable, name_variable = INSIDE[name]
    (script,), artifacts = read()
    variables = {folder_variable: str(place), name_variable: "project",
                 "KIT_URL": f"file://{kit(tmp_path / 'kit')}", "APP": app,
                 "NOTES": str(tmp_path / "notes"), **({"KIT_REF": ref} if ref else {})}  # fmt: skip
    cleaned_up = "trap " in script
    # Kept until they are read: the trap would remove the folders that the notes name.
    bare = "\n".join(line for line in script.splitlines() if not line.startswith("trap "))
    done = run(bare, place, **variables)
    assert done.returncode == 0, done.stderr
    rows = judged(tmp_path / "notes", place)
    assert [task for task, _, _ in rows] == ["test.app", "build"]
    assert [str(options["output"]) for _, options, _ in rows] == artifacts
    assert all(settings.load(folder).name == "project" for _, _, folder in rows)
    first = "app.py" if app == "." else "boards"
    assert [path.name for path in place.iterdir()] == [first]
    after = script if cleaned_up else "\n".join(template("gitlab")["app"]["after_script"])
    assert run(after, place, **variables).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kit", "my project", "notes"]


@pytest.mark.parametrize("ref", ["", "v1"])
@pytest.mark.parametrize("name", BESIDE)
def test_steps_beside_a_checkout(tmp_path: Path, name: str, ref: str) -> None:
    place = tmp_path / "my work"
    (place / "app").mkdir(parents=True)
    (place / "app" / "app.py").write_text("")
    scripts, artifacts = BESIDE[name]()
    source = kit(place / "kit" if name == "github" else tmp_path / "source")
    variables = {"APP": ".", "NOTES": str(tmp_path / "notes"),
                 "KIT_REPOSITORY": "owner/kit", "KIT_URL": f"file://{source}",
                 **({"KIT_REF": ref} if ref else {})}  # fmt: skip
    for script in scripts:
        done = run(script, place, SHELL.get(name, BASH), **variables)
        assert done.returncode == 0, done.stderr
    rows = judged(tmp_path / "notes", place)
    assert [task for task, _, _ in rows] == ["test.app", "build"]
    assert [str(options["output"]) for _, options, _ in rows] == artifacts
    assert all(settings.load(folder).name == "app" for _, _, folder in rows)


@pytest.mark.parametrize("name", scaffold.CI)
def test_steps_name_the_variable_that_is_missing(tmp_path: Path, name: str) -> None:
    place = tmp_path / "p"
    place.mkdir()
    if name in BESIDE:
        script, variables = BESIDE[name]()[0][0], {}
    else:
        read, folder, project = INSIDE[name]
        (script,), variables = read()[0], {folder: str(place), project: "p", "APP": "."}
    done = run(script, place, SHELL.get(name, BASH), **variables)
    assert done.returncode != 0
    variable = "KIT_REPOSITORY" if name == "github" else "KIT_URL"
    assert f"set the variable {variable} " in done.stderr + done.stdout


@pytest.mark.parametrize("name", sorted({*BESIDE, *INSIDE} - {"github"}))
@pytest.mark.parametrize("token", ["s3cret", "a%40s3cret", "s3cret'$(x)"])
def test_a_token_in_the_address_is_not_in_the_log(tmp_path: Path, name: str, token: str) -> None:
    """Whether the kit is got or not; git itself shows no password."""
    place = tmp_path / "p"
    place.mkdir()
    source = kit(tmp_path / "source")
    config = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.file://{source}.insteadOf",
              "NOTES": str(tmp_path / "notes"), "KIT_REF": "v1"}  # fmt: skip
    for host, code in (("there.invalid", 0), ("nowhere.invalid", 128)):
        config["GIT_CONFIG_VALUE_0"] = f"https://user:{token}@there.invalid/kit"
        if name in BESIDE:
            script = BESIDE[name]()[0][0]
            variables = {"APP": "."}
        else:
            read, folder, project = INSIDE[name]
            (script,) = read()[0]
            variables = {folder: str(place), project: "p", "APP": "."}
        url = f"https://user:{token}@{host}/kit"
        done = run(script, place, SHELL.get(name, BASH), **variables, **config, KIT_URL=url)
        assert done.returncode == code, done.stderr
        assert "s3cret" not in done.stdout + done.stderr


def test_what_azure_keeps_secret_reaches_the_script(tmp_path: Path) -> None:
    """It puts plain variables into the environment by itself, and secret ones where they are named.

    One that is not set stands there as it is written.
    """
    (job,) = template("azure")["jobs"]
    (step,) = [step for step in job["steps"] if "KIT_URL" in step.get("bash", "")]
    assert step["env"] == {"KIT_URL": "$(KIT_URL)"}
    # It would be replaced in the script as well, and so be shown.
    assert "$(KIT_URL)" not in step["bash"]
    done = run(step["bash"], tmp_path, SHELL["azure"], **step["env"])
    assert done.returncode != 0
    assert "set the variable KIT_URL " in done.stderr


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
        step["run"],
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
    files = {file for _, names in linters.WORKFLOWS for file in names}
    # Jenkins has none: only a running Jenkins judges a Jenkinsfile.
    assert {str(path.relative_to(ROOT)) for path, _ in scaffold.CI.values()} - files == {
        "ci/app/Jenkinsfile"
    }


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
    assert not any((plain / place).exists() for _, place in scaffold.CI.values())
    folder = scaffold.new(tmp_path / "door", "empty", name)
    assert (folder / path).read_bytes() == source.read_bytes()


@pytest.mark.parametrize("name", scaffold.CI)
def test_it_stays_out_of_the_image(tmp_path: Path, name: str) -> None:
    (tmp_path / "ci").mkdir()
    plain = settings.load(scaffold.new(tmp_path / "door", "empty"))
    with_ci = settings.load(scaffold.new(tmp_path / "ci" / "door", "empty", name))
    assert tree.digest(tree.read(with_ci).entries) == tree.digest(tree.read(plain).entries)
