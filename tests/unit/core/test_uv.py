"""What uv and its pip say becomes one typed error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.version import Version

from jetson_kit.core import uv
from jetson_kit.core.errors import IntegrityError, NetworkError, StepFailedError
from tests.unit import small_index
from tests.unit.small_wheels import plain_wheel


def test_uv_is_the_locked_one() -> None:
    assert uv.program() == Path(sys.executable).with_name("uv")
    assert Version(uv.uv(["--version"], what="asking uv").split()[1]) >= Version("0.5")


def test_a_failure_carries_its_step_and_reason() -> None:
    with pytest.raises(StepFailedError, match="making a mess failed: unrecognized"):
        uv.uv(["no-such-command"], what="making a mess")


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_a_home_that_cannot_be_written_is_not_needed(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UV_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "/dev/null/home")
    monkeypatch.setenv("KIT_CACHE", str(tmp_path))
    found = uv.uv(["cache", "dir"], what="asking")
    assert found.strip() == str(tmp_path / "uv")
    python = f"3.{sys.version_info.minor}"
    assert uv.uv(["python", "find", python], what="looking for Python")
    monkeypatch.setenv(variable, str(tmp_path / "home"))
    assert str(tmp_path / "home") in uv.uv(["cache", "dir"], what="asking")


def test_only_the_folder_that_cannot_be_used_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "kit"))
    monkeypatch.delenv("UV_CACHE_DIR", raising=False)
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".cache").write_text("no folder\n")
    ask = ("cache", "dir"), ("python", "dir")
    cache, pythons = (uv.uv(words, what="asking").strip() for words in ask)
    assert cache == str(tmp_path / "kit" / "uv")
    assert pythons == str(tmp_path / ".local/share/uv/python")
    monkeypatch.setenv("HOME", "/dev/null/home")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "mine"))
    cache, pythons = (uv.uv(words, what="asking").strip() for words in ask)
    assert cache == str(tmp_path / "mine")
    assert pythons == str(tmp_path / "kit" / "uv" / "pythons")


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


@dataclass(frozen=True)
class Index:
    """A package index with one wheel, which uv and pip ask."""

    wheel: str
    sha256: str
    raw: bytes


@pytest.fixture(params=["open", "with a password"])
def index(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Index]:
    """Serve an index; uv and pip know its password where it has one."""
    folder = tmp_path / "index"
    folder.mkdir()
    path, sha256 = plain_wheel(folder, "plain", "1.0", {"plain.py": b"x = 1\n"})
    small_index.renew(folder)
    login = "" if request.param == "open" else "user:secret"
    with small_index.served(folder, login) as address:
        at = address.replace("://", f"://{login}@") if login else address
        for name, value in small_index.environment(at).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield Index(path.name, sha256, path.read_bytes())


def test_a_wheel_comes_byte_for_byte(index: Index, tmp_path: Path) -> None:
    path = uv.download_wheel(index.wheel, index.sha256, tmp_path)
    assert path == tmp_path / index.wheel
    assert path.read_bytes() == index.raw
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_wheel_that_the_index_lacks(index: Index, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    with pytest.raises(NetworkError, match="the package index does not offer it"):
        uv.download_wheel("plain-1.1-py3-none-any.whl", "0" * 64, tmp_path)
    assert set(tmp_path.iterdir()) == before


def test_a_wheel_of_other_bytes(index: Index, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    with pytest.raises(IntegrityError):
        uv.download_wheel(index.wheel, "0" * 64, tmp_path)
    assert set(tmp_path.iterdir()) == before
