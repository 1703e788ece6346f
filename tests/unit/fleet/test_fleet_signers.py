"""Lists of signers: who may change them, and what goes with a release."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.release import signers, signing
from tests.fleet.small_release import build
from tests.support.here import needs_parts
from tests.unit.fleet.release_keys import key, own_folders, public, task

pytestmark = needs_parts("ssh-keygen")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return own_folders(tmp_path, monkeypatch)


def first_list(tmp_path: Path, **more: Any) -> tuple[Path, Path]:
    """Write list 1; return the key of releases and the owner's."""
    own, owner = key(tmp_path, "own"), key(tmp_path, "owner")
    signers.change(signers.Change(releases=public(own), owners=public(owner), **more))
    return own, owner


def test_a_list_is_as_its_schema_says(tmp_path: Path) -> None:
    own, owner = first_list(tmp_path)
    signers.sign(owner)
    body = signers.newest()
    schema = json.loads((ROOT / "jetson_kit/schemas/signer-list.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(body, schema)
    assert body is not None
    assert body["releases"]["keys"] == [signing.key_text(Path(f"{own}.pub"))]


def test_a_list_that_lacks_signatures_travels_with_nothing(tmp_path: Path) -> None:
    second = key(tmp_path, "second")
    own, owner = first_list(tmp_path)
    signers.sign(owner)
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    assert signers.attach(result.folder) == 1
    signers.change(signers.Change(owners=public(owner, second), owner_threshold=2))
    signers.sign(owner)
    assert signers.lacking() == 1
    done = task("release", str(result.folder), "--key", str(own))
    assert done.returncode == 2
    assert "lacks 1 signature;" in done.stderr
    with pytest.raises(BadInputError, match="not signed yet"):
        signers.change(signers.Change(threshold=1))
    signers.sign(second)
    assert signers.attach(result.folder) == 2


def test_who_signs_second_on_another_machine_keeps_what_the_first_one_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, owner = first_list(tmp_path)
    signers.sign(owner)
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    assert task("release", str(result.folder), "--key", str(own)).returncode == 0
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "another"))
    second = key(tmp_path, "second")
    assert task("release", str(result.folder), "--key", str(second)).returncode == 0
    assert signing.signed(result.path, own)
    assert signing.signed(result.path, second)
    assert json.loads(result.path.read_text())["signers"] == 1
    assert len(signers.load(result.folder / "signers.json")) == 1


def test_a_list_made_after_a_release_still_goes_with_it(tmp_path: Path) -> None:
    _, owner = first_list(tmp_path)
    signers.sign(owner)
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    signers.attach(result.folder)
    signers.change(signers.Change(revoke=(f"SHA256:{'x' * 43}",)))
    signers.refresh(result.folder)
    assert len(signers.load(result.folder / "signers.json")) == 1
    signers.sign(owner)
    signers.refresh(result.folder)
    assert len(signers.load(result.folder / "signers.json")) == 2


def test_a_list_without_signatures_can_be_taken_back(tmp_path: Path) -> None:
    first_list(tmp_path)
    signers.drop()
    assert signers.newest() is None
    with pytest.raises(BadInputError):
        signers.drop()


def test_a_signed_list_can_not_be_taken_back(tmp_path: Path) -> None:
    _, owner = first_list(tmp_path)
    signers.sign(owner)
    with pytest.raises(BadInputError, match="no list of signers that lacks"):
        signers.drop()


def test_two_owners_sign_at_once(tmp_path: Path) -> None:
    keys = [key(tmp_path, f"owner{number}") for number in range(4)]
    releases, owners = public(key(tmp_path, "own")), public(*keys)
    signers.change(signers.Change(releases=releases, owners=owners, owner_threshold=4))
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda own: task("signers", "--key", str(own)), keys))
    assert [item.returncode for item in done] == [0] * 4
    assert signers.lacking() == 0


def test_only_owners_sign_the_next_list(tmp_path: Path) -> None:
    own, owner = first_list(tmp_path)
    signers.sign(owner)
    signers.change(signers.Change(revoke=(signing.fingerprint("x AAAA"),)))
    with pytest.raises(BadInputError, match="no owner's key"):
        signers.sign(own)


def test_a_revoked_key_leaves_both_roles_and_stays_revoked(tmp_path: Path) -> None:
    other = key(tmp_path, "other")
    own, owner = first_list(tmp_path)
    signers.sign(owner)
    body = signers.change(signers.Change(releases=public(own, other), revoke=public(own)))
    signers.sign(owner)
    assert body["releases"]["keys"] == [signing.key_text(Path(f"{other}.pub"))]
    body = signers.change(signers.Change(releases=public(own, other)))
    assert body["releases"]["keys"] == [signing.key_text(Path(f"{other}.pub"))]
    assert len(body["revoked"]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--threshold", "2"), ("--revoke", "none.pub"), ("--revoke", "SHA256:x"),
        ("--release-key", "/etc/passwd"), ("--key", "none"), ("--drop",), ("--threshold", "-1"),
    ],
)  # fmt: skip
def test_bad_words_for_a_list(arguments: tuple[str, ...], state: Path) -> None:
    done = task("signers", *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert not (state / "fleet" / "signers.json").exists()


@pytest.mark.parametrize("role", ["releases", "owners"])
@pytest.mark.parametrize("text", ["", "x", "ssh-ed25519", "ssh-ed25519 A", "ssh-ed25519 #"])
def test_a_list_with_what_is_no_key_is_told(
    tmp_path: Path, state: Path, role: str, text: str
) -> None:
    own, owner = key(tmp_path), key(tmp_path, "owner")
    signers.change(signers.Change(releases=public(own), owners=public(owner)))
    signers.sign(owner)
    place = state / "fleet" / "signers.json"
    body = json.loads(place.read_text())
    document = json.loads(body["lists"][0]["document"])
    document[role]["keys"] = [text]
    body["lists"][0]["document"] = json.dumps(document)
    place.write_text(json.dumps(body))
    done = task("signers")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "holds no lists of signers" in done.stderr


@pytest.mark.parametrize("value", [1, None, "x", [1], {}])
def test_signatures_that_are_none_are_told(tmp_path: Path, state: Path, value: object) -> None:
    own, owner = key(tmp_path), key(tmp_path, "owner")
    signers.change(signers.Change(releases=public(own), owners=public(owner)))
    place = state / "fleet" / "signers.json"
    body = json.loads(place.read_text())
    body["lists"][0]["signatures"] = value
    place.write_text(json.dumps(body))
    done = task("signers")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"lists": [{}]}', '{"lists": [{"document": 1}]}', "[" * 60_000,
     '{"schema": "mediapipe-jetson/signers/1", "lists": {}}'],
)  # fmt: skip
def test_damaged_lists_are_told(state: Path, text: str) -> None:
    (state / "fleet").mkdir(parents=True)
    (state / "fleet" / "signers.json").write_text(text)
    done = task("signers")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
