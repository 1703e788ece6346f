"""Releases that are well signed and still must not come, and who may sign: the board's own word."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.fleet.release import signers, signing
from jetson_kit.fleet.release import terms as release_terms
from jetson_kit.fleet.release.release import Release
from tests.fleet.small_release import build
from tests.support.here import needs_parts, not_here_if
from tests.unit.bare_board import FILES, LIB, Board

pytestmark = needs_parts("ssh-keygen")
NOW = datetime.datetime.now(datetime.UTC)
JETSON = not_here_if(Path("/etc/nv_tegra_release").exists(), "this is a Jetson")


def day(days: int) -> str:
    """Return a time so many days from now, as releases have it."""
    return (NOW + datetime.timedelta(days=days)).strftime(release_terms.FORMAT)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Release]:
    """Return two releases of different images, unsigned."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_CACHE", str(folder / "cache"))
        return {name: build(folder / name, name, bulk=100, runnable=False) for name in ("a", "b")}


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    return Board(tmp_path)


Make = Callable[..., Release]


@pytest.fixture
def make(board: Board, base: dict[str, Release], tmp_path: Path) -> Make:
    """Return what makes a release that says other things, signed by these keys."""

    def made(image: str = "a", /, *, keys: tuple[Path, ...] = (), **says: Any) -> Release:
        folder = tmp_path / f"release-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        shutil.copy(base[image].path, folder)
        body = json.loads((folder / "release.json").read_text()) | says
        (folder / "release.json").write_text(json.dumps(body))
        signers.attach(folder)
        for path in keys or (board.key,):
            signing.sign(folder / "release.json", path)
        return dataclasses.replace(base[image], folder=folder)

    return made


def key(folder: Path, name: str) -> Path:
    signing.make_key(folder / name, name, passphrase=False)
    return folder / name


def public(path: Path) -> str:
    return str(path) + ".pub"


# Numbers, times and targets.


def test_an_older_release_is_refused_once_a_newer_one_was_confirmed(
    board: Board, make: Make
) -> None:
    board.run("check", make(number=9).path, code=0)
    board.confirm(make("b", number=10))
    output = board.run("check", make(number=9).path, code=5)
    assert "is release 9, older than 10, which was confirmed here" in output
    assert "--allow-downgrade" in output
    board.run("check", make(number=10).path, code=0)
    board.run("check", make(number=11).path, code=0)


def test_a_newer_release_that_was_never_confirmed_bars_no_older_one(
    board: Board, make: Make
) -> None:
    board.run("check", make("b", number=12).path, code=0)
    board.on_trial(make("b", number=12))
    board.run("check", make(number=11).path, code=0)


def test_the_image_that_a_board_is_on_is_no_downgrade(board: Board, make: Make) -> None:
    board.confirm(make("b", number=10))
    board.confirm(make("a", number=5))
    assert board.seen()["number"] == 10
    board.run("check", make("a", number=5).path, code=0)


@pytest.mark.docker
def test_an_older_release_comes_on_purpose_and_that_is_recorded(board: Board, make: Make) -> None:
    board.confirm(make("b", number=10))
    old = make(number=9)
    # The next thing that it needs is the engine, which is not here.
    board.run("missing", "--allow-downgrade", old.path, code=3)
    board.run("receive", old.path, code=3)
    (row,) = board.seen()["downgrades"]
    assert (row["image_id"], row["number"], row["from"]) == (old.image_id, 9, 10)
    # The leave is for that image, and until it is offered without.
    board.run("missing", old.path, code=5)
    board.run("receive", old.path, code=5)


def test_after_a_confirmed_downgrade_its_number_counts(board: Board, make: Make) -> None:
    board.confirm(make("b", number=10))
    old = make(number=9)
    board.call("missing", "--allow-downgrade", old.path)
    board.confirm(old)
    assert (board.seen()["number"], board.seen()["permit"]) == (9, "")
    board.run("check", make("b", number=8).path, code=5)


def test_leave_for_one_release_is_none_for_another(board: Board, make: Make) -> None:
    board.confirm(make("b", number=10))
    board.call("missing", "--allow-downgrade", make("a", number=9).path)
    board.on_trial(make("a", number=3))
    output = board.run("receive", make("b", number=9).path, code=5)
    assert "older than 10" in output


def test_an_expired_release_is_refused(board: Board, make: Make) -> None:
    output = board.run("check", make(created=day(-30), expires=day(-1)).path, code=5)
    assert f"has expired at {day(-1)}; by the clock it is" in output


