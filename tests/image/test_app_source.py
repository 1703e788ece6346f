"""Packages of which there is only source: built in the builder's container, and what goes wrong."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker.models.containers import Container

from jetson_kit.app import base_packages, fit, lock, settings, system
from jetson_kit.app.base_packages import BasePackages
from jetson_kit.app.fit import Image
from jetson_kit.app.source import fetch
from jetson_kit.app.source.model import Built, Target
from jetson_kit.app.source.wheels import Builds
from jetson_kit.containers import engine, outside, owned
from jetson_kit.core.errors import (
    BadInputError,
    DiskFullError,
    IntegrityError,
    KitError,
    StepFailedError,
    ToolMissingError,
)
from jetson_kit.core.files import sha256_file
from jetson_kit.core.machine import host_arch
from jetson_kit.core.paths import ROOT
from jetson_kit.debian import rootfs
from jetson_kit.emulation import cores
from tests.image.kit import NEEDS
from tests.support import sources
from tests.unit import small_index

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
Maker = Callable[..., Builds]
NOTHING = BasePackages((), {}, "manylinux_2_36")
WAIT_S = 120
ABSENT = sources.PYPROJECT.replace('"own"', '"absent.api"')
# Each is the body of build_wheel(out, ...).
HANGS = "    import time; time.sleep(600)"
FETCHES = "    import urllib.request; urllib.request.urlopen('http://mirror.invalid/x')"
EATS = "    whole = [bytearray(64 << 20) for _ in range(64)]"
FILLS = "    open('/tmp/x', 'wb').write(bytes(300 << 20))"
GIVES_NONE = "    return 'native-1.0-py3-none-any.whl'"
LINKS = "    import os; os.symlink('/etc/passwd', f'{out}/native-1.0-py3-none-any.whl')"
PIPES = "    import os; os.mkfifo(f'{out}/result.json'); os._exit(0)"
MOVES = "    import os; os.rename(out, f'{out}.x'); os.symlink('/etc', out)"
OTHERS = "    open(f'{out}/other-1.0-py3-none-any.whl', 'w').close()"
DAMAGED = "    open(f'{out}/native-1.0-py3-none-any.whl', 'w').close()"
STARS = "    print('word ' * 4_000_000)"


def backend(body: str) -> dict[str, str]:
    """Return a package whose build does one thing."""
    head = "def build_wheel(out, config_settings=None, metadata_directory=None):"
    return sources.own(f"{head}\n{body}\n")


@pytest.fixture
def builds(tmp_path: Path) -> Iterator[Maker]:
    """Return what makes Builds for an application, by default for this machine."""

    def make(files: dict[str, str], toml: str = "", arch: str = "") -> Builds:
        folder = sources.write(tmp_path / "app", {"app.py": "", "jetson.toml": toml})
        (folder / "requirements.txt").write_text("native @ ./native\n", encoding="utf-8")
        # Other bytes than any that were built before.
        sources.write(folder / "native", {**files, "stamp": f"{time.time_ns()}"})
        target = Target("bookworm", arch or host_arch(), "3.11", "manylinux_2_36", None)
        return Builds(settings.load(folder), target)

    yield make
    assert containers(os.getpid()) == []


def containers(pid: int) -> list[Container]:
    """Return the builder's containers of a process."""
    every = engine.client().containers.list(
        all=True, filters={"label": f"{owned.STARTED_BY}={pid}"}, ignore_removed=True
    )
    return [item for item in every if str(item.name).startswith("mediapipe-jetson-builder")]


def built(own: Builds) -> Built:
    result = own.build(fetch.of_folder(own.app.folder, "native", "native"))
    assert result is not None
    return result


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def test_the_same_source_is_built_once_and_gives_the_same_files(builds: Maker) -> None:
    own = builds(sources.compiled())
    first = built(own)
    assert (first.pure, first.source.version) == (False, "1.0")
    before = members(first.wheel)
    when = first.wheel.stat().st_ctime_ns
    assert built(own) == first
    assert first.wheel.stat().st_ctime_ns >= when
    first.wheel.unlink()
    assert members(built(own).wheel) == before


