"""A bundle's program: what it runs, and what it does where it can't be used."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from jetson_kit.bundle import build, older, payload
from jetson_kit.bundle.older import Older
from jetson_kit.bundle.program import graphics, measure, unpack
from jetson_kit.core.paths import ROOT
from tests.unit.bundle.bundle_runs import LIBRARY, MODEL, PYTHON, left, one_line, run


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


def test_kept_files_are_used_again(made: Callable[..., Path]) -> None:
    pyz = made()
    assert run(pyz, "--keep", "info").returncode == 1
    files = left(pyz)
    assert files
    for part in pyz.parent.glob("*.bin"):
        part.unlink()
    assert run(pyz, "--keep", "info").returncode == 1
    assert left(pyz) == files


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
    ("arguments", "code", "says"),
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
    made: Callable[..., Path], arguments: tuple[str, ...], code: int, says: str
) -> None:
    pyz = made()
    assert says in one_line(run(pyz, *arguments), code)
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

    def stops(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        raise KeyboardInterrupt(*arguments)

    with pytest.raises(KeyboardInterrupt):
        measure.measure(stops, output, tmp_path, brief=True, report=lambda _: None)
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