def test_a_clock_that_is_behind_does_not_revive_it(board: Board, make: Make) -> None:
    """The board has confirmed what was signed later than its clock says it is now."""
    board.confirm(make("b", number=1, created=day(400), expires=day(800)))
    late = make(number=2, expires=day(399))
    output = board.run("check", late.path, code=5)
    assert f"by what was signed since it is {day(400)} or later" in output
    board.run("check", make(number=2, expires=day(401)).path, code=0)


@pytest.mark.docker
def test_on_purpose_the_clock_alone_counts(board: Board, make: Make) -> None:
    """What was once signed by a clock years ahead does not close a board for ever."""
    board.confirm(make("b", number=1, created=day(4000), expires=day(5000)))
    good = make(number=2)
    board.run("missing", good.path, code=5)
    board.run("missing", "--allow-downgrade", good.path, code=3)
    board.confirm(good)
    board.run("check", make("b", number=3).path, code=0)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"socs": ["tegra194"]}, "is for tegra194, this device has tegra234"),
        ({"modules": ["p3767-0000"]}, "this device is p3768-0000, p3767-0005"),
        ({"l4t": "35.6.1"}, "is for L4T 35.6.1, this device has 36.4.4"),
    ],
)
@JETSON
def test_a_release_for_another_target(
    board: Board, make: Make, says: dict[str, Any], words: str
) -> None:
    tree = board.root / "sys/firmware/devicetree/base"
    tree.mkdir(parents=True)
    content = b"nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0"
    (tree / "compatible").write_bytes(content)
    (board.root / "etc/nv_tegra_release").write_text("# R36 (release), REVISION: 4.4, GCID: 1\n")
    assert words in board.run("missing", make(**says).path, code=10)


@pytest.mark.docker
@JETSON
def test_a_release_for_this_target(board: Board, make: Make) -> None:
    tree = board.root / "proc/device-tree"
    tree.mkdir(parents=True)
    (tree / "compatible").write_bytes(b"nvidia,p3737-0000+p3701-0005\0nvidia,tegra234\0")
    release = make(socs=["tegra194", "tegra234"], modules=["p3701-0004", "p3701-0005"])
    board.run("missing", release.path, code=3)


@JETSON
def test_a_jetsons_release_is_not_for_what_is_no_jetson(board: Board, make: Make) -> None:
    assert "this device has no Tegra" in board.run("missing", make(socs=["tegra234"]).path, code=10)


# Who signs.


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


# What the board keeps of it.


@pytest.mark.parametrize("text", ["", "[]", '{"schema": "x"}', "\x00"])
@pytest.mark.parametrize("name", ["trust.json", "trust.copy.json"])
def test_one_damaged_file_does_no_harm(board: Board, make: Make, name: str, text: str) -> None:
    board.confirm(make("b", number=10))
    (board.root / LIB / name).write_text(text)
    board.run("check", make(number=9).path, code=5)
    board.confirm(make("b", number=11))
    assert board.seen()["number"] == 11


@pytest.mark.parametrize("name", ["trust.json", "trust.copy.json"])
def test_one_missing_file_does_no_harm(board: Board, make: Make, name: str) -> None:
    board.confirm(make("b", number=10))
    (board.root / LIB / name).unlink()
    board.run("check", make(number=9).path, code=5)


def test_two_damaged_files_let_nothing_in(board: Board, make: Make) -> None:
    board.confirm(make("b", number=10))
    for name in ("trust.json", "trust.copy.json"):
        (board.root / LIB / name).write_text("{")
    output = board.run("check", make(number=11).path, code=5)
    assert "are damaged" in output
    assert "remove both" in output


# Mixed and malformed documents, all of them well signed.


def mixed(a: dict[str, Any], b: dict[str, Any], how: str) -> dict[str, Any]:
    """Return a document out of two releases."""
    if how == "image":
        return a | {"image": b["image"]}
    if how == "last layer":
        return a | {"layers": [*a["layers"][:-1], b["layers"][-1]]}
    if how == "what is sent of a layer":
        row = a["layers"][-1] | {"digest": b["layers"][-1]["digest"]}
        return a | {"layers": [*a["layers"][:-1], row]}
    return a | {how: b[how]}


@pytest.mark.parametrize(
    "how", ["image", "layers", "last layer", "what is sent of a layer", "config", "manifest"]
)
def test_parts_of_another_release(
    board: Board, make: Make, base: dict[str, Release], how: str
) -> None:
    a, b = (json.loads(base[name].path.read_text()) for name in ("a", "b"))
    release = make(**mixed(a, b, how))
    board.run("check", release.path, code=5)


