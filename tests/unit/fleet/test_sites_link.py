"""What a site answers is checked before it is believed: a stolen one may answer anything."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from jetson_kit.core.errors import BadInputError, CheckFailedError, IntegrityError, KitError
from jetson_kit.core.text import HIDDEN
from jetson_kit.fleet.sites import answers, replies
from jetson_kit.fleet.sites.inventory import Site
from jetson_kit.fleet.sites.journal_copy import JournalCopy
from jetson_kit.fleet.sites.kit_archive import Kit
from jetson_kit.fleet.sites.link import Link
from jetson_kit.fleet.sites.mesh import Mesh, OwnDiskFullError
from jetson_kit.fleet.sites.replies import Hello

HELLO = {
    "kind": "hello", "protocol": answers.PROTOCOL, "version": "1", "kit": "", "time": 0.0,
    "free": 1 << 40, "machine": "x86_64", "python": "3.11",
}  # fmt: skip
Answer = Callable[[Mapping[str, Any]], Iterator[Mapping[str, Any]]]


class Thief:
    """In the place of the mesh: a site that answers as it likes."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def ask(
        self, node: str, request: Mapping[str, Any], payload: bytes = b"", **limits: object
    ) -> Iterator[Mapping[str, Any]]:
        """Yield what the site answers."""
        del node, payload, limits
        yield from self.answer(request)


def link(tmp_path: Path, answer: Answer, **more: float) -> Link:
    place = tmp_path / "hosts.yml"
    place.write_text("all: {}")
    site = Site("berlin", place, "berlin")
    return Link(cast("Mesh", Thief(answer)), site, **{"silent_s": 60.0, **more})


def always(*lines: Mapping[str, Any]) -> Answer:
    return lambda request: iter(lines)


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": None, "kit": ["x"], "time": []},
        {"time": "noon"},
        {"time": float("nan")},
        {"time": float("inf")},
        {"free": None},
        {"free": float("inf")},
        {"free": {}},
    ],
)
def test_a_damaged_hello_is_no_fault_of_the_kit(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises((IntegrityError, CheckFailedError), match="berlin"):
        link(tmp_path, always({**HELLO, **change})).hello()


def test_a_hello_alone_is_named_as_the_site_s(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="berlin sent a damaged answer: KeyError: 'protocol'"):
        link(tmp_path, always({"kind": "hello"})).hello()


@pytest.mark.parametrize("held", [None, [], "x", {"SHA": -1}, {"SHA": 10**9}, {"SHA": None}, 7])
def test_a_site_that_says_what_can_not_be_of_files(tmp_path: Path, held: Any) -> None:
    kit = tmp_path / "kit.tar"
    kit.write_bytes(b"kit")
    sha256 = hashlib.sha256(b"kit").hexdigest()
    body = {sha256: held["SHA"]} if isinstance(held, dict) else held
    at = link(tmp_path, always({"kind": "held", "bytes": body}))
    with pytest.raises(IntegrityError, match="berlin"):
        at.bring_kit(Kit(kit, sha256), Hello("", "", 0, 1 << 40, "", ""))


def test_a_site_that_keeps_nothing_is_not_sent_to_for_ever(tmp_path: Path) -> None:
    kit = tmp_path / "kit.tar"
    kit.write_bytes(b"kit")
    at = link(tmp_path, always({"kind": "held", "bytes": {}}))
    with pytest.raises(IntegrityError, match="keeps nothing"):
        at.bring_kit(Kit(kit, "0" * 64), Hello("", "", 0, 1 << 40, "", ""))


@pytest.mark.parametrize("code", [2, None, [], {}, "2", 4711, 2.5, True])
def test_an_error_of_any_shape_is_an_error(tmp_path: Path, code: Any) -> None:
    line = {"kind": "error", "exit_code": code, "message": ["x"], "hint": 3}
    with pytest.raises(KitError, match="berlin: no reason given") as caught:
        link(tmp_path, always(line)).hello()
    assert isinstance(caught.value, BadInputError) == (code == 2)


def test_a_layer_that_is_none_of_the_release() -> None:
    body = {"lacking": [{"sha256": "f" * 64, "held": 0}]}
    with pytest.raises(IntegrityError, match="none of the release"):
        replies.lacking("berlin", body, {})


@pytest.mark.parametrize("held", [-1, 4, 5, None, [], "x"])
def test_a_layer_of_which_a_site_has_what_can_not_be(held: Any) -> None:
    body = {"lacking": [{"sha256": "f" * 64, "held": held}]}
    with pytest.raises(IntegrityError, match="berlin sent a damaged answer"):
        replies.lacking("berlin", body, {"f" * 64: 4})


def test_words_of_a_site_move_no_cursor_and_have_an_end(tmp_path: Path) -> None:
    message = "\x1b]0;owned\x07\u202e\n" + "x" * (1 << 20)
    line = {"kind": "error", "exit_code": 2, "message": message, "hint": message}
    with pytest.raises(BadInputError) as caught:
        link(tmp_path, always(line)).hello()
    for text in (caught.value.message, caught.value.cure):
        assert not HIDDEN.search(text)
        assert "\n" not in text
        assert len(text) < 3000


def test_links_in_an_inventory_become_what_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "real.yml").write_text("all: {}")
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts" / "a.yml").symlink_to(tmp_path / "real.yml")
    at = Link(cast("Mesh", None), Site("berlin", tmp_path / "hosts", "berlin"), 60)
    with tarfile.open(fileobj=io.BytesIO(at._packed_inventory())) as tar:
        assert [member.isfile() or member.isdir() for member in tar] == [True, True]


@pytest.mark.parametrize("to", ["nowhere", "."])
def test_a_link_that_leads_nowhere_is_named(tmp_path: Path, to: str) -> None:
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts" / "a").symlink_to(to)
    at = Link(cast("Mesh", None), Site("berlin", tmp_path / "hosts", "berlin"), 60)
    with pytest.raises(BadInputError, match="can't be read"):
        at._packed_inventory()


def test_a_full_disk_here_is_none_of_the_site(tmp_path: Path) -> None:
    copied = JournalCopy(tmp_path / "copy")
    (tmp_path / "copy").unlink()
    (tmp_path / "copy").symlink_to("/dev/full")
    with pytest.raises(OwnDiskFullError):
        copied.add("{}")


@pytest.mark.parametrize("escaped", [r"\ud800", r"\udc80 and \udfff", r"\udc00\ud800"])
def test_half_characters_of_a_site_end_neither_copy_nor_rollout(
    tmp_path: Path, escaped: str
) -> None:
    text = f'{{"event": "stop", "why": "{escaped}"}}'
    # As it comes: JSON in JSON, once with the escape in the inner text, once with it decoded.
    lines = [{"kind": "line", "text": text}, {"kind": "line", "text": json.loads(f'"{escaped}"')}]
    answer = always(*lines, {"kind": "end", "result": "stopped"})
    at = link(tmp_path, answer)
    assert at.back("r", "why", tmp_path / "copy", boards=1) == ("stopped", "")
    copied = (tmp_path / "copy").read_text(encoding="utf-8").split("\n")
    assert (copied[0], len(copied)) == (text, 3)
