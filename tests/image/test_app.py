"""A user's folder becomes an image: tested, built, run, and rebuilt after one changed line."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.app_testing import scaffold
from tests.image.kit import NEEDS, docker, inv
from tests.support import sources

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
NAME = "kit-test-app"
TAG = f"mediapipe-jetson:r36.4.4-{NAME}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a new application with a package of which there is only source, in C."""
    place = tmp_path_factory.mktemp("apps") / NAME
    done = inv("app.new", str(place), "--template", "empty")
    assert done.returncode == 0, done.stderr
    sources.write(place / "native", sources.compiled())
    (place / "requirements.txt").write_text("pyserial==3.5\nnumpy\n./native\n")
    settings = (place / "jetson.toml").read_text(encoding="utf-8")
    requested = settings.replace("packages = []", 'packages = ["libusb-1.0-0"]')
    (place / "jetson.toml").write_text(requested, encoding="utf-8")
    (place / ".env").write_text("TOKEN=geheim\n")
    program = (place / "app.py").read_text(encoding="utf-8")
    print_more = "print(serial.VERSION, native.answer(), "
    text = "import native\nimport serial\n" + program.replace("print(", print_more)
    (place / "app.py").write_text(text, encoding="utf-8")
    yield place
    docker("rmi", "-f", TAG)


def test_its_tests_run_here_and_in_its_image(folder: Path, tmp_path: Path) -> None:
    done = inv("test.app", str(folder), "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    for where in ("native", "emulated"):
        (suite,) = ET.parse(tmp_path / f"{where}.xml").getroot()  # noqa: S314 # of our own pytest
        assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == (where, "1", "0")
        assert "1 passed" in (tmp_path / f"{where}.log").read_text(encoding="utf-8")


def test_a_changed_line_is_one_small_layer(folder: Path, tmp_path: Path) -> None:
    arguments = (
        "build",
        "--jetson",
        "--app",
        str(folder),
        "--output",
        str(tmp_path / "it"),
        "--json",
    )
    first = inv(*arguments, "--no-start")
    assert first.returncode == 0, first.stderr
    assert "look like secrets: .env" in first.stderr
    with (folder / "app.py").open("a") as stream:
        stream.write("import ctypes, os\nprint(*sorted(os.listdir('.')))\n")
        stream.write("print(ctypes.CDLL('libusb-1.0.so.0').libusb_has_capability(0))\n")
    second = inv(*arguments, "--no-start")
    assert second.returncode == 0, second.stderr
    assert {"service.yml", "compose.yaml"} <= {path.name for path in (tmp_path / "it").iterdir()}
    before, after = json.loads(first.stdout), json.loads(second.stdout)
    old, new = before["archive"]["layers"], after["archive"]["layers"]
    assert old[:-1] == new[:-1]
    assert old[-1]["digest"] != new[-1]["digest"]
    assert new[-1]["size"] < 4096
    assert after["python"]["pyserial"] == "3.5"
    (source,) = after["from_source"]
    assert (source["name"], source["from"]) == ("native", "native")
    assert source["wheel"] == "native-1.0-cp311-cp311-linux_aarch64.whl"
    assert "libusb-1.0-0" in {row[0] for row in after["debian"]}
    bill = json.loads((tmp_path / "it" / "sbom.cdx.json").read_text(encoding="utf-8"))
    purls = {row.get("purl") for row in bill["components"]}
    assert {"pkg:pypi/pyserial@3.5", "pkg:pypi/native@1.0"} <= purls
    source = ("--env", "MEDIAPIPE_JETSON_SOURCE=/data/clip.avi")
    run = inv("emulate", TAG, "-v", f"{folder / 'tests'}:/data:ro", *source)
    assert run.stdout.splitlines() == [
        f"3.5 42 {scaffold.FRAMES} frames of /data/clip.avi",
        "app.py native requirements.txt",
        "1",
    ], run.stderr
    assert "geheim" not in docker("image", "inspect", TAG).stdout
    program = inv("emulate", TAG, "--", "pyserial-miniterm", "--help")
    assert program.stdout.startswith("usage: pyserial-miniterm"), program.stderr
