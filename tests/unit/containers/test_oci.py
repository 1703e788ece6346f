"""OCI archives: what the specification asks for, digests recomputed here, the same bytes twice."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
import zstandard

from jetson_kit.containers import oci
from jetson_kit.containers.layers import LayerTar
from jetson_kit.core.errors import IntegrityError, StepFailedError

ROWS = [
    {"CreatedBy": "CMD info", "Size": 0, "Created": 1234},
    {"CreatedBy": "ADD b", "Size": 5, "Created": 1234},
    {"CreatedBy": "ADD a", "Size": 5, "Created": 1234},
]


def sha(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def layer(folder: Path, text: str) -> bytes:
    with LayerTar(folder / "l.tar") as tar:
        tar.data("a", text)
    return (folder / "l.tar").read_bytes()


class Engine:
    """Hands out layers as the engine does and counts the requests."""

    def __init__(self, raws: list[bytes]) -> None:
        self.raws = {sha(raw): raw for raw in raws}
        self.asked: list[str] = []

    def save(self, diff_ids: set[str], keep: Callable[[str, IO[bytes]], None]) -> None:
        for diff_id in sorted(diff_ids):
            self.asked.append(diff_id)
            if diff_id in self.raws:
                keep(diff_id, io.BytesIO(self.raws[diff_id]))


def attrs(diff_ids: list[str]) -> dict[str, Any]:
    return {
        "Architecture": "arm64",
        "Variant": "v8",
        "Os": "linux",
        "Created": "2026-01-02T03:04:05Z",
        "Config": {
            "User": "10001:10001",
            "Env": ["A=1"],
            "Hostname": "built-here",
            "Image": "sha256:x",
            "Labels": {"b": "2", "a": "1"},
            "Healthcheck": {"Test": ["CMD", "true"]},
            "Cmd": None,
        },
        "RootFS": {"Layers": diff_ids},
    }


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def archive(folder: Path, engine: Engine) -> Path:
    diff_ids = list(engine.raws)
    layers = oci.blobs(diff_ids, engine.save)
    path = folder / "it.oci.tar"
    image_id = oci.write_archive(path, oci.config_of(attrs(diff_ids), ROWS), layers, "it:1", {})
    assert image_id.startswith("sha256:")
    return path


def test_layout_of_an_archive(tmp_path: Path, cache: Path) -> None:
    engine = Engine([layer(tmp_path, "one"), layer(tmp_path, "two" * 9999)])
    with tarfile.open(archive(tmp_path, engine)) as tar:
        files = {i.name: s.read() for i in tar.getmembers() if (s := tar.extractfile(i))}
    assert json.loads(files.pop("oci-layout")) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads(files.pop("index.json"))
    for name, raw in files.items():
        assert name == "blobs/sha256/" + hashlib.sha256(raw).hexdigest()
    (row,) = index["manifests"]
    assert row["platform"] == {"architecture": "arm64", "os": "linux"}
    assert row["annotations"]["org.opencontainers.image.ref.name"] == "it:1"

    def blob(descriptor: dict[str, Any]) -> bytes:
        raw = files["blobs/sha256/" + descriptor["digest"].partition(":")[2]]
        assert len(raw) == descriptor["size"]
        return raw

    manifest = json.loads(blob(row))
    config = json.loads(blob(manifest["config"]))
    assert config["rootfs"]["diff_ids"] == list(engine.raws)
    assert [item["mediaType"].rpartition("+")[2] for item in manifest["layers"]] == ["zstd"] * 2
    for layer_row, diff_id in zip(manifest["layers"], engine.raws, strict=True):
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(blob(layer_row))) as stream:
            assert sha(stream.read()) == diff_id
    assert len(files) == 4


def test_config_says_nothing_of_when_and_where(cache: Path) -> None:
    diff_ids = [sha(b"1"), sha(b"2")]
    raw = oci.config_of(attrs(diff_ids), ROWS)
    other = attrs(diff_ids) | {"Created": "2027-01-01T00:00:00Z"}
    other["Config"]["Hostname"] = "elsewhere"
    later = [{**row, "Created": 5678} for row in ROWS]
    assert oci.config_of(other, later) == raw
    body = json.loads(raw)
    assert b"built-here" not in raw
    assert body["config"]["Healthcheck"] == {"Test": ["CMD", "true"]}
    assert body["variant"] == "v8"
    assert "Cmd" not in body["config"]
    assert {row["created"] for row in body["history"]} == {"2025-01-01T00:00:00Z"}
    assert [row.get("empty_layer", False) for row in body["history"]] == [False, False, True]


def test_history_that_fits_no_layers_is_left_out() -> None:
    assert "history" not in json.loads(oci.config_of(attrs([sha(b"1")]), ROWS))


def test_same_input_same_bytes_and_layers_are_compressed_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine([layer(tmp_path, "one"), layer(tmp_path, "two")])
    first = archive(tmp_path, engine).read_bytes()
    assert sorted(engine.asked) == sorted(engine.raws)
    assert archive(tmp_path, engine).read_bytes() == first
    assert len(engine.asked) == 2
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "other"))
    assert archive(tmp_path, engine).read_bytes() == first
    assert len(engine.asked) == 4


@pytest.mark.parametrize("how", ["cut", "changed", "gone", "listing"])
def test_damaged_blob_is_compressed_again(tmp_path: Path, cache: Path, how: str) -> None:
    engine = Engine([layer(tmp_path, "one")])
    first = archive(tmp_path, engine).read_bytes()
    (blob,) = (cache / "blobs").glob("*.zst")
    raw = blob.read_bytes()
    if how == "listing":
        blob.with_suffix(".json").write_text('{"digest"')
    elif how == "gone":
        blob.unlink()
    else:
        blob.write_bytes(raw[:-1] if how == "cut" else raw[:-1] + bytes([raw[-1] ^ 1]))
    assert archive(tmp_path, engine).read_bytes() == first
    assert len(engine.asked) == 2


def test_engine_that_withholds_a_layer(cache: Path) -> None:
    with pytest.raises(StepFailedError, match="every layer"):
        oci.blobs([sha(b"x")], Engine([]).save)


def test_a_layer_used_twice_is_stored_once(tmp_path: Path, cache: Path) -> None:
    engine = Engine([layer(tmp_path, "one")])
    (only,) = engine.raws
    layers = oci.blobs([only, only], engine.save)
    oci.write_archive(tmp_path / "a", oci.config_of(attrs([only, only]), ROWS), layers, "it:1", {})
    with tarfile.open(tmp_path / "a") as tar:
        names = tar.getnames()
    assert len(names) == len(set(names)) == 5


@pytest.mark.usefixtures("cache")
def test_unpacked_bytes_are_those_of_files(tmp_path: Path) -> None:
    with LayerTar(tmp_path / "l.tar") as tar:
        tar.data("a/x", b"12345")
        tar.link("a/y", "x")
        tar.data("b", b"1" * 1000)
    raw = (tmp_path / "l.tar").read_bytes()
    (read_out,) = oci.blobs([sha(raw)], Engine([raw]).save)
    assert read_out.unpacked == 1005 + len("x")
    read_out.path.unlink()
    assert oci.compressed(sha(raw), tmp_path / "l.tar") == read_out


def test_a_damaged_tar_is_not_compressed_under_its_old_digest(tmp_path: Path, cache: Path) -> None:
    diff_id = sha(layer(tmp_path, "one"))
    layer(tmp_path, "other")
    with pytest.raises(IntegrityError, match="expected"):
        oci.compressed(diff_id, tmp_path / "l.tar")
    assert not list(cache.rglob("*.zst"))
