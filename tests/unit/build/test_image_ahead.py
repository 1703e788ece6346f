"""Work ahead of an image only saves time: whatever goes wrong in it, the result is the same."""

from __future__ import annotations

import hashlib
import threading
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
    with cached_files.create(tar) as aside, LayerTar(aside) as layer_tar:
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


Calls = list[tuple[tuple[str, ...], int]]


def parts(monkeypatch: pytest.MonkeyPatch, *, has: int, fault: Exception | None = None) -> Calls:
    """Stand in for an engine that has the lowest `has` layers; return what it is sent."""
    sent: Calls = []

    def part(_: str, layers: tuple[PlainLayer, ...], there: int) -> str:
        sent.append((tuple(plain_layer.name for plain_layer in layers), there))
        if fault:
            raise fault
        return f"sha256:{len(sent)}"

    monkeypatch.setattr(image_load, "part", part)
    monkeypatch.setattr(image_load, "shared", lambda layers: min(has, len(layers)))
    return sent


def test_each_layer_is_loaded_as_soon_as_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = parts(monkeypatch, has=0)
    forgotten: list[str] = []
    monkeypatch.setattr(image_load, "forget", forgotten.append)
    with image_ahead.ahead("arm64", load=True) as ahead:
        for name in ("models.tar", "deps.tar"):
            item = layer(tmp_path, name)
            ahead.layer(item.name, item.tar)
            ahead.wait_for_load()
        assert len(ahead.loaded()) == 2
    assert sent == [(("models.tar",), 0), (("models.tar", "deps.tar"), 1)]
    assert [name for name in forgotten if name] == ["sha256:1", "sha256:2"]


def test_layers_that_come_meanwhile_are_loaded_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = parts(monkeypatch, has=0)
    items = [layer(tmp_path, name) for name in ("models.tar", "deps.tar", "litert.tar")]
    with image_ahead.ahead("arm64", load=True) as ahead:
        release = threading.Event()
        ahead._loading.submit(release.wait)
        for item in items:
            ahead.layer(item.name, item.tar)
        release.set()
        ahead.wait_for_load()
    assert sent == [(("models.tar", "deps.tar", "litert.tar"), 0)]


@pytest.mark.parametrize("has", [0, 1, 2, 3])
def test_only_what_was_made_now_is_a_reason_to_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has: int
) -> None:
    sent = parts(monkeypatch, has=has)
    items = [layer(tmp_path, name) for name in ("models.tar", "deps.tar", "rootfs.tar")]
    made_now = cached_files.made_now
    monkeypatch.setattr(cached_files, "made_now", lambda tar: tar == items[1].tar and made_now(tar))
    with image_ahead.ahead("arm64", load=True) as ahead:
        for item in items:
            ahead.layer(item.name, item.tar)
            ahead.wait_for_load()
    # The engine has all of it, or most likely the layer on top, which was made before.
    assert sent == ([] if has > 1 else [(("models.tar", "deps.tar"), has)])


@pytest.mark.parametrize("fault", [StepFailedError("x"), APIError("x"), ConnectionError("x")])
def test_an_engine_that_refuses_a_layer_is_sent_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    sent = parts(monkeypatch, has=0, fault=fault)
    with image_ahead.ahead("arm64", load=True) as ahead:
        for name in ("models.tar", "deps.tar", "litert.tar"):
            item = layer(tmp_path, name)
            ahead.layer(item.name, item.tar)
            ahead.wait_for_load()
        assert ahead.loaded() == ()
    assert sent == [(("models.tar",), 0)]
