"""An application of one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.app import settings
from jetson_kit.app.settings import App


@pytest.fixture
def app(tmp_path: Path) -> App:
    """Return it; its name, which is its folder's, is `it`."""
    folder = tmp_path / "it"
    folder.mkdir()
    (folder / "app.py").write_text("print(1)\n")
    return settings.load(folder)