def test_a_wheel_for_any_machine_is_built_without_emulation(builds: Maker) -> None:
    own = replace(builds(sources.own(sources.PURE), arch="arm64"), emulation=False)
    assert built(own).pure


@pytest.mark.skipif(host_arch() == "arm64", reason="nothing is emulated there")
def test_what_would_be_compiled_under_emulation_is_refused_by_name(builds: Maker) -> None:
    own = replace(builds(sources.compiled(), arch="arm64"), emulation=False)
    with pytest.raises(BadInputError) as caught:
        lock.make(own.app, NOTHING, "arm64", "3.11", builds=own)
    assert "line 1 names a source, which would be compiled under emulation" in caught.value.line()
    assert not lock.path_of(own.app, "arm64", "3.11").exists()


@pytest.mark.skipif(host_arch() == "arm64", reason="nothing is emulated there")
def test_all_that_would_be_compiled_is_named_with_what_has_a_wheel(
    builds: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = replace(builds({}, arch="arm64"), emulation=False)
    place = tmp_path / "index"
    place.mkdir()
    for name in ("native", "second"):
        files = {**sources.compiled(), "stamp": f"{time.time_ns()}"}
        sources.archive(place, files, f"{name}-1.0")
    base_packages.write_empty_wheel(place, "second", "0.9")
    small_index.renew(place)
    (own.app.folder / "requirements.txt").write_text("native\nsecond>=1\n", encoding="utf-8")
    with small_index.served(place) as address:
        for variable, value in small_index.environment(address).items():
            monkeypatch.setenv(variable, value)
        with pytest.raises(BadInputError) as caught:
            lock.make(own.app, NOTHING, "arm64", "3.11", builds=own)
    line = caught.value.line()
    assert "native 1.0, second 1.0 have no wheel for aarch64-manylinux_2_36" in line
    assert "with a wheel there is second==0.9: take it, or build without --no-emulation" in line
    assert not lock.path_of(own.app, "arm64", "3.11").exists()


@pytest.mark.skipif(host_arch() == "arm64", reason="nothing is emulated there")
def test_without_qemu_the_cure_is_named(builds: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "BINFMT", Path("/absent"))
    monkeypatch.setattr(outside, "likely", lambda: False)
    with pytest.raises(ToolMissingError) as caught:
        built(builds(sources.compiled(), arch="arm64"))
    assert "run ./inv build as root once" in caught.value.line()


@pytest.mark.parametrize(
    ("files", "toml", "kind", "expected"),
    [
        (
            sources.compiled("int x = ;\n"), "", StepFailedError,
            "native 1.0 does not build: native.c:1:9: error: expected expression before",
        ),
        (
            sources.compiled("#include <absent.h>\n"), "", StepFailedError,
            "name the Debian package that has absent.h: [build] debian in jetson.toml",
        ),
        (
            sources.compiled(libraries=("-labsent",)), "", StepFailedError,
            "name the Debian package that has libabsent: [build] debian",
        ),
        (
            {**backend(GIVES_NONE), "pyproject.toml": ABSENT}, "", StepFailedError,
            "its build backend can't be loaded (No module named 'absent')",
        ),
        (
            backend("    import numpy"),
            "",
            StepFailedError,
            "name the package that has numpy: [build] requires in jetson.toml",
        ),
        (backend(FETCHES), "", StepFailedError, "it needs a network, which a build has not"),
        (
            backend(HANGS), "[build]\ntimeout_s = 2\n", StepFailedError,
            "took more than 2 s and was ended",
        ),
        (
            backend(EATS), "[build]\nmemory_mb = 256\n", StepFailedError,
            "took more than 256 MB of memory",
        ),
        (backend(FILLS), "", DiskFullError, "no space left for the build of native"),
        (backend(GIVES_NONE), "", StepFailedError, "its build gave no wheel"),
        (backend(LINKS), "", StepFailedError, "its build gave no wheel"),
        (backend(PIPES), "", StepFailedError, "its build gave no wheel"),
        (backend(MOVES), "", StepFailedError, "does not build: OSError: [Errno 16]"),
        (backend(OTHERS), "", StepFailedError, "gave a wheel of other 1.0"),
        (backend(DAMAGED), "", StepFailedError, "its build gave a damaged wheel"),
        (backend("    raise SystemExit(3)"), "", StepFailedError, "does not build: "),
        (backend("    1 / 0"), "", StepFailedError, "does not build: ZeroDivisionError: division"),
    ],
)  # fmt: skip
def test_a_build_that_fails_is_one_line(
    builds: Maker, files: dict[str, str], toml: str, kind: type[KitError], expected: str
) -> None:
    own = builds(files, toml)
    with pytest.raises(kind) as caught:
        lock.make(own.app, NOTHING, host_arch(), "3.11", builds=own)
    line = caught.value.line()
    assert expected.replace("native 1.0", "native") in line
    assert "\n" not in line
    assert "Traceback" not in line
    assert not lock.path_of(own.app, host_arch(), "3.11").exists()


def test_a_disk_that_fills_ends_the_build(builds: Maker) -> None:
    own = replace(builds(backend(HANGS)), reserve=1 << 60)
    with pytest.raises(DiskFullError) as caught:
        built(own)
    assert "no space left for the build of native" in caught.value.line()


def test_a_log_has_a_limit(builds: Maker) -> None:
    with pytest.raises(StepFailedError) as caught:
        built(builds(backend(f"{STARS}\n    raise ValueError('the end')")))
    line = caught.value.line()
    path = Path(line.partition("its log is ")[2].partition(";")[0])
    assert "ValueError: the end" in line
    assert 1 << 20 < path.stat().st_size < 6 << 20


def test_a_private_index_shows_its_password_nowhere(
    builds: Maker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = builds({})
    files = {**sources.own(sources.PURE), "stamp": f"{time.time_ns()}"}
    place = tmp_path / "index"
    place.mkdir()
    sources.archive(place, files)
    small_index.renew(place)
    with small_index.served(place, "me:geheim") as address, caplog.at_level(logging.DEBUG):
        text = f"--index-url {address.replace('://', '://me:geheim@')}\nnative\n"
        (own.app.folder / "requirements.txt").write_text(text, encoding="utf-8")
        result = lock.make(own.app, NOTHING, host_arch(), "3.11", builds=own)
        second = lock.make(own.app, NOTHING, host_arch(), "3.11", builds=own)
    assert result.pins == ("native==1.0",)
    assert (result.fresh, second.fresh, second.built) == (True, False, result.built)
    assert f"sha256:{sha256_file(place / 'native-1.0.tar.gz')}" in result.text
    for shown in (result.text, caplog.text, repr(result.built)):
        assert "geheim" not in shown


@pytest.mark.parametrize("kind", ["url", "git", "folder"])
def test_other_places_of_a_source(builds: Maker, tmp_path: Path, kind: str) -> None:
    own = builds({})
    files = {**sources.own(sources.PURE), "stamp": f"{time.time_ns()}"}
    place = sources.write(tmp_path / "place", files)
    archive = sources.archive(tmp_path, files)
    shutil.copyfile(archive, own.app.folder / archive.name)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x.invalid", "-C", str(place)]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"], ["tag", "v1"]):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    with small_index.served(tmp_path, "me:geheim") as address:
        server = address.replace("://", "://me:geheim@").removesuffix("simple/")
        line = {
            "url": f"native @ {server}{archive.name} ; python_version > '3'",
            "git": f"git+file://{place}@v1",
            "folder": f"./{archive.name}",
        }[kind]
        (own.app.folder / "requirements.txt").write_text(f"{line}\n", encoding="utf-8")
        result = lock.make(own.app, NOTHING, host_arch(), "3.11", builds=own)
    (wheel,) = result.built
    assert (wheel.source.kind, result.pins) == (kind, ("native==1.0",))
    assert "geheim" not in result.text
    # Nothing is fetched again: the server is gone.
    assert lock.make(own.app, NOTHING, host_arch(), "3.11", builds=own).built == (wheel,)


