"""Tests that can't run on every machine: because of what it is, or of what is not installed.

What a package would mend is a plain skip: ./inv test installs the packages of ci/needs.table, so
there such a skip is a failure. What no package mends is listed at the end, apart from the passes.
"""

from __future__ import annotations

from typing import NoReturn

import pytest

from jetson_kit.checks import stages as checks
from jetson_kit.core import needs


def cannot_run_here(reason: str) -> NoReturn:
    """End the test as one for another machine: a board, another processor, not as this user."""
    pytest.skip(f"{checks.NOT_HERE}{reason}")


def not_here_if(condition: bool, reason: str) -> pytest.MarkDecorator:
    """Mark a test that is for another machine where `condition` holds."""
    return pytest.mark.skipif(condition, reason=f"{checks.NOT_HERE}{reason}")


def why_lacking(*parts: str) -> str:
    """Return why parts of ci/needs.table are not here, as a reason to skip, or an empty string."""
    lacking = needs.missing(parts)
    if not lacking:
        return ""
    names = ", ".join(part.name for part in lacking)
    if all(needs.own_names(part) for part in lacking):
        return f"not installed: {names}"
    return f"{checks.NOT_HERE}this system has no package of {names}"


def needs_parts(*parts: str) -> pytest.MarkDecorator:
    """Mark a test that needs parts of ci/needs.table."""
    why = why_lacking(*parts)
    return pytest.mark.skipif(bool(why), reason=why)


def skip_without(*parts: str) -> None:
    """Skip the test where parts of ci/needs.table are not here."""
    if why := why_lacking(*parts):
        pytest.skip(why)