def test_the_signature_of_another_release(board: Board, make: Make) -> None:
    a, b = make("a"), make("b")
    shutil.copy(b.path.with_name("release.json.sig"), a.path.with_name("release.json.sig"))
    board.run("check", a.path, code=5)


@pytest.mark.parametrize(
    "says",
    [
        {"number": "7"}, {"number": -1}, {"number": 0}, {"number": True}, {"number": 1 << 54},
        {"number": None}, {"number": [7]}, {"expires": 99}, {"expires": "9999"},
        {"expires": "2999-99-99T00:00:00Z"}, {"created": day(400)}, {"signers": -1},
        {"signers": "0"}, {"socs": "tegra234"}, {"socs": [1]}, {"modules": {}},
        {"modules": ["p"] * 65}, {"name": "../x"}, {"name": 1}, {"l4t": 36}, {"config": {}},
        {"image": []}, {"layers": {}}, {"layers": [1]}, {"layers": []}, {"manifest": ""},
        {"manifest": None}, {"schema": None}, {"schema": ["mediapipe-jetson/release/2"]},
    ],
)  # fmt: skip
def test_a_wrong_value(board: Board, make: Make, says: dict[str, Any]) -> None:
    done = board.call("check", make(**says).path)
    assert done.returncode in (2, 5), done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "layer",
    [{"size": "1"}, {"size": -1}, {"unpacked": 1 << 50}, {"size": True}, {"digest": "sha256:x"}],
)
def test_a_wrong_value_of_a_layer(
    board: Board, make: Make, base: dict[str, Release], layer: dict[str, Any]
) -> None:
    rows = json.loads(base["a"].path.read_text())["layers"]
    board.run("check", make(layers=[rows[0] | layer, *rows[1:]]).path, code=2)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1] + ', "number": 1}',
        lambda text: text[:-1] + ', "more": NaN}',
        lambda text: text[:-1] + ', "more": -Infinity}',
        lambda text: text[:-1] + ', "more": 1.5}',
        lambda text: text[:-1] + ', "more": 1e400}',
        lambda text: text[:-1] + f', "more": {"9" * 5000}}}',
        lambda text: text[:-1] + f', "more": {"[" * 100_000}{"]" * 100_000}}}',
        lambda text: text[:-1] + f', "more": {"{" + chr(34) + "a" + chr(34) + ":"}' * 20,
        lambda text: text.replace("{", '{"image": {}, ', 1),
        lambda text: text[: len(text) // 2],
        lambda text: "﻿" + text,
        lambda text: "[" + text + "]",
        lambda _: "null",
        lambda _: "",
        lambda _: "\x00" * 1000,
        lambda text: text + " " * (1 << 20),
    ],
)
def test_what_readers_of_json_differ_in(
    board: Board, make: Make, change: Callable[[str], str]
) -> None:
    release = make()
    release.path.write_text(change(release.path.read_text()), encoding="utf-8")
    signing.sign(release.path, board.key)
    board.run("check", release.path, code=2)


@pytest.mark.parametrize("kind", ["/dev/zero", "pipe", "folder"])
def test_what_is_no_file(board: Board, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "special" / "release.json"
    path.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(kind)
    board.run("check", path, code=2)


FUZZ = """
import json, random, sys
from mediapipe_image import release, strict
from mediapipe_image.errors import ImageError
rand, text = random.Random(int(sys.argv[2])), open(sys.argv[1]).read()
done = 0
for turn in range(1500):
    raw = bytearray(text.encode())
    for _ in range(rand.choice([1, 1, 2, 8])):
        at = rand.randrange(len(raw))
        how = rand.randrange(4)
        if how == 0: raw[at] = rand.randrange(256)
        elif how == 1: del raw[at : at + rand.randrange(1, 40)]
        elif how == 2: raw[at:at] = raw[at : at + rand.randrange(1, 40)]
        else: raw[at:at] = rand.choice([b'"', b'[', b'{', b'NaN', b'-1', b'null', b',', b'1e9'])
    try:
        release.parse(strict.loads(raw.decode("utf-8")), "it")
        done += 1
    except (ImageError, ValueError):
        pass
print(done)
"""


def test_random_damage_is_never_a_traceback(base: dict[str, Release]) -> None:
    """Whatever a signed document holds, it is refused in words, or is a release."""
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, base["a"].path, "20261128"],
        env={**os.environ, "PYTHONPATH": str(FILES), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    # Damage in what is free text, such as the kit's version, makes another release.
    assert int(done.stdout) < 500
