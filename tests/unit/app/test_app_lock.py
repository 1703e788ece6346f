"""The lock of an application's packages, out of a small index on this machine."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

import pytest

from jetson_kit.app import base_packages, lock, resolve, settings
from jetson_kit.app.base_packages import BasePackages
from jetson_kit.app.lock import Lock
from jetson_kit.app.settings import App
from jetson_kit.core import uv
from jetson_kit.core.errors import BadInputError, IntegrityError, NetworkError
from jetson_kit.wheels import pins as wheels
from tests.unit import small_index

HELD = BasePackages(("numpy==2.2.6",), {"mediapipe": "1.2.2+jetson.2"}, "manylinux_2_36")
LATE = "manylinux_2_39_aarch64"


def wheel(
    folder: Path, name: str, version: str, tag: str = "py3-none-any", needs: str = ""
) -> None:
    info = f"{name}-{version}.dist-info"
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as archive:
        meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
        archive.writestr(f"{info}/METADATA", meta)
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    folder = tmp_path / "it"
    folder.mkdir()
    (folder / "app.py").write_text("")
    (folder / "requirements.txt").write_text("")
    return settings.load(folder)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    folder = tmp_path / "index"
    folder.mkdir()
    wheel(folder, "numpy", "2.2.6")
    wheel(folder, "numpy", "1.26.4")
    wheel(folder, "plain", "1.0", needs="numpy")
    wheel(folder, "plain", "2.0", needs="numpy>=2")
    wheel(folder, "old", "1.0", needs="numpy<2")
    wheel(folder, "late", "1.0", tag=f"cp311-cp311-{LATE}")
    wheel(folder, "other", "1.0", tag="cp311-cp311-win_amd64")
    wheel(folder, "newer", "1.0", needs="numpy\nRequires-Python: >=3.13")
    wheel(folder, "mediapipe", "0.10.9")
    small_index.renew(folder)
    with small_index.served(folder) as address:
        for name, value in small_index.environment(address).items():
            monkeypatch.setenv(name, value)
        yield address


def made(app: App, requirements: str, image: BasePackages = HELD) -> Lock:
    (app.folder / "requirements.txt").write_text(requirements)
    return lock.make(app, image, "arm64", "3.11")


def refused(app: App, requirements: str) -> str:
    with pytest.raises(BadInputError) as caught:
        made(app, requirements)
    assert not lock.path_of(app, "arm64", "3.11").exists()
    return caught.value.line()


@pytest.mark.usefixtures("index")
def test_what_the_image_has_is_not_in_the_lock(app: App) -> None:
    result = made(app, "plain\nmediapipe>=1.0\nnumpy  # the image's\n")
    assert result.pins == ("plain==2.0",)
    assert "--hash=sha256:" in result.text
    assert "index" not in result.text.partition("\n")[2]


@pytest.mark.usefixtures("index")
def test_it_is_resolved_anew_only_when_its_inputs_change(app: App) -> None:
    assert made(app, "plain<2").fresh
    assert not made(app, "plain<2").fresh
    # The version that was locked stays while it fits.
    assert made(app, "plain").pins == ("plain==1.0",)
    second = lock.make(app, HELD, "arm64", "3.11", refresh=True)
    assert (second.fresh, second.pins) == (True, ("plain==2.0",))
    newer = BasePackages(("numpy==1.26.4",), HELD.stubs, HELD.manylinux)
    assert lock.make(app, newer, "arm64", "3.11").pins == ("plain==1.0",)


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        ("old", "does not fit the image: it needs numpy 1.26.4 (the image has 2.2.6)"),
        (
            "numpy<2\nmediapipe<1",
            "it needs mediapipe 0.10.9 (the image has 1.2.2+jetson.2), numpy 1.26.4 (the image has",
        ),
        ("newer", "the image has Python 3.11, another is named by [target] python"),
        ("mediapipe==0.10.9", "does not fit the image: "),
        ("mediapipe==0.10.9\nother", "0.10.9, and the image has mediapipe==1.2.2+jetson.2; write"),
        ("mediapipe==0.10.9", "write mediapipe without a version in requirements.txt"),
        ("mediapipe<1", "write mediapipe without a version in requirements.txt"),
        ("other", "requirements.txt: other has no wheel for aarch64-manylinux_2_36 and Python 3"),
        (
            "other==1.0",
            "txt: other==1.0 has no wheel for aarch64-manylinux_2_36 and Python 3.11, and no"
            " source that can be built; build its wheel and put it into wheels/",
        ),
        ("late", "requirements.txt: late has no wheel for aarch64-manylinux_2_36"),
        ("nothing-of-this-name", "requirements.txt: nothing-of-this-name was not found in the"),
        ("plain==9", "txt: there is no version of plain==9 and you require plain==9; correct the"),
        ("plain>9", "txt: only plain<=2.0 is available and you require plain>9; correct the"),
        ("plain==1.0\nplain==2.0", "txt: you require plain==1.0 and plain==2.0; correct the"),
        ("rclpy", "not in the image: examples/ros2-node shows a node over one that has it"),
        ("plain>2 plain", "line 1 is no requirement"),
        ("plain\n-e .", "has neither pyproject.toml nor setup.py"),
        ("plain\n./gone", "line 2: "),
        ("../plain", "line 1 names a local path outside of"),
        ("./plain-1.0-py3-none-any.whl", "line 1 names a local path"),
        ("-r ../../etc/passwd", "outside of"),
        ("-r gone.txt", "line 1: "),
    ],
)
def test_what_does_not_fit_is_one_line(app: App, requirements: str, expected: str) -> None:
    line = refused(app, requirements)
    assert expected in line
    assert "\n" not in line


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(
    "requirements",
    [
        "rf-mediapipe",
        "RF_MediaPipe==0.10.14",
        "above",
        "mediapipe\nrf-mediapipe; sys_platform == 'linux'",
    ],
)
def test_a_build_of_mediapipe_is_none_beside_the_images(
    app: App, tmp_path: Path, requirements: str
) -> None:
    wheel(tmp_path / "index", "rf_mediapipe", "0.10.14")
    wheel(tmp_path / "index", "above", "1.0", needs="rf-mediapipe")
    small_index.renew(tmp_path / "index")
    line = refused(app, requirements)
    assert "requirements.txt asks for rf-mediapipe; it is a build of MediaPipe; write" in line
    assert made(app, "mediapipe\nrf-mediapipe; sys_platform == 'darwin'").pins == ()


@pytest.mark.usefixtures("index")
def test_the_version_that_has_a_wheel_is_named(app: App, tmp_path: Path) -> None:
    wheel(tmp_path / "index", "other", "0.9")
    small_index.renew(tmp_path / "index")
    line = refused(app, "other==1.0")
    assert "txt: other==1.0 has no wheel for aarch64" in line
    assert "other==0.9 has one: take it" in line


@pytest.mark.usefixtures("index")
def test_a_long_reason_is_the_names_of_the_packages(app: App, tmp_path: Path) -> None:
    for number in range(20):
        tag = "cp39-cp39-win_amd64" if number % 2 else "cp311-cp311-win_amd64"
        wheel(tmp_path / "index", "zope.many", f"1.{number}", tag=tag)
    small_index.renew(tmp_path / "index")
    line = refused(app, "zope.many>=1.0")
    assert (
        "zope-many has no wheel for aarch64-manylinux_2_36 and Python 3.11, and no source" in line
    )
    assert len(line.partition("requirements.txt: ")[2]) < 200


@pytest.mark.parametrize("login", ["", "joe:wrong@"])
def test_an_index_that_refuses_the_login_is_named_without_it(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    with small_index.served(tmp_path, "joe:right") as address:
        for name, value in small_index.environment(address).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("UV_DEFAULT_INDEX", address.replace("//", f"//{login}"))
        line = refused(app, "plain")
    assert "requirements.txt: plain was not found in the package registry and you require " in line
    assert f"; {address} answers 401 Unauthorized; correct the index's address" in line
    assert "joe" not in line


@pytest.mark.parametrize("login", ["", "joe:wrong@"])
def test_a_wheels_address_that_answers_none_is_named(app: App, tmp_path: Path, login: str) -> None:
    with small_index.served(tmp_path, "joe:right") as address:
        place = address.replace("//", f"//{login}").replace("simple/", "door-1.0-py3-none-any.whl")
        with pytest.raises(NetworkError) as raised:
            made(app, f"door @ {place}")
    where = address.replace("simple/", "door-1.0-py3-none-any.whl")
    assert f": {where} answers 401 Unauthorized; check the address, and user" in raised.value.line()
    assert "joe" not in raised.value.line()


@pytest.mark.parametrize("login", ["", "joe:right@"])
def test_an_address_without_a_file_is_not_said_to_lack_a_login(
    app: App, tmp_path: Path, login: str
) -> None:
    with small_index.served(tmp_path, login.rstrip("@")) as address:
        place = address.replace("//", f"//{login}").replace("simple/", "door-1.0-py3-none-any.whl")
        with pytest.raises(NetworkError) as raised:
            made(app, f"door @ {place}")
    assert " answers 404 " in raised.value.message
    assert "joe" not in raised.value.line()
    assert raised.value.cure == "check the address"


def test_an_index_that_asks_to_wait_is_asked_again_later() -> None:
    assert uv._cure("429 Too Many Requests") == "run it again later"


@pytest.mark.usefixtures("index")
def test_a_newer_c_library_takes_what_an_older_refuses(app: App) -> None:
    newer = BasePackages(HELD.pins, HELD.stubs, "manylinux_2_40")
    assert made(app, "late", newer).pins == ("late==1.0",)


def test_without_an_index_it_is_the_network(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in small_index.environment("http://127.0.0.1:9/simple/").items():
        monkeypatch.setenv(name, value)
    with pytest.raises((NetworkError, BadInputError)) as caught:
        made(app, "plain")
    assert caught.value.exit_code == NetworkError.exit_code


@pytest.mark.usefixtures("index")
def test_wheels_in_the_folder_need_no_index(app: App) -> None:
    folder = app.folder / "wheels"
    folder.mkdir()
    wheel(folder, "mine", "1.0", tag="cp311-cp311-manylinux_2_28_aarch64")
    own = settings.load(app.folder)
    result = made(own, "mine")
    assert result.pins == ("mine==1.0",)
    assert result.sources == (f"--find-links {folder}",)
    # Another wheel in it is another input.
    wheel(folder, "mine", "1.1", tag="py3-none-any")
    assert made(own, "mine").fresh


def test_a_password_goes_into_no_lock(app: App, tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    wheel(folder, "inside", "1.0")
    small_index.renew(folder)
    with small_index.served(folder, "me:geheim") as address:
        place = address.replace("://", "://me:geheim@")
        result = made(app, f"--index-url {place}\ninside\n")
    assert result.pins == ("inside==1.0",)
    assert "geheim" not in result.text
    assert "geheim" in result.sources[0]


def test_an_image_is_as_its_locks_say() -> None:
    path = wheels.lock_path("armv82", "arm64", "3.11")
    result = base_packages.of(path, "1.2.2+jetson.2", "arm64", "3.11", "bookworm")
    assert {"numpy", "mediapipe", "opencv-python", "opencv-python-headless"} <= result.names
    assert result.manylinux == "manylinux_2_36"
    assert result.version("opencv-python") == f"{result.version('opencv-python-headless')}+jetson"


@pytest.mark.usefixtures("index")
def test_hashes_of_requirements_hold_for_wheels(app: App, tmp_path: Path) -> None:
    """One of the index's is kept; none of them is no package that was asked for."""
    file = tmp_path / "index" / "plain-2.0-py3-none-any.whl"
    good, other = hashlib.sha256(file.read_bytes()).hexdigest(), "0" * 64
    text = made(app, f"plain==2.0 --hash=sha256:{good} --hash=sha256:{other}").text
    assert re.findall(r"--hash=sha256:(\w+)", text) == [good]
    with pytest.raises(IntegrityError, match=r"no wheel of plain==2\.0 has a hash"):
        made(app, f"plain==2.0 --hash=sha256:{other}")


PLAIN = f"plain==1.0 \\\n    --hash=sha256:{'0' * 64}\n"
PRIVATE = "plain\n--find-links https://${DOOR_USER}:${DOOR_TOKEN}@127.0.0.1:1/simple\n"


@pytest.mark.usefixtures("index")
def test_a_lock_needs_no_variable_of_an_address(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "line 2 names the variable DOOR_USER, which is not set" in refused(app, PRIVATE)
    monkeypatch.setenv("DOOR_USER", "me")
    assert "line 2 names the variable DOOR_TOKEN, which is not set" in refused(app, PRIVATE)
    monkeypatch.setenv("DOOR_TOKEN", "geheim")
    (app.folder / "requirements.txt").write_text(PRIVATE)
    monkeypatch.setattr(resolve, "compile_file", lambda *_, **__: PLAIN)
    first = lock.make(app, HELD, "arm64", "3.11")
    assert first.fresh
    assert (first.unset, "geheim" in first.text) == ("", False)
    monkeypatch.delenv("DOOR_TOKEN")
    second = lock.make(app, HELD, "arm64", "3.11")
    assert (second.fresh, second.text) == (False, first.text)
    assert second.unset.endswith("line 2 names the variable DOOR_TOKEN, which is not set")
