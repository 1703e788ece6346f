"""migrate of whole projects: files, bytes, what is left alone, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mediapipe_jetson.migrate import project, reach

from jetson_kit.app import migrate
from jetson_kit.core.errors import BadInputError, CheckFailedError
from jetson_kit.core.paths import ROOT
from tests.unit.doctor_scenes import answer, scene
from tests.unit.migrate_cases import (
    HEAD,
    NEW_POSE,
    OLD_HANDS,
    OLD_POSE,
    TASKS,
    after,
    refused,
)


def test_files_that_work_together_are_migrated_or_left_together(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text("def tip(hand): return hand.landmark[8]\n", encoding="utf-8")
    (tmp_path / "alone.py").write_text(HEAD + OLD_POSE, encoding="utf-8")
    main = HEAD + "import tools\n" + OLD_HANDS + "tools.tip(r.multi_hand_landmarks[0])\n"
    (tmp_path / "main.py").write_text(main, encoding="utf-8")
    outcome = project.migrate(tmp_path)
    assert [change.name for change in outcome.changes] == ["alone.py", "main.py", "tools.py"]
    assert outcome.changes[2].after == b"def tip(hand): return hand[8]\n"
    (tmp_path / "main.py").write_text(main + "hands.reset()\n", encoding="utf-8")
    outcome = project.migrate(tmp_path)
    assert [change.name for change in outcome.changes] == ["alone.py"]
    assert {note.file for note in outcome.refused} == {"main.py", "tools.py"}


def test_only_what_has_to_do_with_mediapipe_is_read(tmp_path: Path) -> None:
    contents = {
        "app/main.py": b"from . import view\nimport tools.draw as d\n",
        "app/view.py": b"import mediapipe\nimport maths\n",
        "app/__init__.py": b"",
        "tools/draw.py": b"",
        "maths.py": b"import deeper\n",
        "deeper.py": b"",
        "other.py": b"import nothing\n",
    }
    chosen, reached = reach.reached(contents)
    assert chosen == ["app/main.py", "app/view.py"]
    assert reached == [
        *("app/__init__.py", "app/main.py", "app/view.py"),
        *("deeper.py", "maths.py", "tools/draw.py"),
    ]
    assert reach.reached({"a.py": b"import b\n", "b.py": b""}) == ([], [])
    (tmp_path / "broken.py").write_text("x.solutions = (\n", encoding="utf-8")
    (tmp_path / "program.py").write_text(HEAD + OLD_POSE, encoding="utf-8")
    outcome = project.migrate(tmp_path)
    assert ([change.name for change in outcome.changes], outcome.refused) == (["program.py"], [])


def test_what_stands_elsewhere_keeps_its_bytes(tmp_path: Path) -> None:
    old = (HEAD + "if x:\n\ty = 'ä'   # \ttabs\n\x0c\n" + OLD_POSE).replace("\n", "\r\n")
    program = tmp_path / "program.py"
    program.write_bytes(b"\xef\xbb\xbf" + old.encode())
    (change,) = project.migrate(program).changes
    assert change.after.startswith(b"\xef\xbb\xbfimport mediapipe as mp\r\n")
    assert change.after.count(b"\n") == change.after.count(b"\r\n")
    assert "if x:\r\n\ty = 'ä'   # \ttabs\r\n\x0c\r\n".encode() in change.after


def test_latin_1_stays_latin_1(tmp_path: Path) -> None:
    old = (
        "# -*- coding: latin-1 -*-\n" + HEAD + "y = 'ä'\nz = 'ä', mp.solutions.pose.PoseLandmark\n"
    )
    program = tmp_path / "program.py"
    program.write_bytes(old.encode("latin-1"))
    (change,) = project.migrate(program).changes
    assert f"z = 'ä', {TASKS}.PoseLandmark\n".encode("latin-1") in change.after


ODD = {
    "a syntax error": b"import mediapipe as mp\nmp.solutions.(\n",
    "Python 2": b"import mediapipe as mp\nprint mp.solutions\n",
    "no UTF-8": b"import mediapipe as mp\nmp.solutions  # \xff\n",
    "an unknown encoding": b"# coding: nonsense\nimport mediapipe as mp\nmp.solutions\n",
    "a zero byte": b"import mediapipe as mp\nmp.solutions\0\n",
    "too large": b"import mediapipe as mp\nmp.solutions\n" + b"#" * 4_000_001,
    "too deep": b"import mediapipe as mp\nmp.solutions\n" + b"(" * 5000 + b")" * 5000,
}


@pytest.mark.parametrize("name", ODD)
def test_what_can_not_be_read_is_one_line(name: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_bytes(ODD[name])
    outcome = project.migrate(tmp_path)
    assert (len(outcome.refused), outcome.changes) == (1, [])
    assert program.read_bytes() == ODD[name]


@pytest.mark.parametrize(
    "deep", ["not " * 300 + "x", "x" + ".a()" * 150, "+".join("x" * 300), "[" * 150 + "]" * 150]
)
def test_what_is_nested_deeply_is_migrated(deep: str, tmp_path: Path) -> None:
    assert after(tmp_path, f"{OLD_POSE}y = {deep}\n") == f"{NEW_POSE}y = {deep}\n"


def test_what_is_used_where_it_is_imported_is_refused(tmp_path: Path) -> None:
    text = "import mediapipe as mp; hands = mp.solutions.hands.Hands()\n"
    assert "two of it" in refused(tmp_path, text)[0]
    text = "try:\n    import mediapipe as mp\n    h = mp.solutions.hands.Hands()\nfinally: pass\n"
    assert "two of it" in refused(tmp_path, text)[0]


def test_notebooks_links_and_folders_of_tools(tmp_path: Path) -> None:
    text = HEAD + OLD_POSE
    for name in (".venv/a.py", "node_modules/a.py", ".git/a.py", "build/a.py", "sub/b.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "book.ipynb").write_text('{"cells": ["mp.solutions"]}', encoding="utf-8")
    (tmp_path / "link.py").symlink_to("sub/b.py")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dead.py").symlink_to("nothing")
    outcome = project.migrate(tmp_path)
    assert [change.name for change in outcome.changes] == ["sub/b.py"]
    assert [note.file for note in outcome.refused] == ["book.ipynb", "link.py"]


def test_without_write_nothing_is_written(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(HEAD + OLD_POSE, encoding="utf-8")
    shown = migrate.run(tmp_path, write=False)
    assert program.read_text(encoding="utf-8") == HEAD + OLD_POSE
    assert shown.text.startswith("--- a/program.py\n+++ b/program.py\n@@ ")
    done = subprocess.run(
        ["git", "apply", "--check"], cwd=tmp_path, input=shown.text, text=True, check=False
    )
    assert done.returncode == 0


def test_a_name_that_is_no_text_is_shown_escaped(tmp_path: Path) -> None:
    (tmp_path / "bad\udcff.py").write_text(HEAD + OLD_POSE, encoding="utf-8")
    shown = migrate.run(tmp_path, write=True).text
    shown.encode()
    assert "  bad\\xff.py:5:8: models" in shown


def test_written_files_keep_their_mode_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(HEAD + OLD_POSE, encoding="utf-8")
    program.chmod(0o750)
    migrate.run(tmp_path, write=True).check()
    assert NEW_POSE in program.read_text(encoding="utf-8")
    assert program.stat().st_mode & 0o777 == 0o750
    assert [path.name for path in tmp_path.iterdir()] == ["program.py"]
    # There is nothing to do any more.
    assert migrate.run(tmp_path, write=True).text.startswith("0 files")


def test_a_file_that_changed_meanwhile_stops_all(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(HEAD + OLD_POSE, encoding="utf-8")
    outcome = project.migrate(tmp_path)
    (tmp_path / "b.py").write_text("", encoding="utf-8")
    with pytest.raises(project.MigrateError, match=r"b\.py has changed"):
        project.write(outcome.changes)
    assert (tmp_path / "a.py").read_text(encoding="utf-8") == HEAD + OLD_POSE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "b.py"]


def test_what_will_differ_is_said_at_its_place(tmp_path: Path) -> None:
    text = HEAD + OLD_HANDS + "r.multi_handedness[0].classification[0].label\n"
    (tmp_path / "program.py").write_text(text, encoding="utf-8")
    notes = [str(note) for note in project.migrate(tmp_path).differs]
    topics = {(note.split(":")[1], note.split(":")[3].strip()) for note in notes}
    assert {("5", "models"), ("5", "order"), ("5", "thresholds")} <= topics
    assert {("6", "timestamps"), ("7", "handedness")} <= topics


def test_a_refused_file_ends_with_1_and_a_missing_folder_with_2(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(HEAD + OLD_HANDS + "hands.reset()\n", encoding="utf-8")
    with pytest.raises(CheckFailedError):
        migrate.run(tmp_path, write=True).check()
    with pytest.raises(BadInputError):
        migrate.run(tmp_path / "nothing", write=True)


def test_the_device_wheel_has_the_command(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(HEAD + OLD_POSE, encoding="utf-8")
    source = str(ROOT / "wheels/mediapipe-jetson/src")

    def run(*arguments: str, path: str = source) -> tuple[int, str]:
        command = [sys.executable, "-m", "mediapipe_jetson", "migrate", *arguments]
        variables = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    assert run(str(tmp_path / "nothing"))[0] == 2
    code, text = run(str(tmp_path), "--write")
    assert (code, text.splitlines()[-1]) == (0, "1 file rewritten, 0 refused")
    hidden = tmp_path / "without"
    hidden.mkdir()
    (hidden / "libcst.py").write_text(
        "raise ModuleNotFoundError('no', name='libcst')", encoding="utf-8"
    )
    code, text = run(str(tmp_path), path=f"{hidden}{os.pathsep}{source}")
    assert (code, text.count("\n")) == (3, 1)
    assert "pip install 'mediapipe-jetson[migrate]'" in text


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize(
    "call",
    [
        "face_mesh.FaceMesh(True)", "hands.Hands()", "pose.Pose(model_complexity=1)",
        "face_detection.FaceDetection(0.5)", "selfie_segmentation.SelfieSegmentation(1)",
    ],
)  # fmt: skip
def test_the_doctor_finds_the_gpu_requested_where_it_is(
    tmp_path: Path, call: str, *, gpu: bool
) -> None:
    code = f"import mediapipe as mp\ntask = mp.solutions.{call}\ntask.process(frame)\n"
    (tmp_path / "app.py").write_text(code, encoding="utf-8")
    outcome = project.migrate(tmp_path, gpu=gpu)
    project.write(outcome.changes)
    here = scene(tmp_path / "board", code=tmp_path / "app.py")
    status = answer(here, "gpu-not-requested").result.status
    assert status == ("ok" if gpu else "bad"), (tmp_path / "app.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("first", ["#!/usr/bin/env python3", "#!/usr/bin/python3 -u"])
def test_a_program_without_an_ending_is_migrated(tmp_path: Path, first: str) -> None:
    """ROS installs its nodes so."""
    program = tmp_path / "scripts" / "node"
    program.parent.mkdir()
    program.write_text(f"{first}\n{HEAD}{OLD_POSE}", encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "scripts" / "other").write_text(f"#!/bin/sh\n# {HEAD}mp.solutions\n")
    (tmp_path / "notes").write_text("mediapipe: mp.solutions\n")
    outcome = project.migrate(tmp_path)
    assert [change.name for change in outcome.changes] == ["scripts/node"]
    assert (outcome.refused, outcome.unread) == ([], [])
    project.write(outcome.changes)
    assert NEW_POSE in program.read_text(encoding="utf-8")
    assert program.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["a.pyx", "a.pxd", "a.pyi", "a.py.j2", "a.py.jinja", "A.PYX"])
def test_programs_of_other_kinds_are_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(HEAD + OLD_POSE, encoding="utf-8")
    (tmp_path / f"none{Path(name).suffix}").write_text("x = 1\n", encoding="utf-8")
    outcome = project.migrate(tmp_path)
    (note,) = outcome.refused
    assert (note.file, outcome.changes, outcome.unread) == (name, [], [])
    assert "are not rewritten" in note.text
