"""The folders of examples/, as the kit's own loader takes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jetson_kit.app import settings
from jetson_kit.app.service import variables
from jetson_kit.core.paths import ROOT
from jetson_kit.service import role_values

FOLDER = ROOT / "examples"
EXAMPLES = sorted(path.parent for path in FOLDER.glob("*/jetson.toml"))
PICTURE_BYTES, CLIP_BYTES = 60 << 10, 256 << 10
NAMES = [path.name for path in EXAMPLES]


@pytest.fixture(params=EXAMPLES, ids=NAMES)
def example(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


def test_there_is_an_example_of_each_kind() -> None:
    assert len(EXAMPLES) == 7


def test_it_is_an_application_whose_service_the_role_takes(example: Path) -> None:
    app = settings.load(example)
    assert app.name == example.name
    assert role_values.faults(variables(app)) == []


def test_requirements_are_locked_by_hash(example: Path) -> None:
    app = settings.load(example)
    if not app.requirements:
        return
    text = (example / app.requirements).read_text(encoding="utf-8").replace("\\\n", " ")
    pins = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert pins
    assert all("==" in line and "--hash=sha256:" in line for line in pins)
    named = (example / "requirements.in").read_text(encoding="utf-8")
    for name in re.findall(r"^(?!#)\S+", named, re.MULTILINE):
        assert re.search(rf"^{name}==", text, re.MULTILINE)


def test_its_page_has_a_small_picture_that_the_index_names(example: Path) -> None:
    page = (example / "README.md").read_text(encoding="utf-8")
    assert "](picture.jpg)" in page
    picture = (example / "picture.jpg").read_bytes()
    assert picture.startswith(b"\xff\xd8\xff")
    assert len(picture) <= PICTURE_BYTES
    assert f"]({example.name}/README.md)" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_its_clip_is_small(example: Path) -> None:
    app = settings.load(example)
    assert not app.tests.video or (example / app.tests.video).stat().st_size <= CLIP_BYTES
