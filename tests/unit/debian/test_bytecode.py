"""Compiled files in layers: what a real Python then does with them."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from jetson_kit.containers.layers import LayerTar
from jetson_kit.core.errors import NetworkError, StepFailedError
from jetson_kit.core.files import extract_tar
from jetson_kit.debian import bytecode, native_python
from jetson_kit.debian.bytecode import Compiler
from jetson_kit.debian.native_python import Command
from tests.unit.this_python import VERSION, ThisPython

SITE = f"opt/lib/python{VERSION}/site-packages"
FILES = {
    "tool/__init__.py": "from tool import near\n",
    "tool/near.py": "VALUE = {'a', 'b', 'c'} | {'d'}\ndef late():\n    return 'near'\n",
    "tool/old.py": "print 'of Python 2'\n",
    "tool/tests/test_near.py": "",
}
MAIN = "import tool.near; print(tool.near.late(), tool.near.late.__code__.co_filename)"


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compiler:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    return Compiler(ThisPython("trixie", VERSION, "1"))


def unpacked(folder: Path, compiler: Compiler, files: dict[str, str] = FILES) -> Path:
    """Write a layer and unpack it; return its folder of packages."""
    folder.mkdir(exist_ok=True)
    tar = folder / "layer.tar"
    with LayerTar(tar, compiler) as layer:
        for path, text in files.items():
            layer.data(f"{SITE}/{path}", text)
    with tarfile.open(tar) as archive:
        extract_tar(archive, folder / "tree")
    return folder / "tree" / SITE


def run(site: Path, code: str = MAIN) -> subprocess.CompletedProcess[str]:
    # Without PYTHONDONTWRITEBYTECODE a wrong file would be mended unseen.
    environment = {"PYTHONPATH": str(site), "PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, "-B", "-v", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )


def test_python_loads_them_and_names_the_file_that_is_there(
    tmp_path: Path, compiler: Compiler
) -> None:
    site = unpacked(tmp_path, compiler)
    done = run(site)
    assert done.stdout == f"near {site}/tool/near.py\n"
    for name in ("__init__", "near"):
        assert f"code object from '{site}/tool/__pycache__/{name}.cpython-" in done.stderr


def test_a_source_that_was_replaced_is_compiled_anew(tmp_path: Path, compiler: Compiler) -> None:
    site = unpacked(tmp_path, compiler)
    near = site / "tool" / "near.py"
    before = near.stat()
    near.write_text(near.read_text().replace("'near'", "'mine'"))  # as long as it was
    os.utime(near, ns=(before.st_atime_ns, before.st_mtime_ns))
    done = run(site)
    assert done.stdout.startswith("mine ")


def test_only_what_is_listed_and_is_python_of_this_version(
    tmp_path: Path, compiler: Compiler
) -> None:
    site = unpacked(tmp_path, compiler)
    compiled = {path.name.partition(".")[0] for path in site.rglob("*.pyc")}
    assert compiled == {"__init__", "near"}


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("usr/lib/python3.11/typing.py", True),
        ("usr/lib/python3.11/turtle.py", False),
        ("usr/lib/python3.11/asyncio/typing.py", False),
        ("usr/lib/python3/dist-packages/gi/__init__.py", True),
        ("opt/mediapipe/lib/python3.11/site-packages/numpy/_core/numeric.py", True),
        ("opt/mediapipe/lib/python3.11/site-packages/numpy/f2py/rules.py", False),
        ("usr/share/doc/typing.py", False),
    ],
)
def test_which_files(compiler: Compiler, path: str, taken: bool) -> None:
    assert compiler.takes(path) == taken


def test_the_bytes_of_a_file_depend_on_no_other(
    tmp_path: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = {"tool/near.py": FILES["tool/near.py"]}
    alone = unpacked(tmp_path / "alone", compiler, near)
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "other cache"))
    beside = unpacked(tmp_path / "beside", compiler)
    name = f"tool/__pycache__/near.cpython-{VERSION.replace('.', '')}.pyc"
    assert (alone / name).read_bytes() == (beside / name).read_bytes()


def test_what_was_compiled_is_not_compiled_again(
    tmp_path: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked(tmp_path / "1", compiler)
    monkeypatch.setattr(bytecode, "run", lambda *_, **__: pytest.fail("compiled again"))
    unpacked(tmp_path / "2", compiler)


def test_what_was_damaged_in_the_cache_is_compiled_again(
    tmp_path: Path, compiler: Compiler
) -> None:
    whole = unpacked(tmp_path / "1", compiler)
    for path in (tmp_path / "cache" / "bytecode").glob("*/*"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    second = unpacked(tmp_path / "2", compiler)
    for path in whole.rglob("*.pyc"):
        assert path.read_bytes() == (second / path.relative_to(whole)).read_bytes()


def damaged(python: ThisPython, tries: int) -> ThisPython:
    """Return a Python that runs only after it was unpacked so often."""
    left = [tries]

    class Damaged(ThisPython):
        def command(self) -> Command:
            if self._folder.exists():
                return Command(("/bin/false",), self._folder, locked=True)
            self._folder.mkdir(parents=True)
            left[0] -= 1
            works = super().command()
            return works if not left[0] else Command(("/bin/false",), works.folder, locked=True)

    return Damaged(python.suite, python.version, python.package)


def test_a_damaged_python_is_unpacked_again(tmp_path: Path, compiler: Compiler) -> None:
    python = ThisPython("trixie", VERSION, "1")
    assert run(unpacked(tmp_path, Compiler(damaged(python, 2)))).stdout.startswith("near ")


def test_a_python_that_never_runs_is_named(tmp_path: Path, compiler: Compiler) -> None:
    python = ThisPython("trixie", VERSION, "1")
    with pytest.raises(StepFailedError, match="compiling the image's Python files"):
        unpacked(tmp_path, Compiler(damaged(python, 3)))


def test_a_python_is_unpacked_before_it_is_needed() -> None:
    requested, whole = threading.Event(), threading.Event()

    class Slow(ThisPython):
        def command(self) -> Command:
            requested.set()
            assert whole.wait(60)
            return super().command()

    Compiler(Slow("trixie", VERSION, "1")).begin()
    assert requested.wait(60)
    whole.set()


@pytest.mark.parametrize("fault", [StepFailedError("x"), NetworkError("x")])
def test_what_is_wrong_before_a_python_is_needed_shows_when_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))

    class Broken(ThisPython):
        def command(self) -> Command:
            raise fault

    broken = Compiler(Broken("trixie", VERSION, "1"))
    broken.begin()
    with pytest.raises(type(fault)):
        unpacked(tmp_path / "image", broken)


def test_a_cache_where_nothing_can_be_run(tmp_path: Path, compiler: Compiler) -> None:
    class Forbidden(ThisPython):
        def command(self) -> Command:
            return Command((tmp_path,), tmp_path, locked=True)

    with pytest.raises(StepFailedError, match="no program can be run") as caught:
        unpacked(tmp_path / "1", Compiler(Forbidden("trixie", VERSION, "1")))
    assert "KIT_CACHE" in caught.value.cure


def test_what_another_python_compiled_is_not_kept(tmp_path: Path, compiler: Compiler) -> None:
    class Newest(ThisPython):
        def command(self) -> Command:
            return Command(super().command().arguments, self._folder, locked=False)

    site = unpacked(tmp_path, Compiler(Newest("trixie", VERSION, "1")))
    assert run(site).stdout.startswith("near ")
    assert not list((tmp_path / "cache" / "bytecode").glob("*/*"))


@pytest.mark.parametrize(
    "deep", ["if x:\n pass\n" + "elif x:\n pass\n" * 5000, "y = " + "-" * 9999 + "1"]
)
def test_a_file_that_is_too_deep_gets_none(tmp_path: Path, compiler: Compiler, deep: str) -> None:
    site = unpacked(tmp_path, compiler, {**FILES, "tool/deep.py": deep})
    assert {path.name.partition(".")[0] for path in site.rglob("*.pyc")} == {"__init__", "near"}


@pytest.mark.parametrize(("suite", "python"), [("bookworm", "3.11"), ("trixie", "3.13")])
def test_each_suite_of_images_has_one(suite: str, python: str) -> None:
    assert native_python.of(suite, python) is not None
    assert native_python.of(suite, "3.2") is None


@pytest.mark.network
@pytest.mark.parametrize(("suite", "python"), [("bookworm", "3.11"), ("trixie", "3.13")])
def test_debians_python_runs_here(suite: str, python: str) -> None:
    result = native_python.of(suite, python)
    assert result is not None
    code = "import sys; print(sys.version.split()[0], sys.flags.no_site, sys.prefix)"
    command = [*result.command().arguments, "-c", code]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=True)
    version, no_site, prefix = done.stdout.split()
    assert version == result.package.partition("-")[0]
    assert no_site == "1"
    assert "native-python" in prefix
