"""What to write in place of programs and packages that no image of the kit can have."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

DATA = Path(__file__).with_name("hints.toml")


def of_program(name: str) -> str:
    """Return what stands for a program that is no image's; "" where nothing is known of it."""
    return _rows("programs").get(name, "")


@cache
def _rows(table: str) -> dict[str, str]:
    rows: dict[str, str] = tomllib.loads(DATA.read_text(encoding="utf-8"))[table]
    return rows
