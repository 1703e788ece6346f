"""What uv and its pip say becomes one typed error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.version import Version

from jetson_kit import uv, wheels
from jetson_kit.errors import NetworkError, StepFailedError
from tests.unit.small_wheels import plain_wheel


def test_uv_is_the_locked_one() -> None:
    assert uv.program() == Path(sys.executable).with_name("uv")
    assert Version(uv.uv(["--version"], what="asking uv").split()[1]) >= Version("0.5")


def test_a_failure_carries_its_step_and_reason() -> None:
    with pytest.raises(StepFailedError, match="making a mess failed: error: unrecognized"):
        uv.uv(["no-such-command"], what="making a mess")


def test_the_users_settings_choose_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "index"
    empty.mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(empty))  # how the index is reached stays the user's
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_COMPILE_BYTECODE", "1")
    monkeypatch.setenv("UV_NO_BINARY", "1")
    plain_wheel(empty, "plain", "1.0", {"plain.py": b"x = 1\n"})
    into = tmp_path / "into"
    uv.uv(["pip", "install", "--quiet", "--target", into, "plain"], what="trying")
    assert any(into.rglob("*.py"))
    assert not list(into.rglob("*.pyc"))


@pytest.mark.network
def test_a_wheel_that_the_index_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(NetworkError, match="the package index does not offer it"):
        uv.download_wheel(wheels.pins()[0].filename, "0" * 64, tmp_path)
    assert not list(tmp_path.iterdir())
