"""Sphinx's settings: the pages of docs/ and of the root as a site, as docs/index.md orders them."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

CONTRIBUTING = Path(__file__).parent.with_name("CONTRIBUTING.md")
project = "MediaPipe Jetson Kit"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
include_patterns = ["docs/**", "examples/*.md", "*.md"]
# It is what visitors of the repository see; docs/index.md is the site's first page.
exclude_patterns = ["README*.md", ".venv", "dist"]
root_doc = "docs/index"
html_theme = "furo"
html_title = project
myst_heading_anchors = 4
# Links to sources and folders lead to no page; the linters check that they lead somewhere.
suppress_warnings = ["myst.xref_missing"]


def contents(_app: Sphinx, name: str, source: list[str]) -> None:
    """Give the first page a table of contents: the pages that it links to, in its order."""
    if name != root_doc:
        return
    links = re.findall(r"\]\(([\w./-]+)\.md\)", source[0])
    pages = [
        link.removeprefix("../") if link.startswith("../") else f"docs/{link}" for link in links
    ]
    guides = CONTRIBUTING.read_text(encoding="utf-8")
    more = ["CONTRIBUTING", *re.findall(r"docs/contributing/[\w-]+", guides)]
    rows = "\n".join(f"/{page}" for page in dict.fromkeys([*pages, *more]))
    source[0] += f"\n```{{toctree}}\n:hidden:\n\n{rows}\n```\n"


def setup(app: Sphinx) -> None:
    """Connect the table of contents."""
    app.connect("source-read", contents)
