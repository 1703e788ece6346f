"""`./inv verify --local`: in this machine's image, in a venv, and what it writes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from jetson_kit.core.errors import BrokenError, ToolMissingError
from jetson_kit.verify import local as verify
from tests.verify.fleet import command

pytestmark = [pytest.mark.docker, pytest.mark.network, pytest.mark.slow]


def test_in_an_image(image: str, tmp_path: Path) -> None:
    report, junit, gauges = (tmp_path / name for name in ("r.json", "r.xml", "r.prom"))
    report.write_text("a report of an earlier run")
    done = command(
        tmp_path, "verify", "--image", image, "--expect", "software", "--json", str(report),
        "--junit", str(junit), "--prometheus", str(gauges),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = verify.checked(report.read_bytes())
    assert (result["verdict"], result["image_digest"]) == ("software", image)
    # The container saw this machine's kernel, and no tags or nodes of it beyond that.
    assert result["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert ET.fromstring(junit.read_text()).get("failures") == "0"  # noqa: S314
    gauge = 'verdict{task="all",verdict="software",emulated="false"} 1'
    assert gauge in gauges.read_text()
    assert "software (expected software" in done.stdout


def test_not_as_expected(image: str, tmp_path: Path) -> None:
    done = command(tmp_path, "verify", "--image", image)
    assert done.returncode == 1
    assert "software (expected gpu" in done.stdout
    nagios = command(tmp_path, "verify", "--image", image, "--nagios")
    assert (nagios.returncode, nagios.stdout[:17]) == (1, "MEDIAPIPE WARNING")


def test_without_a_driver_it_is_broken(tmp_path: Path) -> None:
    nowhere = "/no/such/vendor.json"
    away = {"__EGL_VENDOR_LIBRARY_FILENAMES": nowhere, "VK_DRIVER_FILES": nowhere}
    done = command(tmp_path, "verify", "--venv", "--expect", "software", **away)
    assert done.returncode == BrokenError.exit_code, done.stdout + done.stderr
    assert "broken (expected software" in done.stdout


def test_in_a_venv(tmp_path: Path) -> None:
    place = tmp_path / "venv"
    arguments = ("verify", "--venv", str(place), "--json")
    first = command(tmp_path, *arguments)
    result = verify.checked(first.stdout.encode())
    assert result["image_digest"] is None
    assert result["tasks"]["FaceLandmarker"]["controls"]["cpu"]["verdict"] == "cpu"
    assert first.returncode == verify.verdict_code(result)
    assert (place / "bin" / "python").exists()
    (place / "mark").touch()
    second = command(tmp_path, *arguments)
    assert json.loads(second.stdout)["verdict"] == result["verdict"]
    assert (place / "mark").exists()


def test_without_docker_it_is_a_venv(tmp_path: Path) -> None:
    where = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "INV_NO_INSTALL": "1"}
    done = command(tmp_path, "verify", "--json", **where)
    assert "in a virtual environment instead" in done.stderr
    verify.checked(done.stdout.encode())
    named = command(tmp_path, "verify", "--image", "x", **where)
    assert named.returncode == ToolMissingError.exit_code
    assert named.stderr.startswith("error: ")
