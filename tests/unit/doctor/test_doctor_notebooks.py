"""Notebooks' magics: cells and statements that are Python behind them, and those that are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.doctor_scenes import judged, lines

USE = "import mediapipe as mp\nhands = mp.solutions.hands.Hands()\n"


def book(*cells: str) -> dict[str, str]:
    """Return a project that is a notebook of these cells."""
    entries = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return {"book.ipynb": json.dumps({"cells": entries})}


@pytest.mark.parametrize(
    "head",
    [
        "%%time",
        "%%capture",
        "%%capture out --no-stderr",
        "%%timeit -n 1 -r 1",
        "%%prun -s cumulative",
        "%%memit",
        "\n%%time",
        "%%capture\n%%time",
        "%%python3",
        "%%writefile app.py",
        "%%writefile -a src/app.py",
        "%%file 'app.py'",
    ],
)
def test_cells_whose_rest_is_python(tmp_path: Path, head: str) -> None:
    answer = judged(tmp_path, book("import os", f"{head}\n{USE}"))["legacy-api"]
    assert answer.result.status == "bad", lines(answer)
    assert f"cell 2, line {head.count(chr(10)) + 3}" in lines(answer)


@pytest.mark.parametrize(
    "head",
    ["%%html", "%%javascript", "%%bash", "%%writefile a.txt", "%%writefile a.py.txt", "%%sql x"],
)
def test_cells_that_are_no_python(tmp_path: Path, head: str) -> None:
    answer = judged(tmp_path, book("import os", f"{head}\n{USE}<p>\n"))["legacy-api"]
    assert answer.result.status == "ok", lines(answer)


@pytest.mark.parametrize(
    "line",
    [
        "%time hands = mp.solutions.hands.Hands()",
        "%prun mp.solutions.hands.Hands()",
        "if True:\n    %timeit mp.solutions.hands.Hands()",
    ],
)
def test_statements_behind_a_magic(tmp_path: Path, line: str) -> None:
    answer = judged(tmp_path, book(f"import mediapipe as mp\n{line}\n"))["legacy-api"]
    assert answer.result.status == "bad", lines(answer)


@pytest.mark.parametrize(
    "line",
    ["%time", "%timeit -n 1 f()", "%time !ls", "%matplotlib inline", "os?", "os.path??", "?os"],
)
def test_magics_that_are_no_statement(tmp_path: Path, line: str) -> None:
    answer = judged(tmp_path, book(f"%%time\nimport os\n{line}\n"))["legacy-api"]
    assert answer.result.status == "ok", lines(answer)


@pytest.mark.parametrize(
    "line", ["pip install mediapipe==0.10.9", "!pip install mediapipe==0.10.9"]
)
@pytest.mark.parametrize("head", ["%%capture", "%%time", "%%bash", "import os"])
def test_what_cells_install_behind_a_magic(tmp_path: Path, head: str, line: str) -> None:
    line = line.lstrip("!") if head == "%%bash" else line
    answer = judged(tmp_path, book(f"{head}\n{line}\n"), device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)
    assert "cell 1, line 2" in lines(answer)


def test_a_written_program_is_imported(tmp_path: Path) -> None:
    written = (
        "%%writefile helper.py\nimport mediapipe as mp\ndef face():\n    return mp.solutions\n"
    )
    cell = "import helper\nhelper.face().face_mesh.FaceMesh()\n"
    answer = judged(tmp_path, book(written, cell))["legacy-api"]
    assert answer.result.status == "bad", lines(answer)
    assert "not looked into: helper" not in lines(answer)
    assert "cell 2, line 2" in lines(answer)


def test_a_file_of_the_project_counts_for_more_than_a_written_one(tmp_path: Path) -> None:
    files = book("%%writefile app.py\nimport os\n") | {"app.py": USE, "zoo.py": "import app\n"}
    answer = judged(tmp_path, files)["legacy-api"]
    assert "app.py:2" in lines(answer)


def test_a_notebook_saved_as_a_program_is_read(tmp_path: Path) -> None:
    text = (
        "# -*- coding: utf-8 -*-\n!pip install -q mediapipe==0.10.14\n%matplotlib inline\n"
        "import mediapipe as mp\nif True:\n    !ls\nhands = mp.solutions.hands.Hands()\n"
    )
    result = judged(tmp_path, {"colab.py": text}, device="orin")
    assert [item.place() for item in result["old-requirement"].result.findings] == ["colab.py:2"]
    assert result["legacy-api"].result.findings[0].place() == "colab.py:7"
    assert not [line for line in lines(result["legacy-api"]).splitlines() if "not read" in line]
