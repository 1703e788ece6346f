"""migrate --write where a file can't be written: all files or none, nothing left beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mediapipe_jetson.migrate import project

from jetson_kit.app import migrate
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from tests.unit.migrate_cases import HEAD, NEW_POSE, OLD_POSE

OLD = HEAD + OLD_POSE
NAMES = ("a.py", "sub/b.py", "z.py")
# Each makes one fault in the folder $1 and leaves the rest to the command.
FAULTS = {
    "a name that can't be replaced": 'mount --bind "$1/sub/b.py" "$1/sub/b.py"',
    "a read-only disk below": 'mount --bind "$1/sub" "$1/sub"; mount -o remount,ro,bind "$1/sub"',
    "a full disk below": (
        'cp "$1/sub/b.py" "$1/keep"; mount -t tmpfs -o size=16k none "$1/sub";'
        ' mv "$1/keep" "$1/sub/b.py"; cat /dev/zero >"$1/sub/zeros" 2>/dev/null || true'
    ),
}
RESULTS = {
    "a name that can't be replaced": (7, "device or resource busy"),
    "a read-only disk below": (2, "its disk is mounted read-only"),
    "a full disk below": (6, "no space is left on its disk"),
}
SCRIPT = """
set -e
{fault}
cd "$1"
code=0
"$2" -m mediapipe_jetson migrate "$1" --write || code=$?
cat {names}
ls -A "$1" "$1/sub"
exit $code
"""


def programs(folder: Path) -> None:
    (folder / "sub").mkdir()
    for name in NAMES:
        (folder / name).write_text(OLD, encoding="utf-8")


@pytest.mark.parametrize("fault", FAULTS)
def test_all_files_or_none(tmp_path: Path, fault: str) -> None:
    programs(tmp_path)
    space = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount"]
    script = SCRIPT.format(fault=FAULTS[fault], names=" ".join(NAMES))
    done = subprocess.run(
        [*space, "sh", "-c", script, "-", str(tmp_path), sys.executable],
        env={**os.environ, "PYTHONPATH": str(ROOT / "wheels/mediapipe-jetson/src")},
        capture_output=True,
        text=True,
        check=False,
    )
    code, reason = RESULTS[fault]
    assert done.stderr == f"error: sub/b.py can't be written: {reason}; no file was changed\n"
    assert (done.returncode, done.stdout.count(OLD)) == (code, 3)
    assert ".migrate-" not in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_read_only_file_is_named_before_any_is_written(tmp_path: Path, name: str) -> None:
    programs(tmp_path)
    (tmp_path / name).chmod(0o444)
    with pytest.raises(BadInputError, match=rf"^{name} can't be written: it is read-only; no file"):
        migrate.run(tmp_path, write=True)
    assert {(tmp_path / item).read_text(encoding="utf-8") for item in NAMES} == {OLD}
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.py", "b.py", "sub", "z.py"]


def test_owner_and_mode_stay(tmp_path: Path) -> None:
    programs(tmp_path)
    (tmp_path / "a.py").chmod(0o640)
    if os.geteuid() == 0:
        os.chown(tmp_path / "a.py", 1234, 2345)
    before = (tmp_path / "a.py").stat()
    migrate.run(tmp_path, write=True)
    after = (tmp_path / "a.py").stat()
    assert NEW_POSE in (tmp_path / "a.py").read_text(encoding="utf-8")
    assert (before.st_mode, before.st_uid, before.st_gid) == (
        after.st_mode,
        after.st_uid,
        after.st_gid,
    )


def test_a_stop_between_two_files_puts_the_first_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(tmp_path)
    outcome = project.migrate(tmp_path)
    rename, names = Path.replace, []

    def replace(path: Path, target: Path) -> Path:
        names.append(target.name)
        if len(names) == 2:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        project.write(outcome.changes)
    assert names == ["a.py", "b.py", "a.py", "b.py"]
    assert {(tmp_path / item).read_text(encoding="utf-8") for item in NAMES} == {OLD}
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.py", "b.py", "sub", "z.py"]


UNREAD = {
    "UTF-16": ("import mediapipe as mp\nmp.Image\n".encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": ("import mediapipe as mp\n".encode("utf-16-be"), "UTF-16"),
    "Latin-1": (b"import mediapipe as mp\nx = '\xe4'\n", "not UTF-8 and names no other encoding"),
    "Python 2": (b"import mediapipe\nprint 'x'\n", "Python 2"),
    "an unknown encoding": (b"# coding: nonsense\nimport mediapipe\n", "does not know: nonsense"),
    "a zero byte": (b"import mediapipe\n\0\n", "zero bytes"),
    "an open bracket": (b"import mediapipe\nx = (\n", "a bracket is not closed"),
    "wrong indentation": (b"import mediapipe\nif x:\ny = 1\n", "wrong indentation"),
    "large": (b"import mediapipe\n" + b"#" * 4_000_001, "larger than 4000000 bytes"),
    "mentioned late": (b"#" * 4_000_001 + b"\nimport mediapipe\n", "larger than 4000000 bytes"),
}
NOTEBOOKS = {
    "cut short": (b'{"cells": ["import mediapipe"', "line 1: it is not valid JSON"),
    "no JSON": (b"import mediapipe\n", "line 1: it is not valid JSON"),
    "deep": (b'{"cells": "import mediapipe", "x": ' + b"[" * 100_000, "nested too deeply"),
    "Latin-1": (b'{"x": "import mediapipe \xff"}', "not UTF-8"),
}


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [(f"{key}.py", *value) for key, value in UNREAD.items()]
    + [(f"{key}.ipynb", *value) for key, value in NOTEBOOKS.items()],
    ids=[*UNREAD, *(f"notebook: {key}" for key in NOTEBOOKS)],
)
def test_what_was_not_read_is_named_with_the_reason(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "program.py").write_text(OLD, encoding="utf-8")
    outcome = project.migrate(tmp_path)
    (note,) = outcome.unread
    assert (note.file, outcome.refused) == (name, [])
    assert why in note.text
    assert [change.name for change in outcome.changes] == ["program.py"]
    shown = migrate.run(tmp_path, write=False)
    assert shown.text.endswith("1 file to rewrite (--write does it), 0 refused, 1 not read\n")
    assert f"not read:\n  {note}\n" in shown.text


def test_old_code_as_utf_16_and_a_large_notebook_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(OLD.encode("utf-16"))
    (tmp_path / "b.ipynb").write_bytes(
        b'{"png": "' + b"A" * 4_000_001 + b'", "cells": ["mp.solutions"]}'
    )
    (tmp_path / "c.ipynb").write_bytes('{"cells": ["mp.solutions"]}'.encode("utf-16"))
    outcome = project.migrate(tmp_path)
    assert [note.file for note in outcome.refused] == ["a.py", "b.ipynb", "c.ipynb"]
    assert outcome.unread == []
