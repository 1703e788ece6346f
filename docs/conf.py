"""Sphinx's settings: the pages of docs/ and of the root as a site, as docs/index.md orders them."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

CONTRIBUTING = Path(__file__).parent.with_name("CONTRIBUTING.md")
project = "MediaPipe Jetson Kit"
copyright = "the authors of MediaPipe Jetson Kit"  # Sphinx's name
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
include_patterns = ["docs/**", "examples/*.md", "*.md"]
# It is what visitors of the repository see; docs/index.md is the site's first page.
exclude_patterns = ["README*.md", ".venv", "dist"]
root_doc = "docs/index"
html_theme = "furo"
html_title = project
html_static_path = ["site.css"]
html_css_files = ["site.css"]
myst_heading_anchors = 4
# "--jetson" in a sentence must stay two hyphens: readers copy it.
smartquotes = False
# Links to sources and folders lead to no page; the linters check that they lead somewhere.
suppress_warnings = ["myst.xref_missing"]


def contents(_app: Sphinx, name: str, source: list[str]) -> None:
    """Give the first page tables of contents: for each part the pages that it links to."""
    if name != root_doc:
        return
    for part in source[0].split("\n## ")[1:]:
        links = re.findall(r"\]\(([\w./-]+)\.md\)", part)
        pages = [
            link.removeprefix("../") if link.startswith("../") else f"docs/{link}" for link in links
        ]
        if "CONTRIBUTING" in pages:
            guides = re.findall(r"docs/contributing/[\w-]+", CONTRIBUTING.read_text("utf-8"))
            after = pages.index("CONTRIBUTING") + 1
            pages[after:after] = guides
        rows = "\n".join(f"/{page}" for page in dict.fromkeys(pages))
        caption = part.partition("\n")[0]
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{rows}\n```\n"


def setup(app: Sphinx) -> None:
    """Connect the table of contents."""
    app.connect("source-read", contents)
