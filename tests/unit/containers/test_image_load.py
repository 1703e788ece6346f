"""Images on their way into an engine: what is sent, and what an engine's refusals become."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError

from jetson_kit.containers import engine, image_load
from jetson_kit.containers.image_load import PlainLayer
from jetson_kit.core.errors import DiskFullError, KitError, StepFailedError

CONFIG = b'{"rootfs":{}}'


class Engine:
    """Takes an image as the API does, and answers in rows."""

    def __init__(self, rows: list[dict[str, Any]], has: Iterable[list[str]] = ()) -> None:
        self.rows = rows
        self.sent: list[bytes] = []
        self.has = {f"sha256:{number}": layers for number, layers in enumerate(has)}
        self.looked_at: list[str] = []
        self.names: dict[str, list[str]] = {}
        self.api = SimpleNamespace(
            load_image=self.load, images=self.images, inspect_image=self.inspect
        )

    def images(self, **_: object) -> list[dict[str, Any]]:
        return [{"Id": name, "RepoTags": self.names.get(name)} for name in self.has]

    def inspect(self, name: str) -> dict[str, Any]:
        self.looked_at.append(name)
        return {"RootFS": {"Layers": self.has[name]}}

    def load(self, data: Iterator[bytes], quiet: bool) -> list[dict[str, Any]]:
        assert quiet
        self.sent.append(b"".join(data))
        return self.rows


def use(monkeypatch: pytest.MonkeyPatch, fake: Engine) -> Engine:
    monkeypatch.setattr(engine, "client", lambda: fake)
    return fake


def layers(folder: Path) -> list[PlainLayer]:
    plain_layers = []
    for name in ("a", "b", "c"):
        tar = folder / f"{name}.tar"
        tar.write_bytes(name.encode() * 1000)
        plain_layers.append(PlainLayer(tar.name, f"sha256:{name}", tar))
    return plain_layers


def members(raw: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        return {i.name: s.read() for i in archive if (s := archive.extractfile(i))}


@pytest.mark.parametrize(
    ("has", "sent"),
    [
        ([], ["0", "1", "2"]),
        ([["sha256:a"], ["sha256:x", "sha256:b"]], ["1", "2"]),
        ([["sha256:a", "sha256:b", "sha256:z"]], ["2"]),
        ([["sha256:a", "sha256:b", "sha256:c", "sha256:d"]], []),
        ([["sha256:b"], []], ["0", "1", "2"]),
    ],
)
def test_only_what_the_engine_lacks_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has: list[list[str]], sent: list[str]
) -> None:
    fake = use(monkeypatch, Engine([], has))
    monkeypatch.setattr(image_load, "_loaded", lambda *_: None)
    image_load.from_layers("it:1", CONFIG, layers(tmp_path))
    result = members(fake.sent[0])
    (listing,) = json.loads(result.pop("manifest.json"))
    assert listing["RepoTags"] == ["it:1"]
    assert listing["Layers"] == ["0/layer.tar", "1/layer.tar", "2/layer.tar"]
    assert result.pop(listing["Config"]) == CONFIG
    assert sorted(result) == [f"{number}/layer.tar" for number in sent]


def test_the_last_build_is_enough_where_it_has_nearly_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = use(monkeypatch, Engine([], [[], ["sha256:a"], ["sha256:a", "sha256:b"]]))
    monkeypatch.setattr(image_load, "_loaded", lambda *_: None)
    plain_layers = layers(tmp_path)
    with plain_layers[1].tar.open("r+b") as tar:
        tar.truncate(image_load.LITTLE)
    fake.names = {"sha256:1": ["other:1"], "sha256:2": ["it:1"]}
    image_load.from_layers("it:1", CONFIG, plain_layers)
    assert fake.looked_at == ["sha256:2"]
    assert len(members(fake.sent[0])) == 3
    fake.names = {"sha256:1": ["it:1"]}
    image_load.from_layers("it:1", CONFIG, plain_layers)
    assert fake.looked_at[1:] == ["sha256:1", "sha256:0", "sha256:2"]
    assert len(members(fake.sent[1])) == 3


@pytest.mark.parametrize(
    ("loaded", "sent"),
    [
        (("sha256:a", "sha256:b"), ["2"]),
        (("sha256:a", "sha256:x"), ["1", "2"]),
        (("sha256:b", "sha256:a"), ["0", "1", "2"]),
        ((), ["0", "1", "2"]),
    ],
)
def test_what_was_loaded_is_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaded: tuple[str, ...], sent: list[str]
) -> None:
    # An engine with many images may have none of these among the first.
    fake = use(monkeypatch, Engine([]))
    monkeypatch.setattr(image_load, "_loaded", lambda *_: None)
    image_load.from_layers("it:1", CONFIG, layers(tmp_path), loaded)
    names = sorted(name for name in members(fake.sent[0]) if name.endswith("layer.tar"))
    assert names == [f"{number}/layer.tar" for number in sent]


def test_a_part_has_only_what_the_engine_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = use(monkeypatch, Engine([]))
    plain_layers = layers(tmp_path)
    image = image_load.part("arm64", plain_layers, 2)
    result = members(fake.sent[0])
    config = result.pop(f"{image.partition(':')[2]}.json")
    assert json.loads(config)["rootfs"]["diff_ids"] == [layer.diff_id for layer in plain_layers]
    (listing,) = json.loads(result.pop("manifest.json"))
    assert (listing["RepoTags"], sorted(result)) == (None, ["2/layer.tar"])


def test_where_a_shared_layer_is_gone_all_are_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[dict[str, Any]] = [{"error": "layer does not exist"}]
    fake = use(monkeypatch, Engine(rows, [["sha256:a"]]))
    monkeypatch.setattr(image_load, "_loaded", lambda *_: None)
    with pytest.raises(StepFailedError, match="does not exist"):
        image_load.from_layers("it:1", CONFIG, layers(tmp_path))
    assert [len(members(raw)) for raw in fake.sent] == [4, 5]


@pytest.mark.parametrize(
    ("row", "kind", "says"),
    [
        ({"error": "open x: no such file or directory"}, StepFailedError, "no such file"),
        ({"message": "invalid tar header"}, StepFailedError, "invalid tar header"),
        ({"error": "write x: no space left on device"}, DiskFullError, "docker system df"),
        ({"stream": "Error unpacking image it:1: eof\n"}, StepFailedError, "Error unpacking"),
    ],
)
def test_refusals_are_typed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    row: dict[str, Any],
    kind: type[KitError],
    says: str,
) -> None:
    use(monkeypatch, Engine([{"stream": "Loaded image: it:1\n"}, row]))
    with pytest.raises(kind) as caught:
        image_load.from_layers("it:1", CONFIG, layers(tmp_path))
    assert says in caught.value.line()


def test_a_connection_that_ends_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = use(monkeypatch, Engine([]))

    def broken(*_: object, **__: object) -> None:
        raise APIError("500 Server Error")

    fake.api.load_image = broken
    with pytest.raises(StepFailedError, match="did not take the image"):
        image_load.from_layers("it:1", CONFIG, layers(tmp_path))
