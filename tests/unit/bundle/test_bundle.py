"""verify.bundle: what is packed, and what the program in it does where it can't be used."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.bundle import build, contents, older, packages, payload
from jetson_kit.bundle.older import Older
from jetson_kit.bundle.program import cores, graphics, measure, unpack
from jetson_kit.bundle.program.archive import Archive, Blob
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from jetson_kit.wheels.pins import Pin

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# What stands for the device wheel: it says how it was called, and what it finds.
WHEEL = """
import json, os, sys
print(json.dumps({"words": sys.argv[1:], "models": os.environ["MEDIAPIPE_JETSON_MODELS"],
                  "path": sys.path[1], "model": open(
    os.path.join(os.environ["MEDIAPIPE_JETSON_MODELS"], "one.task"), "rb").read().decode()}))
if "--wait" in sys.argv:
    import time
    time.sleep(60)
sys.exit(1)
"""
MODEL = b"a model " * 40_000
LIBRARY = b"instructions" * 2000


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "device-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mediapipe_jetson/__init__.py", "")
        archive.writestr("mediapipe_jetson/__main__.py", WHEEL)
        archive.writestr("mediapipe_jetson/twice.py", "")
        library = zipfile.ZipInfo("mediapipe_jetson/native/lib.so")
        library.external_attr = (stat.S_IFREG | 0o755) << 16
        archive.writestr(library, b"\x7fELF" + b"library" * 1000)
    return path


@pytest.fixture
def made(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return what writes a small bundle of this machine's architecture; parts in bytes."""

    def common(arch: str, recipe: contents.Recipe, pin: Pin) -> Iterator[payload.Member]:
        del arch, recipe, pin
        yield from payload.of_wheel(wheel, "site/")
        yield payload.of_bytes(f"site/{cores.LIBRARY}", LIBRARY)
        yield payload.of_bytes("models/one.task", MODEL)
        yield payload.of_bytes("lib/libnothing-here.so.1", b"\x7fELF")

    def for_older(pin: Pin) -> Older:
        del pin
        return Older((), ())

    def site(
        python: str, arch: str, recipe: contents.Recipe
    ) -> Iterator[tuple[str, Iterator[payload.Member]]]:
        del arch, recipe
        for name, text in ((f"numpy-1-cp{python}", f"# {python}\n"), ("certifi-1-py3", "# any\n")):
            member = payload.of_bytes(f"site/{name.partition('-')[0]}.py", text.encode())
            yield name, iter([member])

    monkeypatch.setattr(contents, "common", common)
    monkeypatch.setattr(contents, "site", site)
    monkeypatch.setattr(older, "of", for_older)
    monkeypatch.setattr(build, "MB", 1000)

    def write(name: str = "bundle", **fields: Any) -> Path:
        from jetson_kit.core.progress import Progress

        folder = tmp_path / name
        build.build(build.Request(output=str(folder), **fields), Progress(quiet=True))
        return folder / build.PYZ

    return write


def run(
    pyz: Path, *words: str | Path, python: str = sys.executable, **variables: str
) -> subprocess.CompletedProcess[str]:
    home = pyz.parent.parent / "home"
    home.mkdir(exist_ok=True)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home)} | variables
    return subprocess.run(
        [python, pyz, *words], env=environment, capture_output=True, text=True, check=False
    )


def one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def left(pyz: Path) -> list[str]:
    """Return what a run left in its home folder."""
    return sorted(path.name for path in (pyz.parent.parent / "home").rglob("*"))


@pytest.mark.parametrize("part_mb", [60, 0], ids=["parts", "one file"])
def test_it_runs_the_device_wheel_and_leaves_nothing(
    made: Callable[..., Path], part_mb: int
) -> None:
    pyz = made(part_mb=part_mb)
    names = [path.name for path in pyz.parent.iterdir()]
    assert (len(names) > 3) == bool(part_mb)
    done = run(pyz, "--level", "full", "--json", "x.json")
    assert done.returncode == 1, done.stderr
    assert '"words": ["verify", "--level", "full", "--json", "x.json"]' in done.stdout
    assert MODEL.decode() in done.stdout
    assert left(pyz) == []


