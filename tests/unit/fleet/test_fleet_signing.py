"""Keys and signatures; ssh-keygen and ssh-agent judge."""

from __future__ import annotations

import datetime
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.fleet.release import signers, signing
from tests.fleet.small_release import build
from tests.support.here import needs_parts
from tests.unit.fleet.release_keys import key, own_folders, task

pytestmark = needs_parts("ssh-keygen")
DAY = datetime.timedelta(days=1)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return own_folders(tmp_path, monkeypatch)


@pytest.fixture
def passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let ssh-keygen ask a program that prints the text of this file."""
    path = tmp_path / "passphrase"
    path.write_text("right\n")
    program = tmp_path / "askpass"
    program.write_text(f"#!/bin/sh\ncat {path}\n")
    program.chmod(0o755)
    monkeypatch.setenv("SSH_ASKPASS", str(program))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    return path


def test_kit_state_moves_the_key(state: Path) -> None:
    assert signing.default_key() == state / "keys" / "release_key"
    signing.make_key(signing.default_key(), "me", passphrase=False)
    assert stat.S_IMODE((state / "keys").stat().st_mode) == 0o700


def test_a_key_has_a_passphrase_by_default(state: Path, passphrase: Path, tmp_path: Path) -> None:
    done = task("key")
    assert done.returncode == 0, done.stderr
    own = state / "keys" / "release_key"
    document = tmp_path / "document"
    document.write_text("x")
    signing.sign(document, own)
    assert signing.signed(document, own)
    passphrase.write_text("wrong\n")
    document.write_text("y")
    with pytest.raises(StepFailedError, match="passphrase"):
        signing.sign(document, own)


def test_an_empty_passphrase_is_none(passphrase: Path, state: Path) -> None:
    passphrase.write_text("\n")
    done = task("key")
    assert done.returncode == 2
    assert "the passphrase was empty" in done.stderr
    assert list((state / "keys").iterdir()) == []


def test_without_a_terminal_there_is_nobody_to_ask(state: Path) -> None:
    done = task("key")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "--no-passphrase" in done.stderr
    assert not list((state / "keys").glob("release_key*"))
    assert task("key", "--no-passphrase").returncode == 0


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run an agent."""
    place = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(place)], stdout=subprocess.DEVNULL) as own:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(place))
        while not place.exists():
            assert own.poll() is None
        yield
        own.terminate()


@pytest.mark.usefixtures("agent")
def test_a_key_in_an_agent_signs(tmp_path: Path) -> None:
    """The private half is in no file any more."""
    own = key(tmp_path)
    subprocess.run(["ssh-add", "-q", str(own)], check=True)
    own.unlink()
    document = tmp_path / "document"
    document.write_text("x")
    signing.sign(document, own.with_name("key.pub"))
    assert signing.signed(document, own.with_name("key.pub"))


def test_a_release_without_a_key_names_the_task(tmp_path: Path) -> None:
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    done = task("release", str(result.folder))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "./inv fleet.key" in done.stderr
    assert "Errno" not in done.stderr


def _large(path: Path) -> None:
    path.write_text(path.read_text() + "\n" * signing.LARGEST)


def _readable(path: Path) -> None:
    path.chmod(0o644)


def _of_another(path: Path) -> None:
    other = key(path.parent, "other")
    other.replace(path)


def _link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("gone")


def _holding(raw: bytes) -> Callable[[Path], None]:
    def become(path: Path) -> None:
        path.write_bytes(raw)

    return become


