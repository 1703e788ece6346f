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
    with cached_files.made(tar) as aside, LayerTar(aside) as layer_tar:
        layer_tar.data("a", name)
    return PlainLayer(name, "sha256:" + hashlib.sha256(tar.read_bytes()).hexdigest(), tar)


def test_a_layer_is_compressed_once(tmp_path: Path) -> None:
    plain_layer = layer(tmp_path, "models.tar")
    with image_ahead.ahead("arm64", load=False) as ahead:
        ahead.layer(plain_layer.name, plain_layer.tar)
        blob = ahead.blob(plain_layer)
    assert blob == oci.compressed(plain_layer.diff_id, plain_layer.tar)


def test_a_tar_that_was_damaged_and_made_again(tmp_path: Path) -> None:
    plain_layer = layer(tmp_path, "models.tar")
    whole = plain_layer.tar.read_bytes()
    plain_layer.tar.write_bytes(whole[:-1] + b"x")
    with image_ahead.ahead("arm64", load=False) as ahead:
        ahead.layer(plain_layer.name, plain_layer.tar)
        ahead._blobs[plain_layer.diff_id].exception()
        plain_layer.tar.write_bytes(whole)
        assert ahead.blob(plain_layer).diff_id == plain_layer.diff_id


@pytest.mark.parametrize("fault", [StepFailedError("x"), APIError("x"), ConnectionError("x")])
def test_an_engine_that_refuses_the_lower_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    requested: list[tuple[str, ...]] = []

    def part(_: str, layers: tuple[PlainLayer, ...]) -> str:
        requested.append(tuple(plain_layer.name for plain_layer in layers))
        raise fault

    monkeypatch.setattr(image_load, "part", part)
    plain_layers = [layer(tmp_path, name) for name in ("deps.tar", "rootfs.tar", "models.tar")]
    with image_ahead.ahead("arm64", load=True) as ahead:
        for item in plain_layers:
            ahead.layer(item.name, item.tar)
        ahead.lower_complete()
        ahead.wait_for_load()
    # In the order of the image, and none from the system's layer on.
    assert requested == [("models.tar", "deps.tar")]
