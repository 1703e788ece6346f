"""Each example's own tests, as `test.app` runs them on this machine: videos, a real broker."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from jetson_kit.app_testing import testing
from jetson_kit.core.paths import ROOT

pytestmark = [pytest.mark.network, pytest.mark.slow]
EXAMPLES = sorted(path.parent.name for path in ROOT.glob("examples/*/jetson.toml"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_passes_its_own_tests(name: str, tmp_path: Path) -> None:
    testing.run(testing.AppTestRequest(ROOT / "examples" / name, tmp_path, emulated=False))
    (suite,) = ET.parse(tmp_path / "native.xml").getroot()  # noqa: S314 # of our own pytest
    assert int(suite.get("tests", "0")) > 2
    assert [suite.get(kind) for kind in ("errors", "failures", "skipped")] == ["0", "0", "0"]
