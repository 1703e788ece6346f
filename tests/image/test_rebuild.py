"""Same inputs, same layers; one changed file moves one layer; nothing changed, no work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT
from jetson_kit.wheels import device_wheel
from tests.image.kit import NEEDS, Image, inv

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
IMAGE_ONLY = """
import json, sys
from pathlib import Path
from jetson_kit.build import images, plan, request
from jetson_kit.containers import engine
from jetson_kit.core.progress import Progress
made = images.image_only(plan.make(request.Request(jetson=True)), Progress(quiet=True),
                         device_source=Path(sys.argv[1]))
print(json.dumps([made.id, engine.diff_ids(made)]))
"""


def image_only(source: Path = device_wheel.SOURCE, **env: str) -> tuple[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", IMAGE_ONLY, str(source)],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document: tuple[str, list[str]] = json.loads(done.stdout)
    return document


def test_a_build_from_nothing_gives_the_same_image(jetson: Image, scratch: Path) -> None:
    image_id, diff_ids = image_only(KIT_CACHE=str(scratch / "cache"))
    assert diff_ids == jetson.diff_ids
    assert image_id == jetson.id


def test_one_changed_file_moves_the_last_layers_only(jetson: Image, tmp_path: Path) -> None:
    source = tmp_path / "device"
    shutil.copytree(device_wheel.SOURCE, source)
    with (source / "src/mediapipe_jetson/__init__.py").open("a") as out:
        out.write("\n# changed\n")
    try:
        image_only(source)
        with (source / "src/mediapipe_jetson/__init__.py").open("a") as out:
            out.write("\n# changed again\n")
        image_id, diff_ids = image_only(source)
        assert image_id != jetson.id
        assert diff_ids[:-2] == jetson.diff_ids[:-2]
        assert diff_ids[-2] != jetson.diff_ids[-2]
        assert diff_ids[-1] == jetson.diff_ids[-1]
    finally:
        image_only()


def test_nothing_changed_nothing_done(jetson: Image) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in jetson.folder.iterdir()}
    done = inv("build", "--jetson", "--json", "--output", str(jetson.folder))
    assert done.returncode == 0
    assert "nothing changed" in done.stderr
    assert done.stdout == (jetson.folder / "manifest.json").read_text()
    after = {path.name: path.stat().st_mtime_ns for path in jetson.folder.iterdir()}
    assert after == before


@pytest.mark.parametrize("name", ["sbom.cdx.json", "manifest.json", ""])
def test_what_is_missing_from_the_output_is_made_again(jetson: Image, name: str) -> None:
    lost = jetson.folder / name if name else jetson.archive
    before = lost.read_bytes()
    lost.unlink()
    if name == "manifest.json":
        lost.write_text("{}")
    done = inv("build", "--jetson", "--json", "--no-start", "--output", str(jetson.folder))
    assert done.returncode == 0, done.stderr
    assert "nothing changed" not in done.stderr
    if name != "manifest.json":
        assert lost.read_bytes() == before
    assert json.loads(done.stdout)["archive"] == jetson.manifest["archive"]
