"""Whether two engines speak of the same image, though each calls it otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from jetson_kit.virtual_devices.image import same

CONFIG = {"Env": ["A=1"], "Cmd": ["run"], "Labels": {"a": "b"}}
CLASSIC: dict[str, Any] = {
    "Id": "sha256:" + "a" * 64,
    "Architecture": "arm64",
    "RootFS": {"Type": "layers", "Layers": ["sha256:1", "sha256:2"]},
    # What an older engine says of nothing.
    "Config": {**CONFIG, "Entrypoint": None, "User": "", "AttachStdin": False},
}


def test_the_same_under_another_id() -> None:
    other = {**CLASSIC, "Id": "sha256:" + "b" * 64, "Config": CONFIG}
    assert same(CLASSIC, other)


@pytest.mark.parametrize(
    "change",
    [
        {"Architecture": "amd64"},
        {"RootFS": {"Layers": ["sha256:1"]}},
        {"Config": {**CONFIG, "Cmd": ["other"]}},
    ],
)
def test_another_image_is_another(change: dict[str, Any]) -> None:
    assert not same(CLASSIC, {**CLASSIC, **change})


def test_an_image_that_is_not_whole_is_none() -> None:
    assert not same({**CLASSIC, "RootFS": {}}, {**CLASSIC, "RootFS": {}})
