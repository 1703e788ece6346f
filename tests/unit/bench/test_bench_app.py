"""What bench.app makes of its measurements."""

from __future__ import annotations

import json

import pytest

from bench import tables
from bench.app import command
from jetson_kit.core.errors import StepFailedError


def test_ages_are_summed_up_by_median_and_percentile() -> None:
    ages = [float(value) for value in range(100, 0, -1)]
    assert command.summary(ages) == {"pictures": 100, "median": 50.5, "p95": 96.0, "most": 100.0}


def test_a_page_that_showed_nothing_is_no_result() -> None:
    with pytest.raises(StepFailedError, match="saw no picture"):
        command.summary([])


def test_what_was_measured_is_in_the_table() -> None:
    facts = json.loads(command.OUT.read_text(encoding="utf-8"))
    table = tables.app(facts)
    assert f"**{facts['speed']['ratio']:.2f}x**" in table
    assert facts["speed"]["results"]["uneven"] == 0
    assert facts["camera_to_browser_ms"]["unreadable"] == 0
