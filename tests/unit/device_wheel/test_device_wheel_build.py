"""The device wheel's build: the same bytes, and what the standard front end makes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata

from jetson_kit.core.errors import NetworkError, StepFailedError
from jetson_kit.core.paths import ROOT
from jetson_kit.wheels import device_wheel


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the sources as they are have been built: setuptools takes a second."""
    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_CACHE", str(folder / "cache"))
        device_wheel.build(folder / "out")
    return folder / "cache"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    shutil.copytree(built, tmp_path / "cache")
    return tmp_path / "cache"


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def copy(target: Path) -> Path:
    for name in device_wheel.source_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(device_wheel.SOURCE / name, target / name)
    return target


def test_same_bytes_whatever_the_umask_and_the_times(tmp_path: Path, cache: Path) -> None:
    first = device_wheel.build(tmp_path / "a").read_bytes()
    shutil.rmtree(cache)
    source = copy(tmp_path / "copy")
    for path in source.rglob("*"):
        os.utime(path, (10**9, 10**9))
        path.chmod(0o700)
    before = os.umask(0o077)
    try:
        second = device_wheel.build(tmp_path / "b", source).read_bytes()
    finally:
        os.umask(before)
    assert first == second


def test_same_bytes_whatever_the_user_has_set(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = device_wheel.build(tmp_path / "a")
    shutil.rmtree(cache)
    home = tmp_path / "home"
    home.mkdir()
    settings = "[bdist_wheel]\npython_tag = py39\nbuild_number = 1\n[build_py]\noptimize = 2\n"
    for name in (".pydistutils.cfg", "setup.cfg"):
        (home / name).write_text(settings)
    (home / "setuptools.py").write_text("raise SystemExit('not the locked one')")
    for name, value in {
        "HOME": str(home),
        "DIST_EXTRA_CONFIG": str(home / "setup.cfg"),
        "PYTHONPATH": str(home),
        "PYTHONOPTIMIZE": "2",
        "SOURCE_DATE_EPOCH": "1700000000",
        "LC_ALL": "tr_TR.UTF-8",
        "TZ": "Asia/Kathmandu",
    }.items():
        monkeypatch.setenv(name, value)
    second = device_wheel.build(tmp_path / "b")
    assert (second.name, second.read_bytes()) == (first.name, first.read_bytes())


def test_unchanged_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = device_wheel.build(tmp_path / "a")
    monkeypatch.delattr(device_wheel, "run")  # without it nothing can be built
    second = device_wheel.build(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()


def test_with_changed_contents_it_is_what_setuptools_makes(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = copy(tmp_path / "copy")
    device_wheel.build(tmp_path / "out", source)
    package = source / "src/mediapipe_jetson"
    about = f'__version__ = "{device_wheel.version()}"\n'
    (package / "__init__.py").write_text(f"{about}PUT_BY_THE_TEST = True\n")
    (package / "data" / "wheels.json").write_bytes(bytes(range(256)) * 40)
    with monkeypatch.context() as without:
        without.delattr(device_wheel, "run")  # setuptools can't be run
        quick = device_wheel.build(tmp_path / "quick", source)
    assert b"PUT_BY_THE_TEST" in contents(quick)["mediapipe_jetson/__init__.py"]
    shutil.rmtree(cache)
    whole = device_wheel.build(tmp_path / "whole", source)
    assert (quick.name, quick.read_bytes()) == (whole.name, whole.read_bytes())
    (frame,) = (cache / "device-wheel-frames").rglob("*.whl")
    raw = frame.read_bytes()
    frame.write_bytes(raw[:5000] + bytes([raw[5000] ^ 1]) + raw[5001:])
    (package / "__init__.py").write_text(f"{about}PUT_BY_THE_TEST = False\n")
    assert (
        b"False"
        in contents(device_wheel.build(tmp_path / "again", source))["mediapipe_jetson/__init__.py"]
    )
    assert frame.read_bytes() != raw[:5000] + bytes([raw[5000] ^ 1]) + raw[5001:]


def test_another_version_is_in_name_and_metadata(tmp_path: Path) -> None:
    source = copy(tmp_path / "copy")
    device_wheel.build(tmp_path / "out", source)
    (source / "src/mediapipe_jetson/__init__.py").write_text('__version__ = "7.8.9"\n')
    wheel = device_wheel.build(tmp_path / "out", source)
    assert "-7.8.9-" in wheel.name
    metadata = contents(wheel)["mediapipe_jetson-7.8.9.dist-info/METADATA"].decode()
    assert "\nVersion: 7.8.9\n" in metadata


@pytest.mark.parametrize("name", ["src/mediapipe_jetson/new.py", "README.md", "pyproject.toml"])
def test_with_other_files_or_metadata_setuptools_makes_it(tmp_path: Path, name: str) -> None:
    source = copy(tmp_path / "copy")
    before = contents(device_wheel.build(tmp_path / "out", source))
    with (source / name).open("a", encoding="utf-8") as out:
        out.write(
            '[tool.other]\nx = "PUT_BY_THE_TEST"\n'
            if name == "pyproject.toml"
            else "PUT_BY_THE_TEST = 1\n"
        )
    after = contents(device_wheel.build(tmp_path / "out", source))
    assert ("mediapipe_jetson/new.py" in after) == name.endswith("new.py")
    assert any(b"PUT_BY_THE_TEST" in data for data in after.values()) == (name != "pyproject.toml")
    assert set(before) <= set(after)


def test_it_is_what_the_standard_front_end_makes(tmp_path: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    if not uv.exists():
        pytest.skip("uv is not in this environment")
    source, out = copy(tmp_path / "copy"), tmp_path / "standard"
    command = [str(uv), "build", "--wheel", "--no-build-isolation", "--offline", "--no-config"]
    subprocess.run(
        [*command, "--python", sys.executable, "--out-dir", str(out), str(source)],
        check=True,
        capture_output=True,
        env={**os.environ, "VIRTUAL_ENV": sys.prefix},
    )
    standard = contents(next(out.glob("*.whl")))
    assert contents(device_wheel.build(tmp_path / "ours")) == standard


def test_metadata_asks_for_nothing(tmp_path: Path) -> None:
    built = contents(device_wheel.build(tmp_path))
    name = next(name for name in built if name.endswith(".dist-info/METADATA"))
    metadata = Metadata.from_email(built[name])
    assert (metadata.name, str(metadata.requires_python)) == ("mediapipe-jetson", ">=3.9")
    needs = metadata.requires_dist or ()
    assert {"mediapipe", "litert", "onnx"} <= {*(metadata.provides_extra or ())}
    assert [str(need) for need in needs if "extra == " not in str(need.marker)] == []
    assert any(name.endswith("licenses/LICENSE") for name in built)


def test_a_broken_project_is_one_line(tmp_path: Path, cache: Path) -> None:
    source = copy(tmp_path / "copy")
    (source / "pyproject.toml").write_text("[project\n")
    before = sorted(cache.rglob("*.whl"))
    with pytest.raises(StepFailedError) as caught:
        device_wheel.build(tmp_path / "out", source)
    assert "\n" not in caught.value.line()
    assert sorted(cache.rglob("*.whl")) == before


def test_all_three_wheels_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = device_wheel.build

    def build_platform(out: Path, arch: str) -> Path:
        if arch == "amd64":
            raise NetworkError("no network")
        return real(out)

    monkeypatch.setattr(device_wheel, "build_platform", build_platform)
    with pytest.raises(NetworkError):
        device_wheel.build_all(tmp_path / "new")
    assert not (tmp_path / "new").exists()


SECOND_COPY = """
set -e
mkdir "$1/out"
mount -t tmpfs -o size="$2" none "$1/out"
PYTHONPATH="$3" "$4" -c "$5" "$1/out" || code=$?
ls -A "$1/out"
exit "${code:-0}"
"""
COPIES = """
import sys
from pathlib import Path
from jetson_kit.core.errors import DiskFullError
from jetson_kit.wheels import device_wheel

def build_platform(out, arch):
    wheel = out / f"device-{arch}.whl"
    wheel.write_bytes(device_wheel.build(out).read_bytes())
    return wheel

device_wheel.build_platform = build_platform
try:
    device_wheel.build_all(Path(sys.argv[1]))
except DiskFullError:
    sys.exit(6)
"""


@pytest.mark.parametrize(("copies", "code", "names"), [(1.5, 6, 0), (2.5, 6, 0), (3.5, 0, 3)])
def test_all_three_wheels_or_none_where_the_disk_is_full(
    tmp_path: Path, copies: float, code: int, names: int
) -> None:
    size = device_wheel.build(tmp_path).stat().st_size
    space = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount"]
    arguments = [str(tmp_path), str(int(size * copies)), str(ROOT), sys.executable, COPIES]
    done = subprocess.run(
        [*space, "sh", "-c", SECOND_COPY, "-", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, len(done.stdout.split())) == (code, names), done.stderr
