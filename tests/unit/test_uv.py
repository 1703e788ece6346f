"""What uv and its pip say becomes one typed error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.version import Version

from jetson_kit import uv, wheels
from jetson_kit.errors import NetworkError, StepFailedError


def test_uv_is_the_locked_one() -> None:
    assert uv.program() == Path(sys.executable).with_name("uv")
    assert Version(uv.uv(["--version"], what="asking uv").split()[1]) >= Version("0.5")


def test_a_failure_carries_its_step_and_reason() -> None:
    with pytest.raises(StepFailedError, match="making a mess failed: error: unrecognized"):
        uv.uv(["no-such-command"], what="making a mess")


@pytest.mark.network
def test_a_wheel_that_the_index_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(NetworkError, match="the package index does not offer it"):
        uv.download_wheel(wheels.pins()[0].filename, "0" * 64, tmp_path)
    assert not list(tmp_path.iterdir())
