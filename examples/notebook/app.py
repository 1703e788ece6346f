"""Runs landmarks.ipynb from top to bottom, and writes it with its results."""

import argparse
import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

NOTEBOOK = Path(__file__).with_name("landmarks.ipynb")
OUTPUT = os.environ.get("NOTEBOOK_OUTPUT", "landmarks.result.ipynb")
CELL_S = 300


def run(output, notebook=NOTEBOOK):
    """Run a notebook; what ran before a cell failed is written, too. Raises CellExecutionError."""
    book = nbformat.read(notebook, as_version=4)
    client = NotebookClient(book, timeout=CELL_S, kernel_name="python3")
    try:
        client.execute(cwd=str(notebook.parent))
    finally:
        nbformat.write(book, output)
    return book


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default=OUTPUT, metavar="FILE", help="default: %(default)s")
    words = parser.parse_args()
    try:
        run(words.output)
    except CellExecutionError as error:
        sys.exit(f"error: a cell failed: {error.ename}: {error.evalue}")
    except (CellTimeoutError, DeadKernelError, OSError) as error:
        sys.exit(f"error: {error}")
    print(f"{words.output}: every cell ran")


if __name__ == "__main__":
    main()
