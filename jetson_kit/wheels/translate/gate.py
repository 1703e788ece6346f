"""The gate: what of a finished library a core lacks, measured on its bytes, stripped or not.

Each such word has to be data, or lie in a listed function that is chosen at run time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jetson_kit.core.errors import IntegrityError
from jetson_kit.wheels.translate import elf, rewrite, table
from jetson_kit.wheels.translate.exceptions import exemption
from jetson_kit.wheels.translate.rewrite import SEGMENT, Translation
from jetson_kit.wheels.translate.sequences import Ranges


@dataclass(frozen=True)
class Passed:
    """A library in which a core knows every word of code, but for what is chosen at run time."""

    core: str
    level: str
    left: int
    """Words beyond the core, in functions that are chosen at run time."""
    functions: int
    data: int
    """Data words among code that look like them."""


def listing(translation: Translation) -> dict[str, Any]:
    """Return what a translation left, for provenance: functions' ranges by reason; data words."""
    library = elf.read(translation.data)
    rows: dict[str, dict[str, Any]] = {}
    for site in translation.excepted:
        why = exemption(site.function, site.row.feature)
        function = library.function_at(site.address)
        if why is None or function is None:
            raise AssertionError(site)
        row = rows.setdefault(
            why.reason,
            {"reason": why.reason, "evidence": why.evidence, "words": 0, "functions": {}},
        )
        row["words"] += 1
        row["functions"][function.name] = [function.start, function.start + function.size]
    return {"left": list(rows.values()), "data_words": list(translation.data_words)}


def check(data: bytes, core: str, listed: Mapping[str, Any], what: str) -> Passed:
    """Return what is beyond a core in a library. Raises IntegrityError for what is not listed.

    `listed` is what listing() gives.
    """
    library = elf.read(data)
    target = table.core(core)
    if library.section(SEGMENT) is None:
        raise IntegrityError(f"{what} is not translated: it has no section {SEGMENT}")
    allowed = _Listed(listed)
    left = 0
    strange: Counter[str] = Counter()
    for _, address, _, row in rewrite.find_unsupported(library, target):
        if address in allowed:
            left += 1
        else:
            strange[row.name] += 1
    if strange:
        kinds = ", ".join(f"{count} {name}" for name, count in strange.most_common(4))
        raise IntegrityError(
            f"{what} has instructions that {target.level} lacks and that nothing excuses: {kinds}",
            "build the wheel again",
        )
    data_words = len(listed["data_words"])
    functions = sum(len(row["functions"]) for row in listed["left"])
    return Passed(core, target.level, left - data_words, functions, data_words)


class _Listed:
    """Addresses that are listed: in ranges of functions, or single ones."""

    def __init__(self, listed: Mapping[str, Any]) -> None:
        self._single = frozenset(listed["data_words"])
        spans = (span for row in listed["left"] for span in row["functions"].values())
        self._ranges = Ranges((start, stop) for start, stop in spans)

    def __contains__(self, address: int) -> bool:
        return address in self._single or self._ranges.hold(address)
