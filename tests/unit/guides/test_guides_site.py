"""The site of docs/, by Sphinx: every page is there, and its contents are in reading order."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.paths import ROOT
from jetson_kit.guides import site

pytestmark = [pytest.mark.network, pytest.mark.slow]


def test_every_page_is_on_it(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    first = site.build(folder).read_text(encoding="utf-8")
    pages = sorted(path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md"))
    assert pages
    assert [page for page in pages if not (folder / page).with_suffix(".html").exists()] == []
    contents = re.findall(r'class="toctree-l1"><a[^>]*href="([^"]+)"', first)
    listed = [(ROOT / "docs" / link).resolve().with_suffix(".md") for link in contents]
    assert {ROOT / page for page in pages} - {*listed} == {ROOT / "docs" / "index.md"}
    assert contents[:2] == ["quickstart.html", "targets.html"]


def test_a_warning_fails_and_leaves_the_old_site(tmp_path: Path) -> None:
    root, folder = tmp_path / "kit", tmp_path / "site"
    (root / "docs").mkdir(parents=True)
    for name in ("conf.py", "site.css"):
        shutil.copy(ROOT / "docs" / name, root / "docs")
    (root / "CONTRIBUTING.md").write_text("# Contributing\n")
    (root / "docs" / "index.md").write_text(
        "# Index\n\n## Part\n\n[a](a.md), [b](../CONTRIBUTING.md)\n"
    )
    (root / "docs" / "a.md").write_text("# A\n")
    site.build(folder, root)
    (root / "docs" / "b.md").write_text("# A page that none links to\n")
    with pytest.raises(StepFailedError, match="building the site"):
        site.build(folder, root)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert (folder / "docs" / "a.html").exists()
    assert not (folder / "docs" / "b.html").exists()
