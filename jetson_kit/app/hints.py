"""What to write in place of programs and packages that no image of the kit can have."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from packaging.utils import canonicalize_name

DATA = Path(__file__).with_name("hints.toml")


def of_program(name: str) -> str:
    """Return what stands for a program that is no image's; "" where nothing is known of it."""
    return _rows("programs").get(name, "")


def of_package(name: str) -> str:
    """Return what stands for a Python package; "" where nothing is known of it."""
    return _rows("packages").get(canonicalize_name(name), "")


def in_reason(text: str) -> str:
    """Return what stands for the first package of the table that a resolver's reason names."""
    rows = _rows("packages")
    found = [name for name in rows if re.search(rf"(?<![\w.-]){name}(?![\w-])", text)]
    return rows[found[0]] if found else ""


@cache
def _rows(table: str) -> dict[str, str]:
    rows: dict[str, str] = tomllib.loads(DATA.read_text(encoding="utf-8"))[table]
    return rows
