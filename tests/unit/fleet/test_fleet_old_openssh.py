"""Boards of JetPack 4: Python 3.6, and an ssh-keygen that checks no signatures; OpenSSL does."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.fleet.channel import command as channel
from jetson_kit.fleet.channel.repository import Validity
from jetson_kit.fleet.release import signing
from tests.fleet.small_release import build
from tests.support.here import needs_parts
from tests.support.static_server import serving
from tests.unit.bare_board import FILES, LIB, Board
from tests.unit.board_program import Program, imported

pytestmark = needs_parts("ssh-keygen")
VALID = Validity()
# As OpenSSH before 8.1 answers.
OLD = """\
#!/bin/sh
for word; do
	[ "$word" != -Y ] || { echo "unknown option -- Y" >&2; exit 1; }
done
exec /usr/bin/ssh-keygen "$@"
"""
RELEASES = signing.RELEASES


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    yield from imported(tmp_path / "board", monkeypatch)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    signing.make_key(tmp_path / "key", "test", passphrase=False)
    return tmp_path / "key"


def public(key: Path) -> str:
    return signing.key_text(signing.public_of(key))


@pytest.mark.parametrize("raw", [b"", b"x", b"a" * 100_000, bytes(range(256))])
def test_what_ssh_keygen_signs_openssl_finds_good(program: Program, key: Path, raw: bytes) -> None:
    block = signing.sign_bytes(raw, key, RELEASES)
    assert program.libcrypto.library() is not None
    assert program.libcrypto.signed(raw, block, public(key), RELEASES.namespace)


def test_no_other_bytes_keys_or_namespaces(program: Program, key: Path, tmp_path: Path) -> None:
    signing.make_key(tmp_path / "other", "other", passphrase=False)
    good, text = program.libcrypto.signed, signing.sign_bytes(b"x", key, RELEASES)
    assert good(b"x", text, public(key), RELEASES.namespace)
    assert not good(b"y", text, public(key), RELEASES.namespace)
    assert not good(b"x", text, public(tmp_path / "other"), RELEASES.namespace)
    assert not good(b"x", text, public(key), "mediapipe-jetson-signers")
    assert not good(b"x", text, public(key), "")
    forged = signing.sign_bytes(b"x", tmp_path / "other", RELEASES)
    assert not good(b"x", forged, public(key), RELEASES.namespace)


def test_no_byte_of_a_signature_may_change_or_be_lacking(program: Program, key: Path) -> None:
    text = signing.sign_bytes(b"x", key, RELEASES)
    body = base64.b64decode("".join(text.splitlines()[1:-1]))

    def good(raw: bytes) -> bool:
        middle = base64.b64encode(raw).decode()
        block = f"-----BEGIN SSH SIGNATURE-----\n{middle}\n-----END SSH SIGNATURE-----"
        result: bool = program.libcrypto.signed(b"x", block, public(key), RELEASES.namespace)
        return result

    assert good(body)
    for at in range(len(body)):
        assert not good(body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]), at
        assert not good(body[:at]), at
    assert not good(body + b"\0")


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_other_kinds_of_keys_are_named(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", tmp_path / "k"], check=True)
    text = signing.sign_bytes(b"x", tmp_path / "k", RELEASES)
    own = public(tmp_path / "k")
    assert not program.libcrypto.signed(b"x", text, own, RELEASES.namespace)
    monkeypatch.setenv("PATH", f"{old(tmp_path)}:{os.environ['PATH']}")
    with pytest.raises(program.errors.ToolMissingError, match="ed25519"):
        program.sshsig.signers(b"x", text, (own,), RELEASES.namespace)


def accepted(raw: bytes, block: str, key: Path, namespace: str, folder: Path) -> bool:
    """Return whether today's ssh-keygen finds a signature good."""
    (folder / "block").write_text(block)
    (folder / "who").write_text(f"a {public(key)}\n")
    command = ["ssh-keygen", "-Y", "verify", "-I", "a", "-n", namespace]
    files = ["-f", str(folder / "who"), "-s", str(folder / "block")]
    done = subprocess.run([*command, *files], input=raw, capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("raw", [b"", b"x", b"a" * 100_000, bytes(range(256))])
def test_what_openssl_signs_ssh_keygen_finds_good(
    program: Program, key: Path, tmp_path: Path, raw: bytes
) -> None:
    namespace = RELEASES.namespace
    block = program.libcrypto.sign(raw, key.read_text(), namespace)
    assert accepted(raw, block, key, namespace, tmp_path)
    assert not accepted(raw + b"y", block, key, namespace, tmp_path)
    # Ed25519 has one signature for each message.
    assert block == signing.sign_bytes(raw, key, RELEASES)


def test_keys_that_openssl_does_not_sign_by(program: Program, tmp_path: Path, key: Path) -> None:
    options = {"locked": ["ed25519", "-N", "words"], "rsa": ["rsa", "-N", ""]}
    for name, more in options.items():
        files = ["-f", str(tmp_path / name)]
        subprocess.run(["ssh-keygen", "-q", *files, "-t", *more], check=True)
    for name, message in {"locked": "it has a passphrase", "rsa": "it is of another kind"}.items():
        with pytest.raises(ValueError, match=message):
            program.libcrypto.sign(b"x", (tmp_path / name).read_text(), "reports")
    text = key.read_text()
    lines = text.splitlines()
    body = base64.b64decode("".join(lines[1:-1]))
    for at in range(0, 150, 7):
        cut = "\n".join([lines[0], base64.b64encode(body[:at]).decode(), lines[-1]])
        with pytest.raises(ValueError, match="it "):
            program.libcrypto.sign(b"x", cut, "reports")


def old(folder: Path) -> Path:
    """Return a folder with an ssh-keygen like JetPack 4's."""
    place = folder / "bin"
    place.mkdir(exist_ok=True)
    (place / "ssh-keygen").write_text(OLD)
    (place / "ssh-keygen").chmod(0o755)
    return place


def pythons() -> list[str]:
    """Return this Python, and a 3.6 where pyenv has built one."""
    return [sys.executable, *map(str, Path.home().glob(".pyenv/versions/3.6.*/bin/python3"))]


class OldBoard(Board):
    """A board whose ssh-keygen is old, with a Python of its own."""

    python = sys.executable

    def _python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, *arguments],
            env={
                "PATH": f"{old(self.root.parent)}:{os.environ['PATH']}",
                "PYTHONPATH": str(FILES),
                "PYTHONDONTWRITEBYTECODE": "1",
                "MEDIAPIPE_IMAGE_ROOT": str(self.root),
                "DOCKER_HOST": f"unix://{self.root}/none.sock",
            },
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.mark.parametrize("python", pythons())
def test_a_board_of_jetpack_4_signs_its_reports(tmp_path: Path, key: Path, python: str) -> None:
    board = OldBoard(tmp_path / "board")
    board.python = python
    ssh = board.root / "etc/ssh"
    ssh.mkdir(parents=True)
    (ssh / "ssh_host_ed25519_key").write_text(key.read_text())
    script = "from mediapipe_image import channel_report as r; print(r._signature('x'), end='')"
    done = board._python("-c", script)
    assert accepted(b"x", done.stdout, key, "mediapipe-jetson-report", tmp_path), done.stderr


