"""Numbers, validity and targets of releases, and what is no release; ssh-keygen signs."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.fleet.release import release, signing
from jetson_kit.fleet.release import terms as release_terms
from tests.fleet.small_release import build
from tests.support.here import needs_parts
from tests.unit.fleet.release_keys import key, own_folders, task

pytestmark = needs_parts("ssh-keygen")
DAY = datetime.timedelta(days=1)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return own_folders(tmp_path, monkeypatch)


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
    "arguments",
    [("--number", "-1"), ("--valid", "-1"), ("--valid", "99999"), ("--number", "1" * 20)],
)
def test_bad_words_for_a_release(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = build(tmp_path / "a", "1", bulk=100, runnable=False)
    before = result.path.read_text()
    own = key(tmp_path)
    done = task("release", str(result.folder), "--key", str(own), *arguments)
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
