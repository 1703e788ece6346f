"""What of a project can't be read is named with a reason that needs no knowledge of Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mediapipe_jetson.doctor import programs, sources
from mediapipe_jetson.doctor.files import kinds, reading

from jetson_kit.core.paths import ROOT
from jetson_kit.doctor import local
from jetson_kit.wheels import device_wheel
from tests.unit.doctor_scenes import answer, lines, plant, scene

OURS = "import mediapipe as mp\n"
FILES: dict[str, tuple[bytes, str]] = {
    "python2.py": (f"{OURS}print mp\n".encode(), "line 2: it is Python 2"),
    "utf16.py": (OURS.encode("utf-16"), "it is UTF-16, which Python does not run"),
    "unmarked.py": (OURS.encode("utf-16-le"), "it is UTF-16, which Python does not run"),
    "latin.py": (f"{OURS}x = 'ä'\n".encode("latin-1"), "it is not UTF-8 and names no other"),
    "coding.py": (f"# coding: nonsense\n{OURS}".encode(), "does not know: nonsense"),
    "zero.py": (f"{OURS}\0".encode(), "it has zero bytes"),
    "open.py": (f"{OURS}x = (\n".encode(), "a bracket is not closed"),
    "text.py": (f"{OURS}x = 'a\n".encode(), "a text is not closed"),
    "deep.py": (OURS.encode() + b"(" * 5000 + b")" * 5000, "it is nested too deeply"),
    "empty.ipynb": (b"", "line 1: it is not valid JSON"),
    "cells.ipynb": (b'{"x": "mediapipe"}', "it has no list of cells"),
    "numbers.ipynb": (b'{"cells": [{"cell_type": "code", "source": [1]}]}', "cell 1 holds no text"),
    "cell.ipynb": (
        b'{"cells": [{"cell_type": "code", "source": "import mediapipe\\nx = ("}]}',
        "cell 1, line 2: no program",
    ),
    "pyproject.toml": (b'[project\nname = "mediapipe"', "line 1: it is not valid TOML"),
    "poetry.lock": (b"[[package", "it is not valid TOML"),
    "Pipfile.lock": (b"{", "line 1: it is not valid JSON"),
    "compose.yml": (b"services:\n\t- a: mediapipe", "line 2: it is not valid YAML"),
    "environment.yml": (b"dependencies: [a: b: c", "line 1: it is not valid YAML"),
}
PYTHONS_OWN = (
    "Expecting value", "codec", "invalid syntax", "never closed", "expected str", "NoneType",
    "Errno", "Missing parentheses", "unterminated", "at line", "(char", "not allowed here",
)  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_the_reason_is_plain(tmp_path: Path, name: str) -> None:
    content, why = FILES[name]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "app.py").write_text(OURS, encoding="utf-8")
    result = answer(scene(tmp_path / "board", code=tmp_path), "legacy-api")
    assert result.result.status == "unknown"
    (line,) = [text for text in lines(result).splitlines() if name in text]
    assert f"not read: {name} (" in line
    assert why in line
    assert [phrase for phrase in PYTHONS_OWN if phrase in line] == []


def test_all_that_was_not_read_is_listed(tmp_path: Path) -> None:
    for name, (content, _) in FILES.items():
        (tmp_path / name).write_bytes(content)
    for cause in ("legacy-api", "old-requirement", "project-python", "gpu-not-requested"):
        result = lines(answer(scene(tmp_path / "board", code=tmp_path), cause))
        assert {name for name in FILES if f"not read: {name} (" not in result} == set()


def test_utf_16_notebooks_and_lists_are_read(tmp_path: Path) -> None:
    book = '{"cells": [{"cell_type": "code", "source": "import mediapipe\\nmediapipe.solutions"}]}'
    (tmp_path / "book.ipynb").write_bytes(book.encode("utf-16"))
    (tmp_path / "requirements.txt").write_bytes("mediapipe==0.10.9\n".encode("utf-16"))
    here = scene(tmp_path / "board", code=tmp_path)
    assert "book.ipynb: cell 1, line 2" in lines(answer(here, "legacy-api"))
    assert "requirements.txt:1" in lines(answer(here, "old-requirement"))


CODE = """\
import sys
from pathlib import Path
from mediapipe_jetson.doctor.sources import Scan
from mediapipe_jetson.migrate import project
folder = Path(sys.argv[1])
print([(item.file, item.why) for item in Scan(folder).unread])
print([(item.file, item.text) for item in project.migrate(folder).unread])
"""


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111])
def test_a_folder_that_does_not_show_what_is_in_it(tmp_path: Path, mode: int) -> None:
    shut = tmp_path / "shut"
    shut.mkdir()
    (shut / "a.py").write_text(OURS)
    (tmp_path / "b.py").write_text(OURS)
    shut.chmod(mode)
    # Root sees all, but for one that gave its rights up.
    rights = "--bounding-set=-dac_override,-dac_read_search,-fowner"
    less = ["setpriv", rights] if os.geteuid() == 0 and shutil.which("setpriv") else []
    try:
        done = subprocess.run(
            [*less, sys.executable, "-c", CODE, tmp_path],
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{device_wheel.PACKAGE}"},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        shut.chmod(0o755)
    assert done.stdout == "[('shut/', \"it can't be opened: permission denied\")]\n" * 2, (
        done.stderr
    )


def test_a_folder_with_too_many_files_is_read_up_to_a_place_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "FILES_MOST", 3)
    for name in ("a.py", "b.py", "c.py", "d.py"):
        (tmp_path / name).write_text(OURS)
    result = answer(scene(tmp_path / "board", code=tmp_path), "legacy-api")
    assert result.result.status == "unknown"
    where = f"from {tmp_path / 'd.py'} on none was read; name the program's own"
    assert f"it has more than 3 files: {where}" in lines(result)


def test_reading_ends_after_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LOADING_MOST_S", -1.0)
    (tmp_path / "a.py").write_text(OURS)
    result = answer(scene(tmp_path / "board", code=tmp_path), "legacy-api")
    assert result.result.status == "unknown"
    assert f"reading it took longer than -1 s: from {tmp_path / 'a.py'} on none" in lines(result)


def test_files_that_tell_nothing_hide_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "FILES_MOST", 2)
    files = {f"data/labels/{number}.txt": "0 0.5 0.5\n" for number in range(200)}
    files |= {f"data/{number}.jpg": OURS for number in range(200)}
    files |= {"src/main.py": OURS, "src/requirements.txt": "mediapipe==0.8.1\n"}
    plant(tmp_path, files)
    scan = sources.Scan(tmp_path)
    assert ([item.text for item in scan.requirements], scan.unread) == (["mediapipe==0.8.1"], [])


def test_pictures_are_not_opened(tmp_path: Path) -> None:
    for name in ("0.JPG", "1.png", "2.mp4", "3.tflite", "a.py"):
        (tmp_path / name).write_text(OURS)
    opened = list(kinds.files(tmp_path, lambda _: None))
    assert opened == [tmp_path / "a.py"]


def test_of_a_file_without_text_only_the_beginning_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a\0b" * 4000)
    assert reading.content(path, text=True) == b""
    assert len(reading.content(path)) == 12_000
    path.write_bytes("mediapipe".encode("utf-16") * 1000)
    assert len(reading.content(path, text=True)) == 20_000


def test_of_very_many_programs_the_imports_are_read_by_their_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "PARSED_MOST", 1)
    (tmp_path / "app.py").write_text(OURS)
    (tmp_path / "b.py").write_text("import strange\n")
    (tmp_path / "c.py").write_text("if True:\n    from stranger import x\n")
    result = lines(answer(scene(tmp_path / "board", code=tmp_path), "legacy-api"))
    assert "packages were not looked into: strange, stranger" in result


def test_what_takes_long_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.py").write_text(OURS)
    monkeypatch.setattr(local, "NOTICE_AFTER_S", 600.0)
    local.local(tmp_path)
    assert "reading" not in capsys.readouterr().err
    monkeypatch.setattr(local, "NOTICE_AFTER_S", 0.01)
    local.local(tmp_path)
    assert f"reading {tmp_path}" in capsys.readouterr().err
