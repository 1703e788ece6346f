"""Who may sign what a board takes, and the lists that say so."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.fleet.release import signers, signing
from jetson_kit.fleet.release.release import Release
from tests.support.here import needs_parts
from tests.unit.bare_board import Board
from tests.unit.roles.signed_board import Make, key, public

pytestmark = needs_parts("ssh-keygen")


def test_so_many_different_keys_must_sign(board: Board, make: Make, tmp_path: Path) -> None:
    first, second, third = (key(tmp_path, name) for name in ("k1", "k2", "k3"))
    board.trust(first, second, threshold=2)
    assert "1 of the 2 signatures" in board.run("check", make(keys=(first,)).path, code=5)
    assert "1 of the 2" in board.run("check", make(keys=(first, third)).path, code=5)
    board.run("check", make(keys=(third, second, first)).path, code=0)


def test_two_signatures_by_one_key_are_one(board: Board, make: Make, tmp_path: Path) -> None:
    first, second = key(tmp_path, "k1"), key(tmp_path, "k2")
    board.trust(first, second, first, threshold=2)
    release = make(keys=(first,))
    # ecdsa signs anew each time; ed25519 does not, so the block is simply there twice.
    signature = release.path.with_name("release.json.sig")
    signature.write_text(signature.read_text() * 2)
    assert "1 of the 2" in board.run("check", release.path, code=5)


def test_one_key_under_two_names_is_one(board: Board, make: Make, tmp_path: Path) -> None:
    """Two lines with other comments, and two signatures that differ."""
    path = tmp_path / "ecdsa"
    command = ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True)
    allowed = board.root / "etc/mediapipe-jetson/allowed_signers"
    line = signing.signers([path.with_name("ecdsa.pub")]).strip()
    allowed.write_text(f"{line}\n{line} another\n")
    (allowed.parent / "image.json").write_text('{"release_threshold": 2}')
    release = make(keys=(path,))
    with release.path.with_name("release.json.sig").open("a") as more:
        more.write(signing.sign_bytes(release.path.read_bytes(), path, signing.RELEASES))
    assert len(signing.blocks(release.path.with_name("release.json.sig").read_text())) == 2
    assert "1 of the 2" in board.run("check", release.path, code=5)


@pytest.mark.parametrize(
    "namespace", ["file", "mediapipe-jetson-engines", signing.OWNERS.namespace]
)
def test_a_signature_for_another_purpose(board: Board, make: Make, namespace: str) -> None:
    release = make()
    role = signing.Role("x", namespace, "")
    signature = release.path.with_name("release.json.sig")
    signature.write_text(signing.sign_bytes(release.path.read_bytes(), board.key, role))
    assert "not signed by anyone" in board.run("check", release.path, code=5)


def test_only_so_many_signatures_are_looked_at(board: Board, make: Make) -> None:
    release = make()
    signature = release.path.with_name("release.json.sig")
    good = signature.read_text()
    signature.write_text(good.replace("U1NIU0lH", "U1NIU0lI") * 100 + good)
    board.run("check", release.path, code=5)
    signature.write_text("garbage\n" + good)
    board.run("check", release.path, code=0)
    signature.write_bytes(os.urandom(70_000))
    board.run("check", release.path, code=2)


# Lists of signers.


@pytest.fixture
def keys(board: Board, tmp_path: Path) -> dict[str, Path]:
    """Return keys; the board trusts `old` for releases and `owner` for lists."""
    result = {name: key(tmp_path, name) for name in ("old", "new", "owner", "thief")}
    board.trust(result["old"], owners=(result["owner"],))
    return result


def rotate(keys: dict[str, Path], *revoke: str, by: str = "owner") -> None:
    """Let `new` sign releases from now on."""
    signers.change(
        signers.Change(
            releases=(public(keys["new"]),), owners=(public(keys["owner"]),),
            revoke=tuple(public(keys[name]) for name in revoke),
        )
    )  # fmt: skip
    signers.sign(keys[by])


def test_a_list_replaces_the_keys(board: Board, make: Make, keys: dict[str, Path]) -> None:
    board.run("check", make(keys=(keys["old"],)).path, code=0)
    rotate(keys)
    board.run("check", make(keys=(keys["new"],), signers=1).path, code=0)
    assert board.seen()["version"] == 1
    assert "not signed by anyone" in board.run("check", make(keys=(keys["old"],)).path, code=5)


def test_a_revoked_key_signs_nothing_any_more(
    board: Board, make: Make, keys: dict[str, Path]
) -> None:
    stolen = make(keys=(keys["old"],), number=99)
    rotate(keys, "old")
    refused = make(keys=(keys["old"],), signers=1)
    print_of_old = signing.fingerprint(signing.key_text(Path(public(keys["old"]))))
    output = board.run("check", refused.path, code=5)
    assert f"is signed by {print_of_old}, which is revoked" in output
    # The list stays though what it came with was refused, and counts for what came before it.
    board.run("check", stolen.path, code=5)
    # Also where the inventory names that key again.
    board.trust(keys["old"], owners=(keys["owner"],))
    board.run("check", stolen.path, code=5)
    board.trust(keys["old"], keys["new"], owners=(keys["owner"],))
    board.run("check", stolen.path, code=5)
    board.run("check", make(keys=(keys["new"],), signers=1).path, code=0)


def test_an_older_list_changes_nothing(board: Board, make: Make, keys: dict[str, Path]) -> None:
    rotate(keys)
    first = make(keys=(keys["new"],), signers=1)
    signers.change(signers.Change(releases=(public(keys["old"]),), revoke=(public(keys["new"]),)))
    signers.sign(keys["owner"])
    board.run("check", make(keys=(keys["old"],), signers=2).path, code=0)
    assert board.seen()["version"] == 2
    assert "revoked" in board.run("check", first.path, code=5)
    assert board.seen()["version"] == 2


def test_a_board_that_missed_lists_follows(
    board: Board, make: Make, keys: dict[str, Path], tmp_path: Path
) -> None:
    rotate(keys)
    second = key(tmp_path, "owner2")
    signers.change(signers.Change(owners=(public(second),), revoke=(public(keys["owner"]),)))
    signers.sign(keys["owner"])
    signers.sign(second)
    signers.change(signers.Change(releases=(public(keys["old"]),)))
    signers.sign(second)
    board.run("check", make(keys=(keys["old"],), signers=3).path, code=0)
    assert board.seen()["version"] == 3


@pytest.mark.parametrize("by", ["thief", "old", "new"])
def test_a_list_by_others_than_the_owners(
    board: Board, make: Make, keys: dict[str, Path], by: str
) -> None:
    """Neither a stranger nor who signs releases, before or after it, may write one."""
    signers.change(signers.Change(releases=(public(keys["new"]),), owners=(public(keys[by]),)))
    signers.sign(keys[by])
    release = make(keys=(keys["new"],), signers=1)
    assert "not signed by anyone" in board.run("check", release.path, code=5)
    assert board.state() == []


def test_a_list_needs_its_own_owners_too(board: Board, make: Make, keys: dict[str, Path]) -> None:
    """A list that names a key which nobody holds would end all lists."""
    place = signers.path()
    signers.change(signers.Change(releases=(public(keys["new"]),), owners=(public(keys["thief"]),)))
    raw = json.loads(place.read_text())
    document = raw["lists"][0]["document"].encode()
    raw["lists"][0]["signatures"] = [signing.sign_bytes(document, keys["owner"], signing.OWNERS)]
    release = make_with(make, raw, keys=(keys["new"],))
    board.run("check", release.path, code=5)
    assert board.state() == []


def make_with(make: Make, lists: object, **how: Any) -> Release:
    """Return a release with these lists beside it, whatever the controller's own are."""
    signers.path().unlink(missing_ok=True)
    release = make(**how)
    (release.folder / "signers.json").write_text(json.dumps(lists))
    return release


