"""What the cache holds, and what of it is removed: nothing of others, nothing that is in use."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from invoke.context import Context

from jetson_kit.cache import usage
from jetson_kit.core import cache_lock, cached_files, environments
from jetson_kit.core.errors import BadInputError, BusyError, StepFailedError
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.tasks.cache import prune, show

DAY = usage.DAY_S


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    return cache_dir()


def put(path: Path, days: float, size: int = 10_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    when = time.time() - days * DAY
    os.utime(path, (when, when))
    return path


def test_every_folder_of_the_cache_has_a_kind() -> None:
    named = re.compile(r'cache_dir\(\s*"([a-z-]+)"')
    used = {
        name
        for folder in ("jetson_kit", "bench", "tests")
        for file in (ROOT / folder).rglob("*.py")
        for name in named.findall(file.read_text(encoding="utf-8"))
    }
    used |= {family for family, _ in environments.NAMES.values()}
    assert sorted(used - usage.kinds().keys()) == []


def test_what_was_used_stays(home: Path) -> None:
    old = put(home / "layers" / "old.tar", 20)
    new = put(home / "layers" / "new.tar", 2)
    read = put(home / "layers" / "read.tar", 20)
    os.utime(read, (time.time(), read.stat().st_mtime))
    put(home / "vision" / "tests-1" / "lib" / "a.py", 20)
    put(home / "vision" / "tests-2" / "lib" / "a.py", 20)
    put(home / "vision" / "tests-2" / "lib" / "b.py", 1)
    for folder in ("tests-1", "tests-1/lib"):
        os.utime(home / "vision" / folder, (0, 0))
    prune(Context())
    assert not old.exists()
    assert new.exists()
    assert read.exists()
    assert [item.name for item in (home / "vision").iterdir()] == ["tests-2"]
    assert not list(cache_dir("tmp").iterdir())


def test_none_of_what_others_go_on_from_is_removed(home: Path) -> None:
    paths = [put(home / kind.name / "x", 99) for kind in usage.kinds().values() if kind.kept]
    gone = [put(home / kind.name / "x", 99) for kind in usage.kinds().values() if not kind.kept]
    prune(Context(), days=0)
    assert all(path.exists() for path in paths)
    assert not any(path.exists() for path in gone)


def test_a_folder_of_others_is_left(home: Path) -> None:
    model = put(home / "models" / "mine.tflite", 99)
    put(home / ".bashrc", 99)
    with pytest.raises(BadInputError, match=r"holds more than the kit's cache: \.bashrc"):
        prune(Context(), days=0)
    assert model.exists()


def test_a_link_is_removed_not_what_it_names(home: Path, tmp_path: Path) -> None:
    target = put(tmp_path / "mine" / "file", 99)
    link = cache_dir("releases") / "linked"
    link.symlink_to(target.parent)
    os.utime(link, (0, 0), follow_symlinks=False)
    (home / "layers").symlink_to(target.parent)
    prune(Context())
    assert not link.is_symlink()
    assert target.exists()


def test_a_cache_in_use_is_left(home: Path) -> None:
    layer = put(home / "layers" / "old.tar", 99)
    using = subprocess.Popen(
        [sys.executable, "-c",
         "from jetson_kit.core import cache_lock\nwith cache_lock.shared():\n"
         "    print(flush=True)\n    input()"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with using:
        assert using.stdout
        using.stdout.readline()
        with pytest.raises(BusyError, match="another command of the kit uses the cache"):
            prune(Context())
        assert layer.exists()
        using.communicate(b"\n")
    prune(Context())
    assert not layer.exists()


def test_while_it_is_pruned_no_command_begins(home: Path) -> None:
    waiting = [
        sys.executable, "-c",
        "from jetson_kit.core import cache_lock\nwith cache_lock.shared():\n    print(1)",
    ]  # fmt: skip
    with (
        cache_lock.shared(),
        cache_lock.alone(),
        subprocess.Popen(waiting, cwd=ROOT, stdout=subprocess.PIPE) as command,
    ):
        with pytest.raises(subprocess.TimeoutExpired):
            command.wait(1)
        command.kill()
    assert subprocess.run(waiting, cwd=ROOT, capture_output=True, check=True).stdout == b"1\n"


def test_an_open_file_stays(home: Path) -> None:
    disk = put(home / "devices" / "disk" / "a.qcow2", 99)
    inside = put(home / "vision" / "tests-1" / "lib" / "a.so", 99)
    os.utime(inside.parents[1], (0, 0))
    os.utime(inside.parent, (0, 0))
    with disk.open(), inside.open():
        prune(Context(), days=0)
        assert disk.exists()
        assert inside.exists()
    prune(Context(), days=0)
    assert not disk.exists()
    assert not inside.exists()


def test_a_cache_may_be_a_disk(home: Path) -> None:
    for name in ("lost+found", ".nfs000000000001", ".Trash-1000"):
        put(home / name / "file", 99)
    layer = put(home / "layers" / "old.tar", 99)
    prune(Context())
    assert not layer.exists()
    assert (home / "lost+found" / "file").exists()


def test_a_file_its_record_and_its_listing_stay_or_go_together(home: Path) -> None:
    names = ("deps-1.tar", "deps-1.tar.sum", "deps-1.json")
    files = [put(home / "layers" / name, 99) for name in names]
    os.utime(files[0], (time.time(), files[0].stat().st_mtime))
    prune(Context())
    assert all(file.exists() for file in files)
    os.utime(files[0], (0, 0))
    prune(Context())
    assert not any(file.exists() for file in files)


def test_what_can_not_be_removed_is_told_and_the_rest_goes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = put(home / "blobs" / "a.zst", 99)
    second = put(home / "layers" / "b.tar", 99)
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path == first:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        real(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(StepFailedError, match=r"a\.zst can't be removed: Operation not permitted"):
        prune(Context())
    assert first.exists()
    assert not second.exists()


def test_a_listing_goes_with_its_layer(home: Path) -> None:
    for name in ("deps-1.tar", "deps-1.tar.sum", "deps-1.json"):
        put(home / "layers" / name, 99)
    cached_files.forget_unused(home / "layers", "*.tar")
    assert list((home / "layers").iterdir()) == []


def test_a_plan_removes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layer = put(home / "layers" / "old.tar", 99, 3_000_000)
    prune(Context(), plan=True)
    assert layer.exists()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["3.0", "MB", "layers/old.tar"]
    assert lines[1] == "would remove 3.0 MB"


def test_links_to_one_file_count_once(home: Path) -> None:
    file = put(home / "vision" / "one" / "a", 0, 1_000_000)
    os.link(file, file.with_name("b"))
    (entry,) = usage.entries()
    assert 1_000_000 <= entry.size < 1_100_000


def test_show_names_the_largest_first(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(home / "layers" / "a.tar", 0, 1_000_000)
    put(home / "blobs" / "a.zst", 3, 2_000_000)
    show(Context())
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names[2:4] == ["blobs", "layers"]


@pytest.mark.parametrize("full", [False, True])
def test_what_to_do_next_is_told_where_something_is_there(
    home: Path, capsys: pytest.CaptureFixture[str], full: bool
) -> None:
    if full:
        put(home / "layers" / "a.tar", 0)
    show(Context())
    assert ("next: " in capsys.readouterr().out) == full


def test_a_look_is_a_use(home: Path) -> None:
    path = home / "layers" / "a.tar"
    with cached_files.create(path) as aside:
        aside.write_bytes(b"x")
    os.utime(path, (0, 0))
    assert cached_files.intact(path)
    cached_files.forget_unused(path.parent, "*.tar")
    assert path.exists()
    os.utime(path, (0, 0))
    cached_files.forget_unused(path.parent, "*.tar")
    assert list(path.parent.iterdir()) == []
