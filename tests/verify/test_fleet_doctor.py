"""`./inv doctor -i` and the whole way of `./inv verify --local`, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from jetson_kit.core.paths import ROOT
from tests.unit.device_wheel_trees import schema
from tests.unit.doctor_scenes import legacy_project
from tests.verify.conftest import absent
from tests.verify.fleet import command
from tests.verify.loopback import Loopback

SCHEMA = ROOT / "jetson_kit" / "schemas" / "fleet-doctor.schema.json"
pytestmark = pytest.mark.slow


@pytest.fixture
def inventory(loopback: Loopback, tmp_path: Path) -> Path:
    hosts = {name: row for name, row in absent(loopback).items() if name != "missing-container"}
    return loopback.inventory(tmp_path / "hosts.yml", {"here": {}, **hosts})


def test_every_host(inventory: Path, tmp_path: Path) -> None:
    project = legacy_project(tmp_path)
    done = command(tmp_path, "doctor", "-i", str(inventory), "--code", str(project), "--json")
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    diagnosis = document["hosts"]["here"]["diagnosis"]
    jsonschema.validate(diagnosis, schema("doctor"))
    causes = {item["id"]: item["status"] for item in diagnosis["causes"]}
    assert causes["legacy-api"] == "bad"
    assert (
        "it is not provisioned; ./inv fleet.provision -i"
        in document["hosts"]["here"]["unprovisioned"]
    )
    assert document["hosts"]["unreachable"]["diagnosis"] is None
    assert "cannot reach" in document["hosts"]["unreachable"]["error"]
    assert "host key" in document["hosts"]["other-key"]["error"]
    assert done.stderr.startswith("error: 3 of 3 hosts need care: ")


def test_a_table(inventory: Path, tmp_path: Path) -> None:
    project = legacy_project(tmp_path)
    arguments = ("doctor", "-i", str(inventory), "--limit", "here", "--code", str(project))
    done = command(tmp_path, *arguments)
    rows = done.stdout.splitlines()
    assert rows[0].split()[:3] == ["host", "L4T", "causes"]
    assert any(row.startswith("here") and "legacy-api" in row for row in rows)


def test_what_excludes_each_other(inventory: Path, tmp_path: Path) -> None:
    for arguments in (("--local",), ("--for", "a@b")):
        done = command(tmp_path, "doctor", "-i", str(inventory), *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "exclude each other" in done.stderr


def test_verify_says_that_a_board_was_never_provisioned(loopback: Loopback, tmp_path: Path) -> None:
    """Reached by templates of address and port; it has neither the program nor the container."""
    hosts = loopback.inventory(tmp_path / "hosts.yml", {"here": {"mediapipe_container": "none"}})
    done = command(tmp_path, "verify", "-i", str(hosts), "--output", str(tmp_path / "reports"))
    assert done.returncode == 1, done.stderr
    assert "there is no container none: the board is not provisioned" in done.stdout
    assert "./inv fleet.provision -i INVENTORY --limit here" in done.stdout