def test_a_list_that_did_not_come_is_missed(
    board: Board, make: Make, keys: dict[str, Path]
) -> None:
    """Whoever holds back the list of revoked keys does not get the release through."""
    rotate(keys)
    release = make(keys=(keys["old"], keys["new"]), signers=1)
    (release.folder / "signers.json").unlink()
    assert "list 1 of signers, which did not come" in board.run("check", release.path, code=5)


def test_without_owners_who_signs_releases_signs_lists(
    board: Board, make: Make, keys: dict[str, Path]
) -> None:
    board.trust(keys["old"])
    signers.change(signers.Change(releases=(public(keys["new"]),), owners=(public(keys["old"]),)))
    signers.sign(keys["old"])
    board.run("check", make(keys=(keys["new"],), signers=1).path, code=0)


def test_other_keys_of_the_inventory_replace_a_list(
    board: Board, make: Make, keys: dict[str, Path]
) -> None:
    rotate(keys)
    board.run("check", make(keys=(keys["new"],), signers=1).path, code=0)
    board.trust(keys["thief"], owners=(keys["owner"],))
    signers.path().unlink()
    board.run("check", make(keys=(keys["thief"],)).path, code=0)
    board.run("check", make(keys=(keys["new"],)).path, code=5)


@pytest.mark.parametrize(
    "damage",
    [
        "x", "[]", "{}", '{"schema": "mediapipe-jetson/signers/1", "lists": [1]}',
        '{"schema": "mediapipe-jetson/signers/1", "lists": [{"document": "{}", "signatures": []}]}',
        '{"schema": "mediapipe-jetson/signers/1", "lists": ' + "[" * 5000 + "]" * 5000 + "}",
        "{" + " " * 70_000 + "}",
    ],
)  # fmt: skip
def test_lists_that_are_none(board: Board, make: Make, damage: str) -> None:
    release = make()
    (release.folder / "signers.json").write_text(damage)
    output = board.run("check", release.path, code=2)
    assert "signers.json" in output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 0), ("version", "1"), ("version", True), ("version", -1), ("version", 1 << 60),
        ("revoked", "x"), ("created", "yesterday"), ("owners", {}),
        ("owners", {"keys": [], "threshold": 0}),
        ("releases", {"keys": ["ssh-dss AAAA"], "threshold": 1}),
        ("releases", {"keys": ["ssh-ed25519 AAAA"], "threshold": 1}),
    ],
)  # fmt: skip
def test_a_list_with_a_wrong_value(
    board: Board, make: Make, keys: dict[str, Path], name: str, value: object
) -> None:
    rotate(keys)
    raw = json.loads(signers.path().read_text())
    body = json.loads(raw["lists"][0]["document"]) | {name: value}
    document = json.dumps(body)
    raw["lists"] = [
        {
            "document": document,
            "signatures": [signing.sign_bytes(document.encode(), keys["owner"], signing.OWNERS)],
        }
    ]
    board.run("check", make_with(make, raw, keys=(keys["old"],)).path, code=2)
