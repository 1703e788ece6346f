"""Sources of packages: unpacked without following anything, read, and what a failed log says."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from jetson_kit.app import settings
from jetson_kit.app.source import failures, model, requires, unpack
from jetson_kit.app.source.container import End
from jetson_kit.app.source.model import Source
from jetson_kit.core.errors import (
    BadInputError,
    DiskFullError,
    IntegrityError,
    KitError,
    StepFailedError,
)
from tests.support import sources


def tar(path: Path, *rows: tuple[str, bytes, str]) -> Path:
    """Write an archive of (name, type, what it holds or leads to)."""
    with tarfile.open(path, "w:gz") as archive:
        for name, kind, body in rows:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                info.size = len(body)
                archive.addfile(info, io.BytesIO(body.encode()))
            else:
                info.linkname = body
                archive.addfile(info)
    return path


def test_an_archive_gives_its_package(tmp_path: Path) -> None:
    path = sources.archive(tmp_path, sources.compiled())
    folder = unpack.archive(path, tmp_path / "it")
    assert folder == tmp_path / "it" / "native-1.0"
    assert {item.name for item in folder.iterdir()} >= {"own.py", "native.c", "pyproject.toml"}
    assert unpack.has_native_code(folder)


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out", ".."])
def test_nothing_leaves_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "it").mkdir()
    with pytest.raises(IntegrityError):
        unpack.archive(tar(tmp_path / "x.tar.gz", (name, tarfile.REGTYPE, "x")), tmp_path / "it")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as bundle:
        bundle.writestr(name, "x")
    with pytest.raises(IntegrityError):
        unpack.archive(tmp_path / "x.zip", tmp_path / "it")
    assert not (tmp_path / "out").exists()


def test_links_become_what_they_lead_to_inside_or_nothing(tmp_path: Path) -> None:
    path = tar(
        tmp_path / "x.tar.gz",
        ("x/a", tarfile.REGTYPE, "text"),
        ("x/inside", tarfile.SYMTYPE, "a"),
        ("x/outside", tarfile.SYMTYPE, "/etc/passwd"),
        ("x/folder", tarfile.SYMTYPE, "../.."),
        ("x/pipe", tarfile.FIFOTYPE, ""),
    )
    folder = unpack.archive(path, tmp_path / "it")
    assert sorted(item.name for item in folder.iterdir()) == ["a", "inside"]
    assert (folder / "inside").read_text() == "text"
    assert not (folder / "inside").is_symlink()


@pytest.mark.parametrize("body", [b"", b"PK\3\4", b"\x1f\x8b\x08\0", b"BZh9", b"text" * 500])
@pytest.mark.parametrize("name", ["x.tar.gz", "x.zip", "x.tar.bz2", "x.tar.xz"])
def test_a_damaged_archive_is_one_line(tmp_path: Path, name: str, body: bytes) -> None:
    (tmp_path / name).write_bytes(body)
    with pytest.raises(IntegrityError) as caught:
        unpack.archive(tmp_path / name, tmp_path / "it")
    assert "\n" not in caught.value.line()


def test_a_file_in_place_of_a_folder_is_one_line(tmp_path: Path) -> None:
    rows = (("x", tarfile.REGTYPE, "1"), ("x/y", tarfile.REGTYPE, "2"))
    with pytest.raises(IntegrityError):
        unpack.archive(tar(tmp_path / "x.tar.gz", *rows), tmp_path / "it")


def test_a_folder_is_identified_by_its_files(tmp_path: Path) -> None:
    folder = sources.write(tmp_path / "lib", sources.compiled())
    first = unpack.copy(folder, tmp_path / "copy")
    assert unpack.copy(tmp_path / "copy", None) == first
    sources.write(folder / ".git", {"HEAD": "x"})
    (folder / "requirements-arm64-py3.11.jetson.lock").write_text("x")
    assert unpack.copy(folder, None) == first
    (folder / "native.c").chmod(0o755)
    assert unpack.copy(folder, None) != first


def test_a_link_out_of_a_folder_is_refused(tmp_path: Path) -> None:
    folder = sources.write(tmp_path / "lib", {"setup.py": ""})
    (folder / "data").symlink_to("/etc/passwd")
    with pytest.raises(BadInputError, match="leads out"):
        unpack.copy(folder, None)


@pytest.mark.parametrize(
    ("text", "backend", "needs"),
    [
        ("", requires.LEGACY, requires.LEGACY_REQUIRES),
        ("[build-system]\nrequires = ['x']\n", requires.LEGACY, ("x",)),
        ("[build-system]\nrequires = []\nbuild-backend = 'a.b:c'\n", "a.b:c", ()),
    ],
)
def test_how_a_package_is_built(
    tmp_path: Path, text: str, backend: str, needs: tuple[str, ...]
) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    system = requires.read(tmp_path, "x 1")
    assert (system.backend, system.requires) == (backend, needs)


@pytest.mark.parametrize(
    "text",
    [
        "[build-system", "build-system = 3", "[build-system]\nrequires = [1]\n",
        "[build-system]\nrequires = 3\n", "[build-system]\nbuild-backend = 'os; x'\n",
        "[build-system]\nbuild-backend = ['a']\n", "[build-system]\nbackend-path = ['../x']\n",
        "[build-system]\nbackend-path = ['/x']\n",
    ],
)  # fmt: skip
def test_a_pyproject_that_is_none_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(BadInputError) as caught:
        requires.read(tmp_path, "x 1")
    assert caught.value.line().startswith("error: x 1: ")
    assert "\n" not in caught.value.line()


TARGET = model.Target("bookworm", "arm64", "3.11", "manylinux_2_36", None)


@pytest.mark.parametrize(
    "text",
    [
        "--index-url http://127.0.0.1:9/", "-r secret.txt", "--find-links=/", "-e .", "./folder",
        "x\n--index-url http://127.0.0.1:9/", "x \\", "x --hash=sha256:0", "x # comment", "",
        "x @ file:///etc/passwd", "x @ https://host.invalid/x-1-py3-none-any.whl", "x @ ${HOME}",
        "x @ git+https://host.invalid/x", "/x-1-py3-none-any.whl", "\ud800",
    ],
)  # fmt: skip
def test_what_a_build_needs_is_requirements_alone(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(BadInputError, match="y 1: its build needs ") as caught:
        requires.locked(["setuptools", text], TARGET, ("--no-index",), (), (), "y 1")
    assert "an address" in str(caught.value) or "no requirement" in str(caught.value)
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize(
    "text", ["wheel", "a.b[x,y] >=1,<2", "a==1.*", "a; python_version < '3.9'", "a (>=1)"]
)
def test_a_requirement_of_a_build_stays(text: str) -> None:
    assert requires._requirement(text, "y 1").replace(" ", "").startswith(re.split(r"\W", text)[0])


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("running\na/b.c:3:9: fatal error: x.h: No such file\ncompilation\nerror: command failed",
         "a/b.c:3:9: fatal error: x.h: No such file"),
        ("x.cpp:1: error: no\n", "x.cpp:1: error: no"),
        ("/usr/bin/ld: cannot find -lfoo: No such file\ncollect2: error",
         "/usr/bin/ld: cannot find -lfoo: No such file"),
        ("Traceback (most recent call last):\n  File x\nModuleNotFoundError: No module named 'y'\n",
         "ModuleNotFoundError: No module named 'y'"),
        ("one\nerror: Multiple top-level packages\n\nTo find more, look\n",
         "error: Multiple top-level packages"),
        ("  error: subprocess-exited-with-error\n  no rule to make it\n", "no rule to make it"),
        ("error: subprocess-exited-with-error\nerror: no gcc\nerror: metadata-generation-failed\n",
         "error: no gcc"),
        ("error: x\nValueError: y\n", "ValueError: y"),
        ("one\ntwo\n\n", "two"),
        ("", "it printed nothing"),
        ("\x1b[31mbad\x07\n", "[31mbad"),
    ],
)  # fmt: skip
def test_the_first_error_of_a_log(log: str, line: str) -> None:
    assert failures.first_error(log) == line


APP = ("x", ("python3", "app.py"), "", "")
KILLED = "gcc: fatal error: Killed signal terminated program cc1plus\nerror: command failed\n"
OFFLINE = (
    "x\nurllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>\n"
)


@pytest.mark.parametrize(
    ("end", "log", "kind", "expected"),
    [
        (End(1), KILLED, StepFailedError, "more than 4096 MB of memory"),
        (End(137), "", StepFailedError, "more than 4096 MB of memory"),
        (End(1, "memory"), "", StepFailedError, "raise memory_mb of [build]"),
        (End(-1, "time"), "", StepFailedError, "took more than 3600 s"),
        (End(1), "cc: No space left on device\n", DiskFullError, "no space left for the build"),
        (End(-1, "disk"), "", DiskFullError, "no space left for the build of x 1"),
        (End(1), OFFLINE, StepFailedError, "it needs a network, which a build has not"),
        (End(1), "ModuleNotFoundError: No module named 'a.b'\n", StepFailedError, "that has a.b: "),
        (End(2), "", StepFailedError, "x 1 does not build: it printed nothing"),
    ],
)
def test_why_a_build_failed(
    tmp_path: Path, end: End, log: str, kind: type[KitError], expected: str
) -> None:
    path = tmp_path / "x.log"
    path.write_text(log)
    with pytest.raises(kind) as caught:
        failures.check(Source("x", "1", "index"), end, {}, path, settings.App(tmp_path, *APP))
    assert expected in caught.value.line()
    assert "\n" not in caught.value.line()


def test_a_folder_that_does_not_build_has_no_other_version(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text("error: Multiple top-level packages\n")
    app = settings.App(tmp_path, *APP)
    with pytest.raises(StepFailedError) as caught:
        failures.check(Source("x", "1", "folder", "."), End(1), {}, tmp_path / "x.log", app)
    assert caught.value.cure == "correct the package, or put its wheel into wheels/"


def test_rows_of_a_lock_come_back() -> None:
    rows = (
        Source(
            "a",
            "1",
            "index",
            "",
            "a-1.tar.gz",
            "0" * 64,
            "",
            False,
            (f"b==1 --hash=sha256:{'1' * 64}",),
        ),
        Source("c", "2", "git", "https://host.invalid/c", commit="1" * 40, compiled=True),
    )
    assert model.from_rows(model.to_rows(rows)) == rows


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"name": "a"}', '{"name": "a", "version": "1", "kind": "x", "sha256": "1"}'],
)
def test_a_damaged_row_is_one_line(line: str) -> None:
    with pytest.raises(BadInputError) as caught:
        model.from_rows(f"{model.ROW}{line}\n")
    assert "remove the lock" in caught.value.line()


def test_empty_files_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MOST", 3)
    rows = [(f"p/{number}", tarfile.REGTYPE, "") for number in range(4)]
    with pytest.raises(BadInputError, match="has more than 3 files"):
        unpack.archive(tar(tmp_path / "x.tar.gz", *rows), tmp_path / "it")
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(4):
        (folder / str(number)).touch()
    with pytest.raises(BadInputError, match="has more than 3 files"):
        unpack.copy(folder, None)


def test_a_name_that_no_disk_holds_is_a_damaged_archive(tmp_path: Path) -> None:
    path = tar(tmp_path / "x.tar.gz", ("p/" + "n" * 300, tarfile.REGTYPE, "x"))
    with pytest.raises(IntegrityError, match="no source archive that can be read"):
        unpack.archive(path, tmp_path / "it")


def test_a_page_in_place_of_an_archive_is_said_in_a_few_words(tmp_path: Path) -> None:
    path = tmp_path / "door-1.0.tar.gz"
    path.write_text("<html><body>please log in</body></html>")
    with pytest.raises(IntegrityError) as raised:
        unpack.archive(path, tmp_path / "it")
    assert raised.value.message == (
        "door-1.0.tar.gz is no source archive that can be read: it is none, or cut short"
    )


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as out:
        out.truncate(unpack.LARGEST + 1)
    with pytest.raises(BadInputError, match="more than 2 GiB"):
        unpack.copy(tmp_path, None)


def test_a_name_that_is_no_text_is_copied(tmp_path: Path) -> None:
    folder = tmp_path / "from"
    folder.mkdir()
    (folder / "a\udcff.py").write_text("x")
    assert unpack.copy(folder, tmp_path / "to") == unpack.copy(tmp_path / "to", None)
