"""Each template of `app.new`, as it is written: its own tests here and in its arm64 image."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.app_testing import scaffold
from tests.image.kit import NEEDS, docker, inv

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]


@pytest.mark.parametrize("template", scaffold.templates())
def test_a_template_passes_its_own_tests(template: str, tmp_path: Path) -> None:
    folder = tmp_path / f"kit-test-{template}"
    assert inv("app.new", str(folder), "--template", template).returncode == 0
    done = inv("test.app", str(folder), "--output", str(tmp_path / "out"))
    docker("rmi", "-f", f"mediapipe-jetson:r36.4.4-kit-test-{template}")
    assert done.returncode == 0, done.stdout + done.stderr
    runs = ("native: ", "emulated: ")
    summaries = [
        line.partition(",")[0] for line in done.stdout.splitlines() if line.startswith(runs)
    ]
    assert summaries == ["native: passed", "emulated: passed on r36.4.4"]