@pytest.mark.parametrize("damaged", [False, True])
def test_an_older_core_runs_what_is_put_together_for_it(
    made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    other = LIBRARY.replace(b"structions", b"STRUCTIONS", 3)
    digest = hashlib.sha256(LIBRARY if damaged else other).hexdigest()
    row = {"name": "old", "hwcap": 0, "sha256": digest, "size": len(other)}
    delta = payload.of_bytes("cores/old/library.delta", older.delta(LIBRARY, other))
    monkeypatch.setattr(older, "of", lambda pin: Older((row,), (delta,)))
    pyz = made()
    done = run(pyz)
    if damaged:
        assert "libmediapipe.so does not come out as it should" in one_line(done, 5)
    else:
        assert "/site-core/old" in json.loads(done.stdout)["path"]
    assert left(pyz) == []


def test_the_same_inputs_give_the_same_bytes(made: Callable[..., Path]) -> None:
    first, second = made("first"), made("second")
    names = sorted(path.name for path in first.parent.iterdir())
    assert names == sorted(path.name for path in second.parent.iterdir())
    for name in names:
        assert (first.parent / name).read_bytes() == (second.parent / name).read_bytes()
    assert all((first.parent / n).stat().st_size <= 60_000 for n in names if n.endswith(".bin"))


def test_what_pythons_share_is_there_once(made: Callable[..., Path]) -> None:
    every, single = made("every"), made("single", pythons=(PYTHON,))
    sizes = [
        sum(path.stat().st_size for path in item.parent.glob("*.bin")) for item in (every, single)
    ]
    assert 0 < sizes[0] - sizes[1] < 500


def test_a_library_keeps_its_executable_bit(made: Callable[..., Path], tmp_path: Path) -> None:
    archive = Archive(made())
    with unpack.unpacked(archive, PYTHON, str(tmp_path), keep=False) as folder:
        assert (folder / "site/mediapipe_jetson/native/lib.so").stat().st_mode & 0o777 == 0o755
        assert (folder / "site/mediapipe_jetson/__main__.py").stat().st_mode & 0o777 == 0o644
        # Two files of the same contents are both there.
        assert (folder / "site/mediapipe_jetson/twice.py").read_bytes() == b""


def test_kept_files_are_used_again(made: Callable[..., Path]) -> None:
    pyz = made()
    assert run(pyz, "--keep", "info").returncode == 1
    kept = left(pyz)
    assert kept
    for part in pyz.parent.glob("*.bin"):
        part.unlink()
    assert run(pyz, "--keep", "info").returncode == 1
    assert left(pyz) == kept


def cut(pyz: Path) -> str:
    part = sorted(pyz.parent.glob("*.bin"))[-1]
    part.write_bytes(part.read_bytes()[:-7])
    return f"{part.name} has "


def flipped(pyz: Path) -> str:
    part = sorted(pyz.parent.glob("*.bin"))[0]
    raw = bytearray(part.read_bytes())
    raw[1000] ^= 1
    part.write_bytes(raw)
    return f"{part.name} is damaged"


def missing(pyz: Path) -> str:
    part = sorted(pyz.parent.glob("*.bin"))[1]
    part.unlink()
    return f"{part.name} is not beside"


def strange(pyz: Path) -> str:
    sorted(pyz.parent.glob("*.bin"))[0].write_bytes(b"of another bundle")
    return "has 17 bytes"


def folder_for_part(pyz: Path) -> str:
    part = sorted(pyz.parent.glob("*.bin"))[0]
    part.unlink()
    part.mkdir()
    return f"{part.name} is not beside"


@pytest.mark.parametrize("damage", [cut, flipped, missing, strange, folder_for_part])
def test_damage_is_one_line(made: Callable[..., Path], damage: Callable[[Path], str]) -> None:
    pyz = made()
    says = damage(pyz)
    assert says in one_line(run(pyz), 5)
    assert left(pyz) == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("nonsense",), 2, "no mode 'nonsense': choose one of verify, measure"),
        (("--unpack-to",), 2, "--unpack-to needs a folder"),
        (("measure",), 2, "measure needs --json FILE"),
        (("measure", "--json", "/nowhere/x.json"), 2, "no file can be written at /nowhere/x.json"),
        (("measure", "--json", "/"), 2, "no file can be written at /"),
        (("--unpack-to", "/proc/1/x", "info"), 6, "/proc/1/x: "),
        (("--unpack-to", "/dev/null", "info"), 6, "/dev/null: "),
    ],
)
def test_wrong_words_are_one_line(
    made: Callable[..., Path], words: tuple[str, ...], code: int, says: str
) -> None:
    pyz = made()
    assert says in one_line(run(pyz, *words), code)
    assert left(pyz) == []


