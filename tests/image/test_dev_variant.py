"""The variant `dev`: a Dockerfile FROM it installs packages by pip, under user emulation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.image.conftest import build
from tests.image.kit import NEEDS, docker, inv
from tests.unit.small_wheels import plain_wheel

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
DOCKERFILE = """\
FROM --platform=linux/arm64 {image}
COPY wheels /tmp/wheels
USER 0
RUN pip install --no-index --find-links /tmp/wheels small-package
USER 10001:10001
"""
ASKED = (
    "import sys, small_package, mediapipe; "
    "print(sys.prefix, small_package.VALUE, small_package.__file__.startswith(sys.prefix))"
)


def test_run_pip_install_works(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    image = build(tmp_path_factory, "--jetson", "--variant", "dev", "--no-start")
    (tmp_path / "wheels").mkdir()
    plain_wheel(tmp_path / "wheels", "small_package", "1.0", {"small_package.py": b"VALUE = 7\n"})
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.format(image=image.manifest["image"]["tag"]))
    tag = "mediapipe-jetson-test:dev-variant"
    try:
        done = docker("build", "--platform", "linux/arm64", "--tag", tag, str(tmp_path))
        assert done.returncode == 0, done.stderr
        done = inv("--quiet", "emulate", tag, "--", "python3", "-c", ASKED)
        assert (done.returncode, done.stdout) == (0, "/opt/mediapipe 7 True\n"), done.stderr
        done = inv("--quiet", "emulate", tag, "--", "bash", "-c", "type gcc cc make")
        assert done.returncode != 0
    finally:
        docker("rmi", "--force", tag)
