"""`targets` on the command line: a table, one release, JSON, one line for bad input."""

from __future__ import annotations

import json

import pytest
from invoke.collection import Collection

from jetson_kit.command_line import program
from jetson_kit.targets.table import load
from jetson_kit.tasks.targets import targets as targets_task

RELEASES = [item.l4t for item in load().all]


def inv(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str, int]:
    """Run the task as the command line does; return its output, its errors and its exit code."""
    code = 0
    try:
        program.main(Collection(targets_task), ["inv", "targets", *arguments])
    except SystemExit as stop:
        code = int(stop.code or 0)
    printed = capsys.readouterr()
    return printed.out, printed.err, code


def test_task_prints_every_release_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out, _, code = inv(capsys)
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[0].rstrip("*") for line in lines[1 : len(RELEASES) + 1]] == RELEASES
    assert max(len(line) for line in lines) <= 80
    assert "…" not in out


def test_task_json(capsys: pytest.CaptureFixture[str]) -> None:
    everything = json.loads(inv(capsys, "--json")[0])
    assert everything["schema_version"] == 1
    assert [row["l4t"] for row in everything["targets"]] == RELEASES
    document = json.loads(inv(capsys, "--l4t", "jetpack6.2", "--json")[0])
    assert [row["name"] for row in document["targets"]] == ["r36.4.3"]
    assert document["targets"][0]["ngc_base"] is None
    assert set(document["targets"][0]["modules"]) == set(document["modules"])
    assert document["socs"]["tegra234"]["sm"] == "8.7"


def test_task_shows_one_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    out, _, code = inv(capsys, "--l4t", "39.0.0")
    assert code == 0
    assert "/opt/nvidia/l4t-gpu-libs/openrm" in out
    assert "armv9.2-a" in out


@pytest.mark.parametrize(
    "arguments", [("--l4t", "r36.44"), ("--l4t", "r36", "--for", "a@b"), ("--for", "a b")]
)
def test_task_bad_input_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    out, err, code = inv(capsys, *arguments)
    assert (out, code) == ("", 2)
    assert err.startswith("error: ")
    assert err.count("\n") == 1
