"""Roles image and service: their data is the kit's data, and the program runs where boards are."""

from __future__ import annotations

import ast
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from jetson_kit.core.paths import COLLECTION, ROOT

ROLES = COLLECTION / "roles"
PROGRAM = ROLES / "image" / "files" / "mediapipe_image"
# What came after Python 3.6 and is easily written by habit.
LATER = {"capture_output", "text", "missing_ok", "dirs_exist_ok", "removeprefix", "is_relative_to"}


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_every_way_in_has_the_same_defaults() -> None:
    defaults = read(ROLES / "image" / "defaults" / "main.yml")
    specs = read(ROLES / "image" / "meta" / "argument_specs.yml")["argument_specs"]
    for spec in specs.values():
        for name, option in spec["options"].items():
            if not option.get("required"):
                assert option["default"] == defaults[name], name


def test_the_service_runs_as_the_kit_verifies() -> None:
    defaults = read(ROLES / "service" / "defaults" / "main.yml")
    table = tomllib.loads((ROOT / "jetson_kit" / "service" / "service.toml").read_text())
    assert defaults["service_container"] == table["container"]
    assert defaults["service_tmpfs"] == table["tmpfs"]
    assert defaults["service_reports"] == table["reports"]
    assert defaults["service_cache"] == table["cache"]
    assert defaults["service_log"] == table["log"]
    assert defaults["service_environment"] == table["environment"]
    assert defaults["service_nvidia"] == table["nvidia"]


def test_the_board_knows_the_default_command() -> None:
    """By it a board sees that an application would not run; the role tells it what runs."""
    program = ast.parse((PROGRAM / "target.py").read_text())
    idle = next(
        ast.literal_eval(node.value) for node in program.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "IDLE"
    )  # fmt: skip
    service = ROLES / "service"
    assert list(idle) == read(service / "defaults" / "main.yml")["service_container"]["command"]
    settings = read(service / "vars" / "main.yml")["service_settings"]
    assert settings["command"] == "{{ service_container.command }}"


def test_the_device_nodes_are_the_doctors() -> None:
    causes = ROOT / "wheels/mediapipe-jetson/src/mediapipe_jetson/data/doctor.json"
    nodes = json.loads(causes.read_text())["facts"]["nodes"]
    assert read(ROLES / "service" / "defaults" / "main.yml")["service_device_nodes"] == nodes


@pytest.mark.parametrize("path", sorted(PROGRAM.glob("*.py")), ids=lambda path: path.name)
def test_the_program_is_python_3_6(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 6))
    names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not names & LATER
    assert not modules & {"__future__", "dataclasses"}
