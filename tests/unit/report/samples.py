"""Reports for the page: real ones from real/, changed copies, and one like a board's."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tests.unit.verify import samples as sample

FOLDER = Path(__file__).parent / "real"
REAL = ("software", "cpu", "broken")
Document = dict[str, Any]


def real(name: str) -> Document:
    document: Document = json.loads((FOLDER / f"{name}.json").read_text())
    return document


def put(folder: Path, name: str, document: Document, now_s: float, age_s: float = 60.0) -> Path:
    """Write a report made `age_s` ago."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**document, "time_s": now_s - age_s}))
    return path


def board() -> Document:
    """Return a report on observations that are derived from a board's documents, not recorded."""
    observed = sample.orin()
    recorded = real("software")["observations"]["tasks"]["FaceLandmarker"]
    for name in ("run", "cpu"):
        observed[name]["result"] = recorded[name]["result"]
        observed[name]["picture"] = recorded[name]["picture"]
    return sample.report_on(FaceLandmarker=observed)


def another_run(document: Document, number: int = 0) -> Document:
    """Return the report of another run: no two take the same time."""
    result = copy.deepcopy(document)
    for task in result["observations"]["tasks"].values():
        task["run"]["times_s"]["import"] = 2.125 + number
    return result


def everywhere(value: Any, change: Callable[[str], str]) -> Any:
    """Return a copy with every text changed but those by which a reader finds its way."""
    if isinstance(value, dict):
        return {key: everywhere(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [everywhere(item, change) for item in value]
    return change(value) if isinstance(value, str) else copy.deepcopy(value)


class Page(HTMLParser):
    """Every tag and attribute of a page, and its visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def values(self, *names: str) -> list[str]:
        """Return the values of attributes, wherever they are."""
        return [
            value or "" for _, held in self.tags for name, value in held.items() if name in names
        ]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())
