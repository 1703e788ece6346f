"""The verify bundle, whole: where there is no network, nothing can be written, and no driver."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.bundle import build
from jetson_kit.core.progress import Progress
from tests.image.kit import NEEDS, Image, docker

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
# The Python of the image's own Debian, beside this one.
PYTHONS = tuple(sorted({"3.11", f"{sys.version_info.major}.{sys.version_info.minor}"}))


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "verify"
    bundle = build.build(build.Request(output=str(folder), pythons=PYTHONS), Progress(quiet=True))
    assert all(path.stat().st_size <= 60_000_000 for path in bundle.files)
    folder.parent.chmod(0o755)
    return folder / build.PYZ


def test_it_infers_on_debian_without_network_or_packages(pyz: Path, native: Image) -> None:
    # Debian's own Python, which sees none of the image's packages.
    done = docker(
        *("run", "--rm", "--network=none", "--read-only", "--tmpfs=/tmp:size=1g,mode=1777,exec"),
        *("-v", f"{pyz.parent}:/b:ro", "--entrypoint=/usr/bin/python3", native.id),
        *("-I", f"/b/{pyz.name}", "selftest", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "pass"


def test_a_small_tmp_is_one_line(pyz: Path, native: Image) -> None:
    done = docker(
        *("run", "--rm", "--network=none", "--read-only", "--tmpfs=/tmp:size=100m,mode=1777,exec"),
        *("-v", f"{pyz.parent}:/b:ro", "--entrypoint=/usr/bin/python3", native.id),
        *("-I", f"/b/{pyz.name}", "selftest"),
    )
    assert done.returncode == 6
    (line,) = done.stderr.strip().splitlines()
    assert "/tmp: 100 MiB free" in line
    assert "--unpack-to" in line


def test_software_gl_is_software(pyz: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, pyz, "--expect", "software", "--json", report],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    document = json.loads(report.read_text())
    assert (document["verdict"], list(document["tasks"])) == ("software", ["FaceLandmarker"])
