"""A base image of the local engine that is for another processor."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator

import pytest

from jetson_kit.build import base_image
from jetson_kit.containers import engine
from jetson_kit.core.errors import BadInputError

pytestmark = pytest.mark.docker
# No registry answers there.
REFERENCE = "127.0.0.1:9/mediapipe-jetson-test-processor:1"


@pytest.fixture
def own() -> Iterator[str]:
    """Have an image of this machine's processor with a Python in it; return which that is."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("usr/bin/python3.12"))
    subprocess.run(
        ["docker", "import", "-", REFERENCE],
        input=content.getvalue(),
        capture_output=True,
        check=True,
    )
    yield str(engine.client().images.get(REFERENCE).attrs["Architecture"])
    engine.client().images.remove(REFERENCE)


def test_it_is_named_and_its_python_is_none_of_ours(own: str) -> None:
    other = "arm64" if own != "arm64" else "amd64"
    reason = f"here is for {own}, not {other}, and no registry gives another"
    with pytest.raises(BadInputError, match=reason):
        base_image.external(REFERENCE, f"linux/{other}", other, "3.12")
    with pytest.raises(BadInputError, match=reason):
        base_image.fetched_python(REFERENCE, ["3.12"], other)
    assert base_image.python_of(REFERENCE, ["3.13", "3.12"], other) is None
    assert base_image.python_of(REFERENCE, ["3.13", "3.12"], own) == "3.12"
    assert base_image.python_of(REFERENCE, ["3.13"], own) == ""


def test_one_that_is_not_there_is_not_known() -> None:
    assert base_image.python_of(REFERENCE, ["3.12"], "arm64") is None
