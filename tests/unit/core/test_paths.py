"""The user's folders: what names them, and what can't be one."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from jetson_kit.core import paths
from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet import controller
from jetson_kit.fleet.release import signing
from jetson_kit.tensorrt import store as engines
from jetson_kit.virtual_devices import store


def made_key() -> Path:
    return signing.make_key(signing.default_key(), "me", passphrase=False)


FOLDERS: dict[str, tuple[str, Callable[[], object]]] = {
    "cache": ("KIT_CACHE", paths.cache_dir),
    "devices": ("KIT_STATE", store.state_dir),
    "engines": ("KIT_STATE", engines.root),
    "fleet": ("KIT_STATE", controller.state_dir),
    "keys": ("KIT_STATE", lambda: made_key().parent),
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KIT_CACHE", "KIT_STATE", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("place", ["/etc/passwd", "/proc/1/x", "/dev/null", "n" * 300])
def test_what_can_not_be_a_folder(name: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable, folder = FOLDERS[name]
    monkeypatch.setenv(variable, place)
    with pytest.raises(BadInputError, match="no folder can be made at") as refused:
        folder()
    assert f"set {variable} to a folder" in refused.value.cure


@pytest.mark.parametrize("name", FOLDERS)
def test_a_home_that_is_not_there_is_not_made(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    with pytest.raises(BadInputError, match="no home folder"):
        FOLDERS[name][1]()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FOLDERS)
def test_relative_xdg_folders_are_ignored(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, "relative")
    path = Path(str(FOLDERS[name][1]()))
    assert path.is_dir()
    assert path.relative_to(tmp_path).parts[0] in (".cache", ".local", ".config")
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "own"))
    if FOLDERS[name][0] == "KIT_STATE":
        assert Path(str(FOLDERS[name][1]())).is_relative_to(tmp_path / "own")


def test_what_helps_on_a_full_disk_moves_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    own = Path(tempfile.mkdtemp(prefix="kit-audit-", dir=tmp_path)).name
    for variable, folder in (
        ("KIT_CACHE", "cache"),
        ("KIT_STATE", "state"),
        ("TMPDIR", f"scratch/{own}"),
    ):
        assert f"set {variable} " in paths.room_hint(tmp_path / folder / "a" / "b")
    outputs = [tmp_path / "scratch" / name for name in ("out", "out/a", "kit", "r36.4.4", "")]
    for place in (tmp_path / "out", *outputs, None):
        assert paths.room_hint(place) == "free some space there, and run it again"


def test_all_temporary_folders_of_the_kit_have_a_name_that_is_known() -> None:
    given = re.compile(r"""(?:TemporaryDirectory|mkdtemp|NamedTemporaryFile)\(([^()]*)\)""")
    for path in (paths.ROOT / "jetson_kit").rglob("*.py"):
        for call in given.findall(path.read_text(encoding="utf-8")):
            prefix = re.search(r'prefix="([^"]*)"', call)
            if prefix and "dir=" not in call:
                assert paths.SCRATCH.match(prefix[1] + "abcd_123"), (path, prefix[1])
