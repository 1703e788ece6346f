"""Every file of tests is run by exactly one stage, and no stage runs what is not there."""

from __future__ import annotations

import fnmatch
import math
import os
import re
import sys
from collections import Counter

import pytest

from jetson_kit.checks import linters
from jetson_kit.checks import stages as checks
from jetson_kit.checks.stages import Stage
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT

MARKED = re.compile(
    r"pytest\.mark\.(network|docker|qemu|slow|browser|engines|vision|live)\b|\bNEEDS\b"
)
# tests/device is for devices: ./inv verify -i INVENTORY runs it.
FILES = [path for path in sorted(ROOT.glob("tests/**/test_*.py")) if path.parent.name != "device"]
STAGED = Counter(path for stage in checks.stages() for path in stage.real)


@pytest.mark.parametrize("path", [str(path.relative_to(ROOT)) for path in FILES])
def test_a_file_that_needs_more_than_python_stands_in_one_stage(path: str) -> None:
    needs_more = bool(MARKED.search((ROOT / path).read_text(encoding="utf-8")))
    assert STAGED[path] == int(needs_more)


@pytest.mark.parametrize("path", sorted(STAGED))
def test_a_stage_names_files_that_are_there(path: str) -> None:
    assert (ROOT / path).is_file()


def test_unmarked_tests_lie_where_the_quick_stage_looks() -> None:
    elsewhere = [path for path in FILES if ROOT / "tests" / "unit" not in path.parents]
    outside = [path for path in elsewhere if not MARKED.search(path.read_text(encoding="utf-8"))]
    assert outside == []


def test_an_unknown_stage_is_named_with_the_known_ones() -> None:
    with pytest.raises(BadInputError, match="no stage 'nope'"):
        checks.run(size="all", stage="nope")


def names(size: str) -> list[str]:
    return [stage.name for stage in checks.stages() if stage.at(size)]


def test_each_size_runs_all_that_a_smaller_one_runs() -> None:
    assert names("quick") == ["lint", "unit"]
    assert set(names("quick")) < set(names("default")) < set(names("all")) < set(names("long"))
    assert names("long") == [stage.name for stage in checks.stages()]


def test_the_default_size_runs_a_part_of_a_greater_stage() -> None:
    part = Stage("x", "all", default=("tests/a.py::test_b",), real=("tests/a.py", "tests/c.py"))
    seen = [part.at(size) for size in checks.SIZES]
    assert seen[0] is None
    assert [stage.real for stage in seen[1:] if stage] == [part.default, part.real, part.real]
    assert Stage("x", "all", real=("tests/a.py",)).at("default") is None


@pytest.mark.parametrize(
    "stage", [item for item in checks.stages() if item.default], ids=lambda stage: stage.name
)
def test_the_default_size_names_tests_of_the_stage(stage: Stage) -> None:
    for name in stage.default:
        path, _, test = name.partition("::")
        assert path in stage.real
        assert f"def {test.partition('[')[0]}(" in (ROOT / path).read_text() or not test


def test_pytest_passes_over_no_folder_of_tests(pytestconfig: pytest.Config) -> None:
    passed_over = pytestconfig.getini("norecursedirs")
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(folders) > 20
    for folder in folders:
        for part in folder.parts:
            assert not any(fnmatch.fnmatch(part, item) for item in passed_over), folder


def test_a_failed_linter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fails, passes = ([sys.executable, "-m", name] for name in ("no.such", "this"))
    monkeypatch.setattr(linters, "commands", lambda: [fails, passes, ["false", "x"]])
    result = checks._stage(Stage("lint", "quick"), os.open(os.devnull, os.O_WRONLY), math.inf)
    assert result.problems == ("no.such", "false")
