"""The host side's JUnit files: read back by the parser of Python, and by pytest's own output."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from jetson_kit.report import junit


def test_whatever_a_board_wrote_is_xml() -> None:
    cases = (
        junit.Case('a"<&\x00'),
        junit.Case("b", "no\x1b[31m driver\nlost \ud800"),
        junit.Case("c", skipped="later"),
    )
    text = junit.document([junit.Suite("s\x07", cases, "device", 1.5, "2026-01-01").xml()], "all")
    suite = ET.fromstring(text)[0]  # noqa: S314 # our own
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped", "time")}
    assert counts == {"tests": "3", "failures": "1", "errors": "0", "skipped": "1", "time": "1.5"}
    assert [row.get("name") for row in suite] == ['a"<& ', "b", "c"]
    (failure,) = suite.iter("failure")
    assert failure.get("message") == "no [31m driver\nlost  "


def test_suites_of_one_name_stay_apart() -> None:
    suite = junit.Suite("same", (junit.Case("x"),), "device").xml()
    assert len(ET.fromstring(junit.document([suite, suite]))) == 2  # noqa: S314 # our own


def test_pytests_own_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test_a(): pass\n"
        "def test_b(): pytest.fail('no driver\\n  -> start it', pytrace=False)\n"
        "def test_c(): pytest.skip('not here')\n"
        "@pytest.fixture\n"
        "def broken(): raise OSError('gone')\n"
        "def test_d(broken): pass\n"
    )
    path = tmp_path / "junit.xml"
    arguments = ["-q", "-p", "no:cacheprovider", f"--junitxml={path}", "test_it.py"]
    subprocess.run(
        [sys.executable, "-m", "pytest", *arguments], cwd=tmp_path, capture_output=True, check=False
    )
    _, cases = junit.read_suite(path)
    reasons = {case.name: (case.failure, case.skipped) for case in cases}
    assert reasons["test_a"] == ("", "")
    assert reasons["test_b"] == ("no driver\n  -> start it", "")
    assert reasons["test_c"] == ("", "not here")
    assert "gone" in reasons["test_d"][0]


@pytest.mark.parametrize("text", ["", "<testsuite", "<html/>", "<testsuites/>"])
def test_a_file_without_a_suite(tmp_path: Path, text: str) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"junit\.xml"):
        junit.read_suite(path)
