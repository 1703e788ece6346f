"""Keys, signatures and the releases that they sign; ssh-keygen and ssh-agent judge."""

from __future__ import annotations

import datetime
import json
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.fleet.release import release, signers, signing
from jetson_kit.fleet.release import terms as release_terms
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


# Keys.


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
    words = ["-t", "rsa", "-b", "2048", "-m", form, "-N", "secret", "-f", str(own)]
    subprocess.run(["ssh-keygen", "-q", *words], check=True)
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


# Numbers, validity and targets of releases.


def test_each_release_has_a_greater_number(tmp_path: Path) -> None:
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    assert release.make(result.folder).number == result.number
    second_release = release.make(result.folder, release_terms.Terms(valid_days=30))
    assert second_release.number > result.number
    assert second_release.expires - second_release.created == 30 * DAY
    assert release.make(result.folder, release_terms.Terms(number=7)).number == 7
    assert result.expires - result.created == release_terms.VALID_DAYS * DAY


def test_a_release_that_is_not_signed_leaves_the_earlier_one(tmp_path: Path) -> None:
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    own = key(tmp_path, "own")
    signing.sign(result.path, own)

    def refuses(raw: bytes) -> str:
        raise StepFailedError(f"no signature of {len(raw)} bytes")

    with pytest.raises(StepFailedError, match="no signature"):
        release.make(result.folder, release_terms.Terms(number=7), refuses)
    assert release.load(result.folder).number == result.number
    assert signing.signed(result.path, own)
    second_release = release.make(
        result.folder,
        release_terms.Terms(number=result.number + 1),
        lambda raw: signing.sign_bytes(raw, own, signing.RELEASES),
    )
    assert second_release.number == result.number + 1
    assert signing.signed(result.path, own)


def test_a_release_that_is_about_to_expire_is_made_anew(tmp_path: Path) -> None:
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    body = json.loads(result.path.read_text())
    now = datetime.datetime.now(datetime.UTC)
    body["created"] = (now - 99 * DAY).strftime(release_terms.FORMAT)
    body["expires"] = (now + DAY).strftime(release_terms.FORMAT)
    result.path.write_text(json.dumps(body))
    result.path.with_name("release.json.sig").write_text("x")
    second_release = release.make(result.folder)
    assert second_release.expires > now + 100 * DAY
    assert second_release.number > result.number
    assert not result.path.with_name("release.json.sig").exists()


def test_a_release_names_the_socs_and_modules_of_its_target(tmp_path: Path) -> None:
    result = build(tmp_path / "a", "1", bulk=100, runnable=False, l4t="36.4.4")
    place = tmp_path / "a" / "manifest.json"
    body = json.loads(place.read_text())
    module = {"id": "orin-nano-8gb", "part_numbers": ["p3767-0003", "p3767-0005"], "boards": []}
    body["plan"]["target"]["modules"] = [module]
    body["plan"]["socs"] = ["tegra234"]
    place.write_text(json.dumps(body))
    release.make(result.folder, release_terms.Terms(modules=("orin-nano-8gb",)))
    document = json.loads(result.path.read_text())
    assert document["socs"] == ["tegra234"]
    assert document["modules"] == ["p3767-0003", "p3767-0005"]
    with pytest.raises(BadInputError, match="no module nano") as caught:
        release.make(result.folder, release_terms.Terms(modules=("nano",)))
    assert "orin-nano-8gb" in caught.value.cure


@pytest.mark.parametrize(
    "words", [("--number", "-1"), ("--valid", "-1"), ("--valid", "99999"), ("--number", "1" * 20)]
)
def test_bad_words_for_a_release(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    before = result.path.read_text()
    own = key(tmp_path)
    done = task("release", str(result.folder), "--key", str(own), *words)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert result.path.read_text() == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no build"),
        ("[", "holds no build"),
        ("[" * 100_000, "nested too deeply"),
        ("null", "of another schema"),
        ("[]", "of another schema"),
        ("1e999", "of another schema"),
        ("{}", "of another schema"),
        ('{"schema": "mediapipe-jetson-kit/build/1"}', "is no manifest of a build"),
    ],
)
def test_what_is_no_manifest_of_a_build(tmp_path: Path, text: str, says: str) -> None:
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    before = sorted(path.name for path in result.folder.iterdir())
    (result.folder / "manifest.json").write_text(text)
    done = task("release", str(result.folder), "--key", str(key(tmp_path)))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert says in done.stderr
    assert sorted(path.name for path in result.folder.iterdir()) == before


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (("plan", "target"), "36.4.4"),
        (("plan", "mediapipe"), "1.2.2"),
        (("plan", "base"), None),
        (("plan", "name"), 1),
        (("plan",), []),
        (("image",), None),
        (("archive", "layers"), [1]),
        (("archive", "file"), None),
    ],
)
def test_a_part_of_a_manifest_that_is_another_is_named(
    tmp_path: Path, part: tuple[str, ...], value: object
) -> None:
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    place = result.folder / "manifest.json"
    body = json.loads(place.read_text())
    holder = body
    for name in part[:-1]:
        holder = holder[name]
    holder[part[-1]] = value
    place.write_text(json.dumps(body))
    with pytest.raises(BadInputError, match=".".join(part)):
        release.make(result.folder)


@pytest.mark.parametrize("code", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_a_release_is_utf_8(tmp_path: Path, code: str) -> None:
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    result.path.write_bytes(result.path.read_text().encode(code))
    with pytest.raises(BadInputError, match="is no release"):
        release.load(result.folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 100_000, '{"schema": 1}'])
def test_what_is_no_release(tmp_path: Path, text: str) -> None:
    (tmp_path / "release.json").write_text(text)
    with pytest.raises(BadInputError, match="is no release") as caught:
        release.load(tmp_path)
    assert len(caught.value.message) < 400


def test_a_release_of_an_older_kit_is_made_again(tmp_path: Path) -> None:
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    body = json.loads(result.path.read_text()) | {"schema": release.BEFORE}
    result.path.write_text(json.dumps(body))
    with pytest.raises(BadInputError, match="older kit") as caught:
        release.load(result.folder)
    assert "./inv fleet.release" in caught.value.cure
    assert release.make(result.folder).number


# What a rollout and provisioning refuse before any host is touched.
