"""The first start of a build: left out, made up for, and of an image that does not infer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jetson_kit.build import plan, smoke
from jetson_kit.build.request import Request
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.progress import Progress
from tests.image.kit import NEEDS, Image, docker, inv

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
MODEL = "/opt/mediapipe/models/face_landmarker.task"
MODULE = "/opt/mediapipe/lib/python3.11/site-packages/numpy/__init__.py"


def test_it_can_be_left_out_and_made_up_for(tmp_path: Path) -> None:
    arguments = ("build", "--jetson", "--json", "--output", str(tmp_path / "out"))
    left_out = json.loads(inv(*arguments, "--no-start").stdout)
    first = left_out["first_start"]
    assert (first["how"], first["inference"], first["selftest"]) == ("not started", "not run", None)
    assert "--no-start" in first["inference_reason"]
    second = inv(*arguments, "--no-start")
    assert "nothing changed" in second.stderr
    assert json.loads(second.stdout) == left_out
    done = inv(*arguments)
    document = json.loads(done.stdout)
    assert "nothing changed" in done.stderr
    assert (document["first_start"]["how"], document["first_start"]["inference"]) == (
        "emulated",
        "ok",
    )
    assert document == {**left_out, "first_start": document["first_start"]}
    assert json.loads((tmp_path / "out" / "manifest.json").read_text()) == document
    shown = inv("build", "--jetson", "--output", str(tmp_path / "out")).stdout
    assert "emulated cortex-a76" in shown
    assert "478 landmarks" in shown


@pytest.mark.parametrize(
    ("path", "expected"),
    [(MODEL, "does not infer: no model"), (MODULE, "ended with [0-9]+: error: [A-Za-z]+Error: ")],
    ids=["model", "module"],
)
def test_an_image_that_does_not_work_is_refused(jetson: Image, path: str, expected: str) -> None:
    removal = f"import os; os.remove({path!r})"
    result = docker(
        *("run", "--detach", "--user", "0", "--platform", "linux/arm64", jetson.id),
        *("python3", "-c", removal),
    )
    name = result.stdout.strip()
    try:
        assert docker("wait", name).stdout == "0\n"
        image = docker("commit", name).stdout.strip()
        try:
            planned = plan.make(Request(jetson=True))
            with pytest.raises(StepFailedError, match=expected):
                smoke.start(planned, image, Progress(quiet=True))
        finally:
            docker("rmi", image)
    finally:
        docker("rm", "--force", name)
