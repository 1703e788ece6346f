"""A channel's metadata: the board's verifier and python-tuf's client, on the same files.

Each case changes what a server offers; both must take it, or both refuse it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata

from jetson_kit.core.errors import BadInputError, IntegrityError, KitError
from jetson_kit.fleet.channel import command, repository
from jetson_kit.fleet.channel.policy import Policy
from jetson_kit.fleet.channel.repository import Repository
from jetson_kit.fleet.channel.ssh_keys import SshSigner
from jetson_kit.fleet.release import signing
from tests.support.here import needs_parts
from tests.support.static_server import Handler, Server, serving
from tests.unit import board_program
from tests.unit.board_program import Program
from tests.unit.fleet.channel_attacks import (
    ATTACKS,
    LONG,
    Keys,
    file_of,
    publish,
)
from tests.unit.fleet.channel_clients import Both

pytestmark = needs_parts("ssh-keygen")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    names = ("owner", "channel", "stranger")
    for name in names:
        signing.make_key(folder / name, name, passphrase=False)
    return Keys(*(SshSigner(folder / name) for name in names))


@pytest.fixture(scope="module")
def first(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel that was published twice."""
    folder = tmp_path_factory.mktemp("channel") / "www"
    repository.begin(folder, keys.owner, keys.channel, LONG, Policy().text().encode())
    Repository(folder).publish({"channel.json": b"one", "a/b": b"two"}, keys.channel, LONG)
    return folder


@pytest.fixture
def www(first: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first, tmp_path / "www"))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    yield from board_program.imported(tmp_path / "board", monkeypatch)


@pytest.fixture
def server(www: Path) -> Iterator[Server]:
    with serving(www) as result:
        yield result


@pytest.fixture
def both(program: Program, server: Server, tmp_path: Path) -> Both:
    return Both(program, server, tmp_path / "tuf")


def test_a_good_channel(both: Both, www: Path, keys: Keys) -> None:
    assert both.refresh() == "3 ['a/b', 'channel.json']"
    assert both.refresh() == "3 ['a/b', 'channel.json']"
    publish(www, keys, "c")
    assert both.refresh() == "4 ['c', 'channel.json']"


def test_an_unchanged_channel_costs_two_requests(both: Both) -> None:
    both.refresh()
    both.server.requests.clear()
    both._board()
    assert [name for name, _ in both.server.requests] == ["2.root.json", "timestamp.json"]


def test_new_keys_follow_the_old_ones(both: Both, www: Path, keys: Keys) -> None:
    both.refresh()
    for signer in (keys.stranger, keys.channel):
        Repository(www).publish({"channel.json": b"x"}, signer, LONG, keys.owner)
        assert both.refresh()
    assert file_of(www, "root").name == "3.root.json"
    # A board that was away follows from the anchor on.
    shutil.rmtree(both.program.channel_files.FOLDER)
    shutil.rmtree(both.folder)
    both.folder.mkdir()
    assert both.refresh()


def test_only_the_owner_names_keys(www: Path, keys: Keys) -> None:
    before = sorted(path.name for path in www.iterdir())
    with pytest.raises(BadInputError, match="owner's key"):
        Repository(www).publish({"channel.json": b"x"}, keys.channel, LONG, keys.stranger)
    with pytest.raises(BadInputError, match="does not sign targets"):
        Repository(www).publish({"channel.json": b"x"}, keys.stranger, LONG)
    after = sorted(path.name for path in www.iterdir())
    assert [name for name in after if name.endswith("json") and name not in before] == [
        name for name in after if name not in before
    ]
    assert Repository(www).timestamp.signed.version == 3


@pytest.mark.parametrize("name", ATTACKS)
def test_both_refuse(both: Both, www: Path, keys: Keys, name: str) -> None:
    ATTACKS[name](www, keys)
    assert both.refresh() == ""


LATER = (
    "timestamp is signed by a stranger",
    "targets is signed by a stranger",
    "timestamp has expired",
    "snapshot has expired",
    "mix and match: older targets in the place of newer",
    "the snapshot's version is another",
    "a root by a stranger",
    "no targets",
)


