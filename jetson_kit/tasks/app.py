"""`app.new`, `test.app`: a user's own application."""

from __future__ import annotations

import shlex
from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import Choice, Folder, OutputFolder
from jetson_kit.tasks.edge import kit_task

TEMPLATES = Choice("face", "hand", "pose", "holistic", "empty")
CI = Choice("azure", "buildkite", "circleci", "github", "gitlab", "jenkins")


@kit_task(
    positional=["name"],
    options={"name": OutputFolder(), "template": TEMPLATES, "ci": CI},
    help={
        "name": "folder to make; its last part is the application's name",
        "template": "face (default), hand, pose, holistic or empty",
        "ci": "also a workflow that tests and builds it: github, gitlab, azure, ... (docs/app.md)",
        "devcontainer": "also a container to work in, for VS Code and its like (docs/app.md)",
    },
)
def new(
    c: Context, name: Path, template: str = "face", ci: str = "", devcontainer: bool = False
) -> None:
    """Make the folder of a new application that runs. Example: ./inv app.new door-camera."""
    from jetson_kit.app_testing import scaffold

    del c
    folder = scaffold.new(name.absolute(), template, ci, devcontainer=devcontainer)
    place = shlex.quote(str(name))
    print(f"{folder}: test it with ./inv test.app {place}, build it with")
    print(f"./inv build --jetson --app {place}")


@kit_task(
    positional=["folder"],
    options={
        "folder": Folder(),
        "output": OutputFolder(),
        "l4t": kinds.L4T,
        "module": kinds.MODULE,
    },
    help={
        "folder": "the application's folder",
        "l4t": "L4T release or JetPack of its boards (default: jetson.toml's, else the table's)",
        "module": "only for this module, such as nano (default: jetson.toml's, else all)",
        "output": "folder of logs and JUnit files (default: dist/IMAGE-test)",
        "no-emulation": "only on this machine's own processor",
        "full": "also on a virtual board: provisioned, rolled out to, verified",
    },
)
def test(
    c: Context,
    folder: Path,
    output: Path | None = None,
    l4t: str = "",
    module: str = "",
    no_emulation: bool = False,
    full: bool = False,
) -> None:
    """Test an application here, then in its arm64 image. Example: ./inv test.app ./my-app."""
    from jetson_kit.app_testing import testing

    del c
    testing.run(testing.AppTestRequest(folder, output, l4t, module, not no_emulation, full))
