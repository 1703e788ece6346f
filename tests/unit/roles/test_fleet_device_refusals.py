"""mediapipe-image refuses in one line, with its fixed exit code, before it asks any engine."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.containers.oci import digest
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from tests.fleet.small_release import build
from tests.support.here import needs_parts, not_here_if
from tests.unit.bare_board import Board

IMAGE = "sha256:" + "0" * 64
pytestmark = needs_parts("ssh-keygen")


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    return Board(tmp_path)


def signed(board: Board, folder: Path, **options: Any) -> Release:
    release = build(folder / "r", "1", bulk=100, runnable=False, **options)
    signing.sign(release.path, board.key)
    return release


@pytest.mark.parametrize("command", ["missing", "receive", "expect", "adopt"])
def test_an_unsigned_release(board: Board, tmp_path: Path, command: str) -> None:
    release = build(tmp_path / "r", "1", bulk=100, runnable=False)
    assert "is not signed" in board.run(command, release.path, code=5)
    assert board.state() == []


@pytest.mark.parametrize("command", ["missing", "receive", "expect", "adopt"])
def test_a_release_signed_by_someone_else(board: Board, tmp_path: Path, command: str) -> None:
    release = signed(board, tmp_path)
    other = tmp_path / "other"
    signing.make_key(other, "other", passphrase=False)
    board.trust(other)
    assert "not signed by anyone" in board.run(command, release.path, code=5)
    assert board.state() == []


def test_a_release_changed_after_it_was_signed(board: Board, tmp_path: Path) -> None:
    release = signed(board, tmp_path)
    release.path.write_text(release.path.read_text() + " ")
    board.run("missing", release.path, code=5)


def test_a_release_for_another_processor(board: Board, tmp_path: Path) -> None:
    other = "arm64" if os.uname().machine == "x86_64" else "amd64"
    release = signed(board, tmp_path, architecture=other)
    assert f"is for {other}, this device is" in board.run("missing", release.path, code=10)


@not_here_if(Path("/etc/nv_tegra_release").exists(), "this is a Jetson")
def test_a_release_for_another_l4t(board: Board, tmp_path: Path) -> None:
    (board.root / "etc/nv_tegra_release").write_text(
        "# R36 (release), REVISION: 4.4, GCID: 1, BOARD: generic\n"
    )
    release = signed(board, tmp_path, l4t="36.4.3")
    output = board.run("missing", release.path, code=10)
    assert "is for L4T 36.4.3, this device has 36.4.4" in output


def test_what_is_no_release(board: Board, tmp_path: Path) -> None:
    path = tmp_path / "release.json"
    path.write_text('{"schema": "other"}')
    signing.sign(path, board.key)
    board.run("missing", path, code=2)
    board.run("missing", tmp_path / "none.json", code=2)


@pytest.mark.parametrize("change", ["other bytes", "other layers", "no JSON"])
def test_a_manifest_that_is_not_the_releases(board: Board, tmp_path: Path, change: str) -> None:
    release = signed(board, tmp_path)
    body = json.loads(release.path.read_text())
    if change == "other bytes":
        body["manifest"] += " "
    else:
        text = "{" if change == "no JSON" else body["manifest"].replace("sha256:", "sha256:0", 1)
        body["manifest"] = text
        body["image"]["manifest_digest"] = digest(text.encode())
    release.path.write_text(json.dumps(body))
    signing.sign(release.path, board.key)
    assert "the manifest is not that of" in board.run("missing", release.path, code=5)


def test_a_release_of_an_older_kit_is_made_again(board: Board, tmp_path: Path) -> None:
    release = signed(board, tmp_path)
    body = json.loads(release.path.read_text()) | {"schema": "mediapipe-jetson/release/1"}
    for name in ("number", "created", "expires", "signers", "socs", "modules", "manifest"):
        del body[name]
    release.path.write_text(json.dumps(body))
    signing.sign(release.path, board.key)
    output = board.run("missing", release.path, code=2)
    assert "older kit" in output
    assert "./inv fleet.release" in output


@pytest.mark.docker
def test_no_engine_is_one_line(board: Board, tmp_path: Path) -> None:
    release = signed(board, tmp_path)
    assert "does not answer" in board.run("missing", release.path, code=3)


def test_bad_words(board: Board) -> None:
    board.run("switch", "latest", code=2)
    board.run("confirm", "sha256:" + "0" * 64, code=2)
    board.run("rollback", code=2)
    board.run("prune", "--keep", "0", code=2)


def test_a_state_that_is_lost_waits_for_the_engine(board: Board) -> None:
    lib = board.root / "var/lib/mediapipe-jetson"
    lib.mkdir(parents=True)
    (lib / "state.json").write_text('{"schema": "mediapipe-jetson/device/1", "cur')
    output = board.run("rollback", code=3)
    # This machine may have no engine's client either.
    assert "does not answer" in output or "docker is not installed" in output
    assert (lib / "state.json").read_text().endswith('"cur')


@pytest.mark.parametrize(
    "arguments",
    [
        ("switch", IMAGE, "--limit", "nan"),
        ("switch", IMAGE, "--limit", "-1"),
        ("switch", IMAGE, "--limit", "0"),
        ("switch", IMAGE, "--limit", "inf"),
        ("switch", IMAGE, "--limit", "1e400"),
        ("switch", IMAGE, "--limit", "ten"),
        ("switch", IMAGE, "--trial", "nan"),
        ("switch", IMAGE, "--trial", "1e300"),
        ("confirm", IMAGE, "--keep", "-1"),
        ("confirm", IMAGE, "--keep", "1e3"),
        ("prune", "--keep", "٣"),
        ("prune", "--keep", "9" * 5000),
        ("prune", "--keep", "1_0"),
        ("prune",),
        ("nothing",),
        (),
    ],
)
def test_words_that_are_no_numbers_or_commands(board: Board, arguments: tuple[str, ...]) -> None:
    output = board.run(*arguments, code=2)
    assert len(output) < 400


@pytest.mark.parametrize(
    "text",
    [
        '{"healthy_limit_s": NaN}',
        '{"healthy_limit_s": 1e999}',
        '{"healthy_limit_s": -5}',
        '{"trial_limit_s": Infinity}',
        '{"trial_boots": true}',
        '{"trial_boots": -1}',
        '{"reserve_bytes": 1e9}',
        '{"reserve_bytes": ' + "9" * 400 + "}",
        '{"healthy_limit_s": ' + "9" * 400 + "}",
        '{"folder_limits": {"/tmp": "1"}}',
        '{"folder_limits": {"/tmp": -1}}',
        '{"device_nodes": [1]}',
        '{"nvidia_environment": {"A": {"B": 1}}}',
        "[" * 100_000,
        "[]",
        "",
        " " * (5 << 20),
    ],
)
def test_settings_of_no_sense_are_refused(board: Board, text: str) -> None:
    (board.root / "etc/mediapipe-jetson/service.json").write_text(text)
    done = board.call("rollback")
    assert done.returncode in (2, 5)
    assert "service.json" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_unknown_settings_are_refused(board: Board, tmp_path: Path) -> None:
    (board.root / "etc/mediapipe-jetson/image.json").write_text('{"reserve": 1}')
    assert "unknown setting: reserve" in board.run("rollback", code=2)


def coded(path: Path) -> list[str]:
    """Return a release and its signature as `offer` takes them."""
    signature = path.with_name(path.name + signing.SUFFIX)
    return [base64.b64encode(item.read_bytes()).decode() for item in (path, signature)]


def test_an_offer_is_text_in_base64(tmp_path: Path) -> None:
    board = Board(tmp_path)
    assert "base64" in board.run("offer", "--way=archive", "{}", "x y", code=2)


def huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


PLACES: dict[str, Callable[[Path], object]] = {
    "a FIFO": os.mkfifo,
    "a folder": Path.mkdir,
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "a link": lambda path: path.symlink_to("release.json"),
    "huge": huge,
}


@pytest.mark.parametrize("name", ["release.json", "release.json.sig", "signers.json"])
@pytest.mark.parametrize("stands", PLACES.values(), ids=PLACES)
def test_an_offer_takes_the_place_of_whatever_stands_there(
    tmp_path: Path, name: str, stands: Callable[[Path], object]
) -> None:
    board = Board(tmp_path)
    release = build(tmp_path / "made", "v1", runnable=False)
    signing.sign(release.path, board.key)
    place = board.root / "var/lib/mediapipe-jetson/incoming" / name
    place.parent.mkdir(parents=True)
    stands(place)
    # All of it is taken and found right; next is the engine, which is not here.
    assert "Docker" in board.run("offer", "--way=archive", *coded(release.path), code=3)
    assert (place.parent / "release.json").read_bytes() == release.path.read_bytes()
    assert place.name == "signers.json" or (place.is_file() and not place.is_symlink())


def test_what_an_error_quotes_drives_no_terminal(tmp_path: Path) -> None:
    board = Board(tmp_path)
    message = board.run("check", "/no/\x1b[31m\x07\u202efile", code=2)
    assert message.rstrip("\n").isprintable()


def test_an_offer_signed_by_another_is_refused(tmp_path: Path) -> None:
    board = Board(tmp_path)
    release = build(tmp_path / "made", "v1", runnable=False)
    other = tmp_path / "other"
    signing.make_key(other, "test", passphrase=False)
    signing.sign(release.path, other)
    output = board.run("offer", "--way=registry", *coded(release.path), code=5)
    assert "not signed by anyone who may sign" in output
    assert not list((board.root / "var/lib/mediapipe-jetson").glob("releases/*"))
    # What the device trusts is taken, and answered: it is not there.
    signing.sign(release.path, board.key)
    output = board.run("offer", "--json", "--way=archive", *coded(release.path), code=3)
    assert "Docker Engine" in output or "docker" in output
