"""Where tables and keys stand in a TOML file: tomllib keeps no lines."""

from __future__ import annotations

import re
from collections import defaultdict

HEADER = re.compile(r"\s*\[(\[?)\s*(\w+)\s*\]?\]")


def of(text: str) -> dict[tuple[str, int, str], int]:
    """Return the line of each table (name, number, "") and of each of its keys."""
    result: dict[tuple[str, int, str], int] = {}
    count: dict[str, int] = defaultdict(int)
    table, number = "", -1
    for line, content in enumerate(text.splitlines(), 1):
        header = HEADER.match(content)
        if header:
            table, number = header[2], count[header[2]]
            count[table] += 1
            result[table, number, ""] = line
        elif (key := content.partition("=")[0].strip()) and "=" in content:
            result.setdefault((table, number, key), line)
    return result
