"""Compares targets.toml with a markdown table of releases, one row of it for one or several.

The table's columns are found by name: L4T, JetPack, Ubuntu, Python, glibc, kernel, CUDA, cuDNN,
TensorRT, modules, conf.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.reasons import why
from jetson_kit.targets.table import Target, Targets, version_key

COLUMNS = ("L4T", "JetPack", "Ubuntu", "Python", "glibc", "kernel", "CUDA", "cuDNN", "TensorRT")
VERSION = re.compile(r"\d+(?:\.\d+)+")
FAMILIES = {"TX1": "TX1/Nano", "TX2": "TX2", "Xavier": "Xavier", "Orin": "Orin", "Thor": "Thor"}


def facts_rows(path: Path) -> dict[str, dict[str, str]]:
    """Return the table's rows by release. Raises BadInputError if there is no such table."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {why(error)}", "name a markdown file") from error
    rows: dict[str, dict[str, str]] = {}
    names: list[str] = []
    before: dict[str, str] = {}
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        heads = [cell.split(" ")[0] for cell in cells]
        if set(COLUMNS) <= set(heads):
            names = heads
        elif not line.startswith("|"):
            names = []
        elif names and VERSION.match(cells[0]) and len(cells) == len(names):
            row = dict(zip(names, cells, strict=True))
            if row["modules"].startswith("same"):
                row["modules"] = before["modules"]
            before = row
            rows |= dict.fromkeys(_releases(cells[0]), row)
    if not rows:
        raise BadInputError(f"{path} has no table of releases", f"its heads are {COLUMNS}")
    return rows


def _releases(cell: str) -> Iterator[str]:
    """Yield each release of "32.7.4 / .5 / .6", "38.2.0/.1/.2", "34.1 / 34.1.1"."""
    last = ""
    for word in re.findall(r"[\d.]+", cell):
        last = f"{last.rsplit('.', 1)[0]}{word}" if word.startswith(".") else word
        yield last if last.count(".") == 2 else f"{last}.0"


def differences(table: Targets, rows: dict[str, dict[str, str]]) -> list[str]:
    """Return every difference as one line, releases older than the table's first left out."""
    known = {item.l4t: item for item in table.all}
    first = version_key(table.all[0].l4t)
    result = [
        f"target {release}: is in the facts and not in the table"
        for release in rows
        if version_key(release) >= first and release not in known
    ]
    for release, item in known.items():
        if release in rows:
            result += _row(item, rows[release])
        else:
            result.append(f"target {release}: is in the table and not in the facts")
    return result


def _row(item: Target, row: dict[str, str]) -> Iterator[str]:
    for head in COLUMNS[2:]:
        value = getattr(item, head.lower())
        if not _same(value, row[head]):
            yield f'target {item.l4t}: {head} is "{value}", facts: {row[head]}'
    if not _same_jetpack(item, row["JetPack"]):
        yield f'target {item.l4t}: JetPack is "{item.jetpack}", facts: {row["JetPack"]}'
    if row["conf"] != item.confidence:
        yield f"target {item.l4t}: confidence is {item.confidence}, facts: {row['conf']}"
    # "+ Orin NX" adds to the row before it, so the families of that one go on.
    requested = {family for word, family in FAMILIES.items() if word in row["modules"]}
    families = {soc.family for soc in item.socs}
    if not requested <= families or (not row["modules"].startswith("+") and _closed(row, families)):
        yield f"target {item.l4t}: modules are of {sorted(families)}, facts: {row['modules']}"


def _closed(row: dict[str, str], families: set[str]) -> bool:
    """Return whether the table has a family that a complete cell of the facts does not name."""
    if "last for" in row["modules"]:
        return False
    return any(
        family in families and word not in row["modules"] for word, family in FAMILIES.items()
    )


def _same(value: str, cell: str) -> bool:
    """Return whether a version is one that the cell gives; "x" there leaves the rest open."""
    if not value:
        return cell == "-"
    if "->" in cell:
        return any(_same(value, part.strip()) for part in cell.split("->"))
    given = re.match(r"[\d.]+", cell)
    return given is not None and given[0].rstrip(".") == value


def _same_jetpack(item: Target, cell: str) -> bool:
    """Return whether the JetPack is one of the cell's: "4.6.4 / .5", "5.0 / 5.0.1 DP", "6.0"."""
    names: list[str] = []
    for word in re.findall(r"(?<![\w-])\.?\d[\d.]*", cell.partition("(")[0]):
        names.append(f"{names[-1].rsplit('.', 1)[0]}{word}" if word.startswith(".") else word)
    number, _, extra = item.jetpack.partition(" ")
    stated = next((mark for mark in ("DP", "EA", "rev1") if re.search(rf"\b{mark}\b", cell)), "")
    return number in names and extra == stated
