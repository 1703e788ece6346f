"""Links between the project's own pages: each file and each heading that one names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from jetson_kit.core.paths import ROOT

PLACES = ("*.md", "docs/**/*.md", "examples/**/*.md", "wheels/*/*.md", "ansible/**/*.md")
# Where a reader, and the site, finds every page.
LISTS = ("docs/index.md", "CONTRIBUTING.md")
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def pages(root: Path = ROOT) -> list[Path]:
    """Return all pages, in order."""
    return sorted({path for place in PLACES for path in root.glob(place)})


def problems(root: Path = ROOT) -> list[str]:
    """Return each link that leads nowhere, a line each."""
    return [line for page in pages(root) for line in _problems(page, root)]


def unlisted(root: Path = ROOT) -> list[str]:
    """Return each page of docs/ to which no list of pages links, a line each."""
    listed = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in (root / name for name in LISTS)
        for link in links(page.read_text(encoding="utf-8"))
    }
    paths = sorted({*(root / "docs").rglob("*.md")} - {root / LISTS[0]})
    return [
        f"{page.relative_to(root)}: none of {', '.join(LISTS)} links to it"
        for page in paths
        if page.resolve() not in listed
    ]


def _problems(page: Path, root: Path) -> Iterator[str]:
    name = page.relative_to(root)
    for link in links(page.read_text(encoding="utf-8")):
        if OUTSIDE.match(link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.is_relative_to(root.resolve()):
            yield f"{name}: {link} leads out of the project"
        elif not target.exists():
            yield f"{name}: {link} is not there"
        elif anchor and target.suffix == ".md" and anchor not in _anchors_of(target):
            yield f"{name}: {link}: no such heading"


def _anchors_of(page: Path) -> set[str]:
    return anchors(page.read_text(encoding="utf-8"))


def links(text: str) -> list[str]:
    """Return the targets of a page's links and pictures; targets in code are left out."""
    return LINK.findall(CODE.sub("``", FENCE.sub("", text)))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and GitLab make them."""
    result: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = 0
        while (unique := f"{slug}-{number}" if number else slug) in result:
            number += 1
        result.add(unique)
    return result
