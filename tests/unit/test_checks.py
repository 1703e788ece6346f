"""Every file of tests is run by exactly one stage, and no stage runs what is not there."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from jetson_kit import checks
from jetson_kit.errors import BadInputError
from jetson_kit.paths import ROOT

MARKED = re.compile(r"pytest\.mark\.(network|docker|qemu|slow|browser|engines|vision)\b|\bNEEDS\b")
# tests/device is for devices: ./inv verify -i INVENTORY runs it.
FILES = [path for path in sorted(ROOT.glob("tests/**/test_*.py")) if path.parent.name != "device"]
STAGED = Counter(path for stage in checks.stages() for path in stage.real)


@pytest.mark.parametrize("path", [str(path.relative_to(ROOT)) for path in FILES])
def test_a_file_that_needs_more_than_python_stands_in_one_stage(path: str) -> None:
    needs_more = bool(MARKED.search((ROOT / path).read_text(encoding="utf-8")))
    assert STAGED[path] == int(needs_more and path != "tests/unit/test_checks.py")


@pytest.mark.parametrize("path", sorted(STAGED))
def test_a_stage_names_files_that_are_there(path: str) -> None:
    assert (ROOT / path).is_file()


def test_unmarked_tests_lie_where_the_quick_stage_looks() -> None:
    elsewhere = [path for path in FILES if path.parent.name != "unit"]
    outside = [path for path in elsewhere if not MARKED.search(path.read_text(encoding="utf-8"))]
    assert outside == []


def test_an_unknown_stage_is_named_with_the_known_ones() -> None:
    with pytest.raises(BadInputError, match="no stage 'nope'"):
        checks.run(quick=False, stage="nope")


def test_a_stage_that_is_not_quick_is_no_part_of_quick() -> None:
    with pytest.raises(BadInputError, match="no stage 'build'"):
        checks.run(quick=True, stage="build")