def test_a_hash_of_requirements_holds_for_a_source(
    builds: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = builds({})
    place = tmp_path / "index"
    place.mkdir()
    path = sources.archive(place, {**sources.own(sources.PURE), "stamp": f"{time.time_ns()}"})
    small_index.renew(place)
    line = f"native==1.0 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{'1' * 64}\n"
    (own.app.folder / "requirements.txt").write_text(line, encoding="utf-8")
    with small_index.served(place) as address:
        for variable, value in small_index.environment(address).items():
            monkeypatch.setenv(variable, value)
        with pytest.raises(IntegrityError) as caught:
            lock.make(own.app, NOTHING, host_arch(), "3.11", builds=own)
        assert f"native-1.0.tar.gz of the index has sha256 {sha256_file(path)}" in str(caught.value)
        right = line.replace("1" * 64, sha256_file(path))
        (own.app.folder / "requirements.txt").write_text(right, encoding="utf-8")
        assert lock.make(own.app, NOTHING, host_arch(), "3.11", builds=own).built


@pytest.mark.skipif(host_arch() == "arm64", reason="nothing is emulated there")
def test_a_library_of_debian_is_there_to_build_with_and_to_run(
    builds: Maker, tmp_path: Path
) -> None:
    head = "#include <Python.h>\n#include <sodium.h>"
    code = sources.MODULE_C.replace("#include <Python.h>", head)
    code = code.replace("FromLong(42)", "FromLong(sodium_library_version_major())")
    toml = '[build]\ndebian = ["libsodium-dev"]\n[debian]\npackages = ["libsodium23"]\n'
    own = builds(sources.compiled(code, ("-lsodium",)), toml, arch="arm64")
    with zipfile.ZipFile(built(own).wheel) as bundle:
        bundle.extractall(tmp_path / "site")
    layer = system.make(own.app, rootfs.build("runtime", "bookworm", "arm64"))
    assert layer is not None
    core = cores.core("cortex-a76")
    with pytest.raises(BadInputError) as caught:
        fit.check(tmp_path / "site", Image("bookworm", "arm64", core, ()))
    assert "native 1.0 needs libsodium.so.23" in caught.value.line()
    fit.check(tmp_path / "site", Image("bookworm", "arm64", core, (), layer.tar))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_is_ended_leaves_nothing(
    builds: Maker, tmp_path: Path, number: signal.Signals
) -> None:
    own = builds(backend(HANGS))
    arguments = [
        "build",
        "--jetson",
        "--app",
        str(own.app.folder),
        "--output",
        str(tmp_path / "it"),
    ]
    with subprocess.Popen(
        [sys.executable, str(ROOT / "tasks.py"), *arguments],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        try:
            until = time.monotonic() + WAIT_S
            while not any(item.status == "running" for item in containers(run.pid)):
                assert run.poll() is None, run.stderr.read() if run.stderr else ""
                assert time.monotonic() < until
                time.sleep(0.2)
            run.send_signal(number)
            _, output = run.communicate(timeout=WAIT_S)
        finally:
            run.kill()
    assert "Traceback" not in output
    assert run.returncode == (130 if number == signal.SIGINT else -number)
    # What was killed could not clean up: the next build does.
    owned.remove_left()
    assert containers(run.pid) == []
    assert not (tmp_path / "it").exists()
    assert not list(own.app.folder.glob("*.jetson.lock"))