def test_a_home_that_can_not_be_written_is_passed_over(made: Callable[..., Path]) -> None:
    pyz = made()
    done = run(pyz, "info", HOME="/proc/1", XDG_CACHE_HOME="/sys/kernel/x")
    assert done.returncode == 1, done.stderr


def test_no_room_is_said_with_the_room_there_is(tmp_path: Path) -> None:
    assert "MiB free, 1099511627776 are needed" in unpack.usable(tmp_path, 1 << 60)
    assert unpack.usable(tmp_path, 1) == ""


def test_another_architecture_is_one_line(made: Callable[..., Path]) -> None:
    other = "aarch64" if build.arch_of("") == "amd64" else "x86_64"
    assert f"this bundle is for {other}, this machine is" in one_line(run(made(machine=other)), 3)


def test_a_python_that_is_not_in_it_is_one_line(made: Callable[..., Path]) -> None:
    other = "3.9" if PYTHON != "3.9" else "3.10"
    assert f"this bundle is for CPython {other}" in one_line(run(made(pythons=(other,))), 3)


def test_its_first_file_is_readable_for_old_pythons() -> None:
    """Python 2.7 and 3.6 must get as far as the line that refuses them."""
    text = (build.PROGRAM / build.MAIN).read_text(encoding="utf-8")
    refusal = text.index("sys.exit(3)")
    compile(text[:refusal], "main", "exec", dont_inherit=True)
    assert "from __future__" not in text
    assert 'f"' not in text
    assert text.index("from jetson_kit") > refusal


