"""Work ahead of an image only saves time: whatever goes wrong in it, the result is the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from docker.errors import APIError

from jetson_kit.build import image_ahead
from jetson_kit.containers import image_load, oci
from jetson_kit.containers.image_load import PlainLayer
from jetson_kit.containers.layers import LayerTar
from jetson_kit.core import cached_files
from jetson_kit.core.errors import StepFailedError


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))


def layer(folder: Path, name: str) -> PlainLayer:
    tar = folder / name
    with cached_files.made(tar) as aside, LayerTar(aside) as made:
        made.data("a", name)
    return PlainLayer(name, "sha256:" + hashlib.sha256(tar.read_bytes()).hexdigest(), tar)


def test_a_layer_is_compressed_once(tmp_path: Path) -> None:
    one = layer(tmp_path, "models.tar")
    with image_ahead.ahead("arm64", load=False) as ahead:
        ahead.layer(one.name, one.tar)
        blob = ahead.blob(one)
    assert blob == oci.compressed(one.diff_id, one.tar)


def test_a_tar_that_was_damaged_and_made_again(tmp_path: Path) -> None:
    one = layer(tmp_path, "models.tar")
    whole = one.tar.read_bytes()
    one.tar.write_bytes(whole[:-1] + b"x")
    with image_ahead.ahead("arm64", load=False) as ahead:
        ahead.layer(one.name, one.tar)
        ahead._blobs[one.diff_id].exception()
        one.tar.write_bytes(whole)
        assert ahead.blob(one).diff_id == one.diff_id


@pytest.mark.parametrize("fault", [StepFailedError("x"), APIError("x"), ConnectionError("x")])
def test_an_engine_that_refuses_the_lower_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    asked: list[tuple[str, ...]] = []

    def part(_: str, layers: tuple[PlainLayer, ...]) -> str:
        asked.append(tuple(one.name for one in layers))
        raise fault

    monkeypatch.setattr(image_load, "part", part)
    made = [layer(tmp_path, name) for name in ("deps.tar", "rootfs.tar", "models.tar")]
    with image_ahead.ahead("arm64", load=True) as ahead:
        for one in made:
            ahead.layer(one.name, one.tar)
        ahead.lower_complete()
        ahead.wait_for_load()
    # In the order of the image, and none from the system's layer on.
    assert asked == [("models.tar", "deps.tar")]
