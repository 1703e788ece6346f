"""A new application's folder: jetson.toml, a small app.py that runs, its test and a video."""

from __future__ import annotations

import re
import shutil
import tomllib
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from jetson_kit.app_testing import clip
from jetson_kit.build import plan as planning
from jetson_kit.build.request import Request
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import disk_guard, write_text
from jetson_kit.core.paths import ROOT
from jetson_kit.wheels.device_wheel import PACKAGE

FOLDER = Path(__file__).with_name("templates")
PICTURES = PACKAGE / "mediapipe_jetson" / "data"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
FRAMES = 2
# Whose CI, with the template for the user's repository and where it stands there.
CI = {
    "azure": (ROOT / "ci" / "app" / "azure.yml", "azure-pipelines.yml"),
    "buildkite": (ROOT / "ci" / "app" / "buildkite.yml", ".buildkite/pipeline.yml"),
    "circleci": (ROOT / "ci" / "app" / "circleci.yml", ".circleci/config.yml"),
    "github": (ROOT / "ci" / "app" / "github.yml", ".github/workflows/app.yml"),
    "gitlab": (ROOT / "ci" / "app" / "gitlab.yml", ".gitlab-ci.yml"),
    "jenkins": (ROOT / "ci" / "app" / "Jenkinsfile", "Jenkinsfile"),
}
DEVCONTAINER = ".devcontainer/devcontainer.json"
HEALTH = 'MEDIAPIPE_JETSON_HEALTH_FILE = "/tmp/alive"'


@cache
def templates() -> dict[str, dict[str, Any]]:
    """Return templates.toml."""
    return tomllib.loads((FOLDER / "templates.toml").read_text(encoding="utf-8"))


def picture(template: str) -> Path:
    """Return the shipped photograph in which a template's landmarker finds something."""
    return PICTURES / str(templates()[template]["picture"])


def new(folder: Path, template: str, ci: str = "", *, devcontainer: bool = False) -> Path:
    """Write the folder, with a template of CI that is a key of CI, or none; return it.

    `devcontainer` adds the description of a container to work in, of this machine's architecture.

    Raises BadInputError where it holds something or has no name.
    """
    name = folder.name
    if not NAME.fullmatch(name):
        raise BadInputError(
            f"{name!r} can't be the name of an application",
            "take up to 40 lower-case letters, digits and dashes, such as door-camera",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"{folder} is there already", "name a new or empty folder")
    row = templates()[template]
    empty = row["app"].startswith("empty")
    landmarks = row.get("landmarks")
    values = {
        **row,
        "template": template,
        "name": name,
        "health": f"# {HEALTH}" if empty else HEALTH,
        "check": f"result.{landmarks}" if landmarks else 'result["face"] and result["pose"]',
    }
    result = {
        "jetson.toml": "jetson.toml.in",
        "app.py": row["app"],
        "tests/test_app.py": "test_empty.py.in" if empty else "test_landmarks.py.in",
    }
    if devcontainer:
        result[DEVCONTAINER] = "devcontainer.json.in"
        values["image"] = planning.make(Request(variant="dev")).tag
    aside = folder.with_name(f".{name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    with disk_guard(folder.parent):
        try:
            for path, source in result.items():
                text = Template((FOLDER / source).read_text(encoding="utf-8"))
                write_text(aside / path, text.substitute(values))
            write_text(aside / "requirements.txt", "# One package a line, such as: pyserial>=3.5\n")
            if ci:
                source, path = CI[ci]
                write_text(aside / path, source.read_text(encoding="utf-8"))
            clip.write(aside / "tests" / "clip.avi", [picture(template)] * FRAMES)
            if folder.exists():
                folder.rmdir()
            aside.rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return folder
