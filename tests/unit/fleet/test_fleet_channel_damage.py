"""Damaged, endless and older files of a channel: its readers and its publisher refuse them."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import IntegrityError, KitError
from jetson_kit.fleet.channel import command, repository
from jetson_kit.fleet.channel.policy import Policy
from jetson_kit.fleet.channel.repository import Repository
from tests.support.here import needs_parts
from tests.support.static_server import Handler
from tests.unit.board_program import Program
from tests.unit.fleet import channel_folder
from tests.unit.fleet.channel_attacks import (
    LONG,
    Keys,
    file_of,
)
from tests.unit.fleet.channel_clients import Both

keys, first, www = channel_folder.keys, channel_folder.first, channel_folder.www
program, server, both = channel_folder.program, channel_folder.server, channel_folder.both

pytestmark = needs_parts("ssh-keygen")


def test_random_damage_is_never_a_traceback(www: Path) -> None:
    chance = random.Random(5)  # noqa: S311 # a seed that names the damage
    for other in ("a.root.json", "9x.root.json"):
        (www / other).touch()
    names = ["1.root.json", "timestamp.json", "3.snapshot.json", "3.targets.json"]
    whole = {name: (www / name).read_bytes() for name in names}
    for number in range(40):
        name = names[number % 4]
        raw = bytearray(whole[name])
        place = chance.randrange(len(raw))
        raw[place : place + chance.randrange(30)] = chance.randbytes(chance.randrange(3))
        (www / name).write_bytes(raw)
        with contextlib.suppress(KitError):
            Repository(www)
        (www / name).write_bytes(whole[name])
    for name in names:
        (www / name).unlink()
        with pytest.raises(KitError):
            Repository(www)
        (www / name).write_bytes(whole[name])
    assert Repository(www).timestamp.signed.version == 3


def test_a_damaged_folder_is_not_published_on(www: Path, keys: Keys) -> None:
    path = file_of(www, "targets")
    path.write_bytes(path.read_bytes().replace(b"a/b", b"a/c"))
    with pytest.raises(IntegrityError, match="is damaged"):
        command.publish(www, command.Request(pause=True), keys.channel._private, LONG)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 40)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize("make", [_pipe, _endless, _huge, _loop, Path.mkdir])
@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets", "channel"])
def test_what_is_no_file_of_a_channel_is_not_read(
    www: Path, role: str, make: Callable[[Path], None]
) -> None:
    own = list(www.glob("*.channel.json")) if role == "channel" else [file_of(www, role)]
    for path in own:
        path.unlink()
        make(path)
    with pytest.raises(IntegrityError, match=f"{role}\\.json"):
        Repository(www).read("channel.json")


@pytest.mark.parametrize(
    "text", ["", "é", 'a"b\\c', "\n\t\x01", "💚", {"b": [1, True, None], "a": {}}]
)
def test_canonical_json_is_securesystemslibs(program: Program, text: Any) -> None:
    from securesystemslib.formats import encode_canonical

    assert program.channel_roles.canonical(text) == encode_canonical(text)


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        try:
            handler.wfile.write(b"x" * (1 << 20))
        except OSError:
            return


def test_data_without_an_end_is_cut(both: Both) -> None:
    for name in ("timestamp.json", "2.root.json"):
        both.server.instead = {name: endless}
        assert both.refresh() == ""
    with pytest.raises(both.program.errors.IntegrityError, match="more than"):
        both.program.channel_web.small(f"{both.server.url}2.root.json", 1000)


def _published(www: Path, keys: Keys, times: int) -> None:
    for number in range(times):
        Repository(www).publish({"channel.json": b"%d" % number}, keys.channel, LONG)


@pytest.mark.parametrize("role", ["snapshot", "targets"])
def test_older_metadata_in_the_place_of_newer_is_named(www: Path, keys: Keys, role: str) -> None:
    """Its signature is good; what names it has another version, and another hash."""
    _published(www, keys, 2)
    older, newer = (www / f"{number}.{role}.json" for number in (2, 5))
    newer.write_bytes(older.read_bytes())
    with pytest.raises(IntegrityError, match=f"{newer.name} is damaged: it is version 2, not 5"):
        Repository(www)


def test_metadata_of_one_version_with_other_bytes_is_named(www: Path, keys: Keys) -> None:
    other = Path(shutil.copytree(www, www.with_name("other")))
    Repository(www).publish({"channel.json": b"one"}, keys.channel, LONG)
    Repository(other).publish({"channel.json": b"another"}, keys.channel, LONG)
    shutil.copy(other / "4.targets.json", www / "4.targets.json")
    with pytest.raises(IntegrityError, match=r"4\.targets\.json is damaged"):
        Repository(www)


def test_a_root_of_another_channel_is_named(www: Path, keys: Keys, tmp_path: Path) -> None:
    other = tmp_path / "other"
    repository.begin(other, keys.stranger, keys.channel, LONG, Policy().text().encode())
    place = www / "2.root.json"
    shutil.copy(other / "1.root.json", place)
    with pytest.raises(IntegrityError, match=r"2\.root\.json is damaged: it is version 1, not 2"):
        Repository(www)
    Repository(other).publish({}, keys.channel, LONG, keys.stranger)
    shutil.copy(other / "2.root.json", place)
    with pytest.raises(IntegrityError, match=r"the owner of 1\.root\.json has not signed it"):
        Repository(www)


def test_older_roots_may_be_removed(www: Path, keys: Keys) -> None:
    for _ in range(2):
        Repository(www).publish({}, keys.channel, LONG, keys.owner)
    (www / "1.root.json").unlink()
    (www / "2.root.json").unlink()
    assert Repository(www).root.signed.version == 3


def test_a_channel_of_an_old_backup_is_not_published_on(
    www: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    key = keys.channel._private
    Repository(www).publish({"channel.json": Policy().text().encode()}, keys.channel, LONG)
    backup = shutil.copytree(www, tmp_path / "backup")
    command.publish(www, command.Request(pause=True), key, LONG)
    newest = shutil.copytree(www, tmp_path / "newest")
    shutil.rmtree(www)
    shutil.copytree(backup, www)
    before = {path: path.read_bytes() for path in www.rglob("*.json")}
    with pytest.raises(IntegrityError, match="is version 4, and version 5 was published") as caught:
        command.publish(www, command.Request(), key, LONG)
    assert {path: path.read_bytes() for path in www.rglob("*.json")} == before
    # A copy elsewhere is a channel of its own.
    command.publish(backup, command.Request(), key, LONG)
    # The newest one goes on; and so does the old one, on purpose.
    shutil.rmtree(www)
    shutil.copytree(newest, www)
    assert command.publish(www, command.Request(), key, LONG)[1].paused
    shutil.rmtree(www)
    shutil.copytree(backup, www)
    note = Path(caught.value.cure.rpartition(" ")[2])
    note.write_text("{")
    assert not command.publish(www, command.Request(), key, LONG)[1].paused
