"""Releases and pins that are added to the tables break no test that retypes them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT
from jetson_kit.targets import table as targets
from tests.tables import grown, without_tables

pytestmark = pytest.mark.slow
# They start ./inv, which would set the copy up.
FRONT = ("test_causes", "test_needs*", "test_setup", "test_setup_apt", "test_setup_environment")


def test_the_unit_tests_pass_with_more_rows(tmp_path: Path) -> None:
    folder = grown.copy(tmp_path / "kit")
    # The newest of two branches, one of which boards of several generations share.
    newest = {target.branch: target.l4t for target in targets.load().all}
    added = [grown.add_release(folder, newest[branch]) for branch in ("r36", "r39")]
    version = grown.add_mediapipe(folder)
    written = grown.module(folder, "jetson_kit.data_update.derived", "--write")
    assert written.returncode == 0, written.stderr
    checked = grown.module(folder, "jetson_kit.data_update.check")
    assert checked.returncode == 0, checked.stdout
    # Where they are: a test that passes because the rows are not seen would prove nothing.
    shown = grown.task(folder, "targets")
    assert all(l4t in shown.stdout for l4t in added), shown.stdout
    planned = grown.task(folder, "build", "--jetson", "--plan", "--l4t", added[-1])
    assert f"{version}+jetson" in planned.stdout, planned.stderr
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/unit", "-n", "auto",
         "-m", without_tables.MARKS,
         *(f"--ignore-glob=*/{name}.py" for name in FRONT),
         *(f"--ignore={file}" for file in without_tables.listed())],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout.splitlines()[-1]


def test_what_needs_no_table_is_there() -> None:
    assert [file for file in without_tables.listed() if not (ROOT / file).is_file()] == []