@pytest.mark.parametrize(
    ("become", "says"),
    [
        (_holding(b""), "is no private key"),
        (_holding(b"<!DOCTYPE html>"), "is no private key"),
        (_holding(b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"), "is no private key"),
        (_large, "it is too large"),
        (_readable, "bad permissions; chmod 600"),
        (_of_another, "is not the public half"),
    ],
    ids=["empty", "page", "half", "large", "readable", "other"],
)
@pytest.mark.parametrize("with_list", [True, False], ids=["list", "none"])
def test_a_key_that_can_not_sign_is_told_before_anything_is_made(
    tmp_path: Path, become: Callable[[Path], None], says: str, *, with_list: bool
) -> None:
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    result.path.unlink()
    own = key(tmp_path)
    if with_list:
        owner = key(tmp_path, "owner")
        signers.change(signers.Change(releases=(f"{own}.pub",), owners=(f"{owner}.pub",)))
        signers.sign(owner)
    before = sorted(path.name for path in result.folder.iterdir())
    become(own)
    done = task("release", str(result.folder), "--key", str(own))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert says in done.stderr
    assert sorted(path.name for path in result.folder.iterdir()) == before


@pytest.mark.parametrize("become", [Path.unlink, _link_to_nothing])
def test_a_public_half_alone_signs_nothing_without_an_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, become: Callable[[Path], None]
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    signing.make_key(signing.default_key(), "me", passphrase=False)
    become(signing.default_key())
    done = task("release", str(result.folder))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "there is no ssh-agent" in done.stderr


@pytest.mark.parametrize("form", ["RFC4716", "PEM", "PKCS8"])
def test_a_key_with_a_passphrase_is_a_key(tmp_path: Path, form: str) -> None:
    own = tmp_path / "own"
    arguments = ["-t", "rsa", "-b", "2048", "-m", form, "-N", "secret", "-f", str(own)]
    subprocess.run(["ssh-keygen", "-q", *arguments], check=True)
    assert signing.public_of(own) == tmp_path / "own.pub"


@pytest.mark.parametrize("more", [[], ["--owner"]])
def test_a_channels_key_gives_no_line_that_devices_would_trust(
    tmp_path: Path, more: list[str]
) -> None:
    """With it in image_allowed_signers, whoever publishes could sign releases."""
    place = str(tmp_path / "channel")
    for last in ("--no-passphrase", "--show"):
        done = task("key", "--channel", *more, "--path", place, last)
        assert done.returncode == 0, done.stderr
        assert "namespaces" not in done.stdout
        assert "ssh-ed25519" not in done.stdout
        assert done.stdout.startswith(f"{place}.pub: ")
    assert "namespaces" in task("key", *more, "--path", place, "--show").stdout


@pytest.mark.parametrize(
    "text", ["", "x", "ssh-ed25519", "ssh-ed25519 ###", "ssh-dss AAAA", "\x00"]
)
def test_what_is_no_public_key(tmp_path: Path, text: str) -> None:
    (tmp_path / "k.pub").write_text(text)
    with pytest.raises(BadInputError, match="no public key"):
        signing.signers([tmp_path / "k.pub"])


@pytest.mark.parametrize("word", ["--revoke", "--release-key"])
def test_a_pipe_is_no_public_key(tmp_path: Path, word: str) -> None:
    os.mkfifo(tmp_path / "k.pub")
    done = task("signers", word, str(tmp_path / "k.pub"))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "is no regular file" in done.stderr


def test_fingerprints_are_openssh_s(tmp_path: Path) -> None:
    own = key(tmp_path)
    stdout = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(own)], capture_output=True, text=True, check=True
    ).stdout
    assert signing.fingerprint(signing.key_text(Path(f"{own}.pub"))) == stdout.split()[1]


def test_several_sign_and_each_once(tmp_path: Path) -> None:
    document = tmp_path / "document"
    document.write_text("x")
    first, second = key(tmp_path, "first"), key(tmp_path, "second")
    for path in (first, second, first):
        signing.sign(document, path)
    text = document.with_name("document.sig").read_text()
    assert len(signing.blocks(text)) == 2
    assert signing.signed(document, first)
    assert signing.signed(document, second)
    document.write_text("y")
    signing.sign(document, second)
    assert len(signing.blocks(document.with_name("document.sig").read_text())) == 1
    assert not signing.signed(document, first)
