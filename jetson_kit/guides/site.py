"""The guides as a web site, by Sphinx with MyST; docs/conf.py has the settings."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from jetson_kit.core import environments, output_folder
from jetson_kit.core.files import disk_guard
from jetson_kit.core.paths import ROOT
from jetson_kit.core.run import run

FIRST = Path("docs", "index.html")


def build(folder: Path, root: Path = ROOT) -> Path:
    """Write the site into `folder`, whole or not at all; return its first page.

    A warning is a failure: StepFailedError. Raises as jetson_kit.core.environments besides.
    """
    sphinx = environments.python("docs").with_name("sphinx-build")
    output_folder.recover(folder)
    with (
        disk_guard(folder.parent),
        tempfile.TemporaryDirectory(prefix="kit-docs-") as trees,
        output_folder.replaced(folder) as aside,
    ):
        run(
            [
                *(sphinx, "--quiet", "--fail-on-warning", "--keep-going", "--builder", "html"),
                *("--conf-dir", root / "docs", "--doctree-dir", trees, root, aside),
            ],
            what="building the site",
            env={"PATH": os.environ["PATH"], "HOME": trees, "LC_ALL": "C.UTF-8"},
        )
    return folder / FIRST