@pytest.mark.parametrize("name", LATER)
def test_both_refuse_what_comes_later(both: Both, www: Path, keys: Keys, name: str) -> None:
    assert both.refresh()
    good = Path(shutil.copytree(www, www.with_name("good")))
    publish(www, keys, "new")
    ATTACKS[name](www, keys)
    if name == "mix and match: older targets in the place of newer":
        shutil.copy(good / "3.targets.json", www / "4.targets.json")
    assert both.refresh() == ""
    # And nothing of it stays: with the good one they go on.
    publish_after = Path(shutil.copytree(good, www.with_name("after")))
    publish(publish_after, keys, "new")
    publish(publish_after, keys, "newer")
    both.server.folder = publish_after
    assert both.refresh() == "5 ['channel.json', 'newer']"


def test_both_refuse_an_older_channel(both: Both, www: Path, keys: Keys) -> None:
    before = Path(shutil.copytree(www, www.with_name("before")))
    publish(www, keys, "new")
    assert both.refresh()
    both.server.folder = before
    assert both.refresh() == ""


def test_both_refuse_older_targets_under_a_newer_timestamp(
    both: Both, www: Path, keys: Keys
) -> None:
    publish(www, keys, "new")
    publish(www, keys, "newer")
    assert both.refresh()
    there = Repository(www)
    there.snapshot.signed.version += 1
    there.snapshot.signed.meta["targets.json"] = repository._meta(
        3, (www / "3.targets.json").read_bytes()
    )
    there.snapshot.sign(keys.channel)
    raw = there.snapshot.to_bytes()
    (www / f"{there.snapshot.signed.version}.snapshot.json").write_bytes(raw)
    there.timestamp.signed.version += 1
    there.timestamp.signed.snapshot_meta = repository._meta(there.snapshot.signed.version, raw)
    there.timestamp.sign(keys.channel)
    (www / "timestamp.json").write_bytes(there.timestamp.to_bytes())
    assert both.refresh() == ""


@pytest.mark.parametrize("value", [None, 1, 0.5, True, [], {}])
@pytest.mark.parametrize("name", ["timestamp.json", "2.root.json"])
def test_a_signature_that_is_no_text_is_none(
    www: Path, keys: Keys, name: str, value: object
) -> None:
    shutil.copy(www / "1.root.json", www / "2.root.json")
    body = json.loads((www / name).read_text())
    body["signatures"][0]["sig"] = value
    (www / name).write_text(json.dumps(body))
    with pytest.raises(IntegrityError):
        Repository(www).publish({}, keys.channel, LONG)


def test_a_threshold_of_two(both: Both, www: Path, keys: Keys) -> None:
    result = Metadata(repository._root(keys.owner, keys.channel, 2, repository._after(9)))
    for role in repository.ONLINE:
        result.signed.add_key(keys.stranger.public_key, role)
        result.signed.roles[role].threshold = 2
    result.sign(keys.owner)
    (www / "2.root.json").write_bytes(result.to_bytes())
    assert both.refresh() == ""
    below = repository._meta(1, b"")
    for role in ("targets", "snapshot", "timestamp"):
        path = www / ("timestamp.json" if role == "timestamp" else f"3.{role}.json")
        one: Metadata[Any] = Metadata.from_bytes(path.read_bytes())
        if role == "snapshot":
            one.signed.meta["targets.json"] = below
        elif role == "timestamp":
            one.signed.snapshot_meta = below
        one.sign(keys.channel)
        one.sign(keys.stranger, append=True)
        path.write_bytes(one.to_bytes())
        below = repository._meta(3, one.to_bytes())
    assert both.refresh()


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


@pytest.mark.parametrize("made", [_pipe, _endless, _huge, _loop, Path.mkdir])
@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets", "channel"])
def test_what_is_no_file_of_a_channel_is_not_read(
    www: Path, role: str, made: Callable[[Path], None]
) -> None:
    own = list(www.glob("*.channel.json")) if role == "channel" else [file_of(www, role)]
    for path in own:
        path.unlink()
        made(path)
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
