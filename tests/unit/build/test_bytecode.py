"""Bytecode compiled natively for a first start: what a real Python then does with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.build import bytecode
from jetson_kit.containers.layers import LayerTar

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"opt/lib/python{PYTHON}/site-packages"
FILES = {
    "mediapipe_jetson/__init__.py": "",
    "mediapipe_jetson/first_start.py": "from . import near\nimport numpy as np\n",
    "mediapipe_jetson/near.py": "from mediapipe_jetson.far import thing\nclass A:\n import deep\n",
    "mediapipe_jetson/far.py": "thing = 1\ndef late():\n    import never\n",
    "numpy/__init__.py": "from .core import *\n",
    "numpy/core.py": "",
    "deep.py": "",
    "never.py": "",
    "broken.py": "def",
    "cv2/__init__.py": "import broken\n",
    "cv2/gapi.py": "",
}
IMPORTED = {
    *("mediapipe_jetson/__init__", "mediapipe_jetson/first_start", "mediapipe_jetson/near"),
    *("mediapipe_jetson/far", "numpy/__init__", "numpy/core", "deep", "cv2/__init__", "cv2/gapi"),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))


def layer(folder: Path, name: str = "layer-1.tar") -> Path:
    tar = folder / name
    with LayerTar(tar) as layer_tar:
        for path, text in FILES.items():
            layer_tar.data(f"{SITE}/{path}", text)
    return tar


def test_what_is_imported_is_compiled(tmp_path: Path) -> None:
    folder = bytecode.make([layer(tmp_path)], PYTHON)
    assert folder is not None
    tag = f".{sys.implementation.cache_tag}.pyc"
    result = {str(path.relative_to(folder / SITE)) for path in folder.rglob("*.pyc")}
    assert result == {f"{name}{tag}" for name in IMPORTED}
    assert bytecode.make([tmp_path / "layer-1.tar"], PYTHON) == folder


def test_python_takes_it_in_place_of_the_source(tmp_path: Path) -> None:
    folder = bytecode.make([layer(tmp_path, "layer-2.tar")], PYTHON)
    site = tmp_path / SITE
    for path in FILES:
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text("raise RuntimeError('compiled anew')\n")
    # PYTHONPYCACHEPREFIX mirrors whole paths; an image has its files at the root.
    prefix = tmp_path / "prefix"
    mirror = prefix / site.relative_to("/")
    mirror.parent.mkdir(parents=True)
    mirror.symlink_to(Path(str(folder)) / SITE)
    env = {**os.environ, "PYTHONPATH": str(site), "PYTHONPYCACHEPREFIX": str(prefix)}
    program = "from mediapipe_jetson.far import thing; print(thing)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_another_python_or_no_layer_means_none(tmp_path: Path) -> None:
    assert bytecode.make([layer(tmp_path, "layer-3.tar")], "3.2") is None
    assert bytecode.make([], PYTHON) is None
