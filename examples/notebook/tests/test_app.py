import base64
import subprocess
import sys
from pathlib import Path

import app
import nbformat
import pytest
from nbclient.exceptions import CellExecutionError


def outputs(book, kind):
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    found = [output for cell in cells for output in cell.outputs]
    return [
        one.data[kind] for one in found if one.output_type == "execute_result" and kind in one.data
    ]


def test_every_cell_runs_and_leaves_its_table_and_picture(tmp_path):
    done = subprocess.run(
        [sys.executable, app.__file__, "--output", tmp_path / "it.ipynb"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    book = nbformat.read(tmp_path / "it.ipynb", as_version=4)
    nbformat.validate(book)
    (table,) = outputs(book, "text/markdown")
    (nose,) = [line for line in table.splitlines() if line.startswith("| nose")]
    x, y, _z = map(float, nose.partition("[")[2].partition("]")[0].split(","))
    # In centimetres: the nose is above the hips.
    assert -100 < y < -30
    assert abs(x) < 30
    (picture,) = outputs(book, "image/jpeg")
    assert base64.b64decode(picture).startswith(b"\xff\xd8\xff")


def test_a_cell_that_fails_is_an_error_and_what_ran_before_it_is_there(tmp_path):
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(text) for text in ("print('first')", "1 / 0", "2")]
    nbformat.write(book, tmp_path / "bad.ipynb")
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        app.run(tmp_path / "it.ipynb", tmp_path / "bad.ipynb")
    left = nbformat.read(tmp_path / "it.ipynb", as_version=4)
    assert [len(cell.outputs) for cell in left.cells] == [1, 1, 0]


def test_the_notebook_holds_no_results_of_its_own():
    book = nbformat.read(Path(app.__file__).with_name("landmarks.ipynb"), as_version=4)
    nbformat.validate(book)
    assert not any(cell.get("outputs") for cell in book.cells)
