"""The roles' form: arguments equal defaults, tables equal the kit's own, all have their parts."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.version import parse

from jetson_kit.core.paths import COLLECTION
from jetson_kit.targets import table as targets
from jetson_kit.virtual_devices import engines

ROLES = sorted(path for path in (COLLECTION / "roles").iterdir() if path.is_dir())
MISSING = object()


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_arguments_are_the_defaults(role: Path) -> None:
    defaults = read(role / "defaults" / "main.yml")
    entries = read(role / "meta" / "argument_specs.yml")["argument_specs"]
    options = {name: row for entry in entries.values() for name, row in entry["options"].items()}
    options = {name: row for name, row in options.items() if not row.get("required")}
    assert {name: row.get("default", MISSING) for name, row in options.items()} == defaults
    for name, row in options.items():
        assert name.startswith(f"{role.name}_"), name
        assert row["description"], name
        assert row["type"], name
        assert defaults[name] in row.get("choices", [defaults[name]]), name


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_each_role_has_its_parts(role: Path) -> None:
    assert (role / "README.md").exists()
    for part in ("main", "preflight", "install"):
        assert (role / "tasks" / f"{part}.yml").exists(), part
    if role.name != "jetson_facts":  # it leaves nothing on a board
        assert (role / "tasks" / "configure.yml").exists()
        assert (role / "tasks" / "uninstall.yml").exists()
        assert role.name in (COLLECTION / "playbooks" / "uninstall.yml").read_text()


def test_the_engines_to_install_are_those_that_were_run_and_known_for_every_ubuntu() -> None:
    versions = read(COLLECTION / "roles/docker_engine/defaults/main.yml")["docker_engine_versions"]
    assert set(versions) == {target.ubuntu for target in targets.load().all} | {"without_raw"}
    assert set(versions.values()) <= {engines.get(name).version for name in engines.names()}
    raw = read(COLLECTION / "roles/docker_engine/vars/main.yml")["docker_engine_raw"]
    assert parse(versions["without_raw"]) < parse(raw["from"])
