"""A channel's metadata: the board's verifier and python-tuf's client, on the same files.

Each case changes what a server offers; both must take it, or both refuse it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.fleet.channel import repository
from jetson_kit.fleet.channel.repository import Repository
from tests.support.here import needs_parts
from tests.unit.fleet import channel_folder
from tests.unit.fleet.channel_attacks import (
    ATTACKS,
    LONG,
    Keys,
    file_of,
    publish,
)
from tests.unit.fleet.channel_clients import Both

keys, first, www = channel_folder.keys, channel_folder.first, channel_folder.www
program, server, both = channel_folder.program, channel_folder.server, channel_folder.both

pytestmark = needs_parts("ssh-keygen")


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
        metadata: Metadata[Any] = Metadata.from_bytes(path.read_bytes())
        if role == "snapshot":
            metadata.signed.meta["targets.json"] = below
        elif role == "timestamp":
            metadata.signed.snapshot_meta = below
        metadata.sign(keys.channel)
        metadata.sign(keys.stranger, append=True)
        path.write_bytes(metadata.to_bytes())
        below = repository._meta(3, metadata.to_bytes())
    assert both.refresh()