@pytest.mark.parametrize("python", pythons())
def test_a_board_of_jetpack_4_polls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    board = OldBoard(tmp_path / "board")
    board.python = python
    for name in ("owner", "channel"):
        signing.make_key(tmp_path / name, name, passphrase=False)
    www, etc = tmp_path / "www", board.root / "etc/mediapipe-jetson"
    anchor = channel.begin(www, tmp_path / "owner", tmp_path / "channel", VALID)
    (etc / "channel-root.json").write_bytes(anchor.read_bytes())
    release = build(tmp_path / "a", "a", bulk=100, runnable=False)
    signing.sign(release.path, board.key)
    with serving(www) as server:
        body = {"url": server.url, "board": "nano-1", "soak_s": 1, "interval_s": 60, "keep": 3}
        (etc / "channel.json").write_text(json.dumps(body))
        done = board.call("poll", "--json")
        assert json.loads(done.stdout)["why"] == "the channel offers no release", done.stderr
        channel.publish(www, channel.Request(str(release.folder)), tmp_path / "channel", VALID)
        # All is verified; the next thing that it needs is the engine, which is not here.
        assert "docker" in board.run("poll", "--now", code=3).lower()
        taken = board.root / LIB / "incoming/release.json"
        assert taken.read_bytes() == release.path.read_bytes()
        # An attacked channel is refused by OpenSSL as it is by ssh-keygen.
        timestamp = www / "timestamp.json"
        forged = json.loads(timestamp.read_text())
        forged["signed"]["version"] += 1
        timestamp.write_text(json.dumps(forged))
        assert "signed by 0 of its keys, not by 1" in board.run("poll", "--now", code=5)
