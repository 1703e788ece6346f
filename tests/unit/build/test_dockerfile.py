"""The rule of the Dockerfile: nothing runs on the target platform, and nothing runs at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.build import dockerfile_build, image_config
from tests.support.here import cannot_run_here


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", dockerfile_build.DOCKERFILE.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0].upper(), line.split(maxsplit=1)[1]) for line in lines]


def test_nothing_runs_and_nothing_is_fetched() -> None:
    names = {word for word, _ in instructions()}
    assert names <= {"ARG", "FROM", "ADD", "ENV", "USER", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert not any("://" in rest for word, rest in instructions() if word == "ADD")
    first = dockerfile_build.DOCKERFILE.read_text(encoding="utf-8").splitlines()[0]
    assert not first.startswith("# syntax="), "a syntax line would need a registry"


def test_exec_forms_and_a_numeric_user() -> None:
    result = dict(instructions())
    assert re.fullmatch(r"\d+:\d+", result["USER"])
    assert not result["USER"].startswith("0:")
    assert json.loads(result["ENTRYPOINT"])[0].startswith("/")
    assert json.loads(result["CMD"]) == ["info"]
    assert json.loads(result["HEALTHCHECK"].partition("CMD")[2])[-1] == "healthcheck"


def test_layers_in_the_order_of_the_kits_own_image() -> None:
    order = [rest.split()[0] for word, rest in instructions() if word == "ADD"]
    assert order == ["python.tar", *image_config.data()["layers"]]


def test_hadolint() -> None:
    tool = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which(
        "hadolint"
    )
    if tool is None:
        if os.uname().machine != "x86_64":
            cannot_run_here("hadolint has a wheel for x86_64 alone")
        pytest.fail("hadolint is not in this environment")
    done = subprocess.run(
        [tool, dockerfile_build.DOCKERFILE], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("", 0)