def test_an_earlier_measurement_stays_until_there_is_a_new_one(tmp_path: Path) -> None:
    output = tmp_path / "measured.json"
    output.write_text("earlier")

    def stops(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        raise KeyboardInterrupt(*words)

    with pytest.raises(KeyboardInterrupt):
        measure.measure(stops, output, tmp_path, brief=True, tell=lambda _: None)
    assert output.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_leaves_nothing(made: Callable[..., Path], number: int) -> None:
    pyz = made()
    home = pyz.parent.parent / "home"
    home.mkdir()
    child = subprocess.Popen(
        [sys.executable, pyz, "verify", "--wait"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(number)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 128 + number
    assert errors.splitlines()[-1] == "error: stopped"
    assert left(pyz) == []


def test_what_a_killed_run_left_is_swept_by_the_next(made: Callable[..., Path]) -> None:
    pyz = made()
    home = pyz.parent.parent / "home"
    home.mkdir()
    child = subprocess.Popen(
        [sys.executable, pyz, "verify", "--wait"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home)},
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    inner = next(
        int(name)
        for name in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    )
    child.kill()
    os.kill(inner, signal.SIGKILL)
    child.wait()
    assert left(pyz)
    time.sleep(0.1)
    assert run(pyz, "info").returncode == 1
    assert [name for name in left(pyz) if "part" in name] == []


def test_a_path_out_of_the_folder_is_refused(made: Callable[..., Path], tmp_path: Path) -> None:
    archive = Archive(made())
    blob = Blob("0" * 64, 1, payload.STORED, 0, 1)
    with pytest.raises(Exception, match="outside of its folder"):
        group = archive.groups(PYTHON)["base"]
        unpack._write(archive, group, [("../evil", blob, False)], tmp_path / "in")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"machine": "ppc64le"}, "no bundle for the architecture"),
        ({"pythons": ("2.7",)}, "no bundle for Python 2.7"),
        ({"part_mb": -1}, "no parts of -1 MB"),
        ({"machine": "aarch64", "tensorrt": True}, "TensorRT-RTX is for x86_64 alone"),
    ],
)
def test_wrong_requests(made: Callable[..., Path], fields: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        made(**fields)


def test_a_folder_with_something_else_stays(made: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(BadInputError, match="holds something else"):
        made("mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"


@pytest.mark.parametrize("python", contents.recipe().pythons)
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_lock_has_each_package_once_for_each_python(python: str, machine: str) -> None:
    text = packages.lines_for(packages.LOCK.read_text(encoding="utf-8"), python, machine)
    names = [line.partition("==")[0] for line in text.splitlines() if line[:1].isalpha()]
    assert len(names) == len(set(names))
    assert {"numpy", "opencv-python-headless", "ai-edge-litert"} <= set(names)
    assert "colorama" not in names
    assert ";" not in text


def test_the_program_imports_nothing_of_the_kit() -> None:
    for path in build.PROGRAM.glob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if "import" in line and "jetson_kit" in line:
                assert "jetson_kit.bundle.program" in line, f"{path.relative_to(ROOT)}: {line}"


def lib_folder(tmp_path: Path, *names: str) -> Path:
    (tmp_path / "lib").mkdir()
    for name in names:
        (tmp_path / "lib" / name).write_bytes(b"\x7fELF")
    return tmp_path


def test_only_libraries_that_the_machine_lacks_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/mine")
    folder = lib_folder(tmp_path, "libc.so.6", "libnothing-here.so.1")
    environment = graphics.environment(folder)
    assert environment["LD_LIBRARY_PATH"] == f"{folder}/lib-used:/mine"
    assert [path.name for path in (folder / "lib-used").iterdir()] == ["libnothing-here.so.1"]


def test_a_driver_that_no_file_names_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on container hosts: NVIDIA's libraries are there, and files elsewhere or none."""
    elsewhere = tmp_path / "nvidia"
    elsewhere.mkdir()
    icd = {"library_path": "libEGL_nvidia.so.0"}
    (elsewhere / "10_nvidia.json").write_text(json.dumps({"ICD": icd}))
    own = {**icd, "api_version": "1.3"}
    (elsewhere / "nvidia_icd.json").write_text(json.dumps({"ICD": own}))
    monkeypatch.setattr(graphics, "ELSEWHERE", (str(elsewhere),))
    for name in ("EGL_PLACES", "VULKAN_PLACES"):
        monkeypatch.setattr(graphics, name, (str(tmp_path / "none"),))
    folder = lib_folder(tmp_path)
    assert graphics.environment(folder) == {
        "__EGL_VENDOR_LIBRARY_FILENAMES": str(elsewhere / "10_nvidia.json"),
        "VK_DRIVER_FILES": str(elsewhere / "nvidia_icd.json"),
    }
    monkeypatch.setenv("VK_DRIVER_FILES", "/mine.json")
    assert "VK_DRIVER_FILES" not in graphics.environment(folder)


def test_a_driver_without_any_file_gets_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EGL_PLACES", "VULKAN_PLACES", "ELSEWHERE"):
        monkeypatch.setattr(graphics, name, ())
    # Libraries that are on every machine stand for the driver's.
    monkeypatch.setattr(graphics, "EGL_DRIVER", "libc.so.6")
    monkeypatch.setattr(graphics, "VULKAN_DRIVER", "libm.so.6")
    environment = graphics.environment(lib_folder(tmp_path))
    egl = json.loads(Path(environment["__EGL_VENDOR_LIBRARY_FILENAMES"]).read_bytes())
    vulkan = json.loads(Path(environment["VK_DRIVER_FILES"]).read_bytes())
    assert egl["ICD"] == {"library_path": "libc.so.6"}
    assert vulkan["ICD"] == {"library_path": "libm.so.6", "api_version": "1.3.0"}
