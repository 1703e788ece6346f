"""A pull that left out a layer which containerd has in another compression.

The engine and containerd are stand-ins that answer as Docker 28.5 and containerd 1.7 did.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.board_program import Program, imported

DIFFS = ["sha256:" + digit * 64 for digit in "abc"]
BASE_ZSTD, BASE_GZIP, TOP_GZIP = ("sha256:" + digit * 64 for digit in "123")
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
PULLED = "registry:5000/mediapipe-jetson@sha256:" + "d" * 64
INFO = {
    "DockerRootDir": "/var/lib/docker",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
}
CTR = """#!/bin/sh
shift 4
case "$1 $2" in
"images ls") cat FOLDER/images ;;
"content ls") ls FOLDER/content ;;
"content get") cat "FOLDER/content/$3" ;;
"images rm") echo "$4" >> FOLDER/forgotten ;;
esac
"""
DOCKER = """#!/bin/sh
case "$1 $2" in
"info --format") cat FOLDER/info ;;
"image load") cat > FOLDER/loaded.tar; cat FOLDER/said ;;
"image inspect")
    grep -q unpacking FOLDER/said || { echo "No such image" >&2; exit 1; }
    printf '{"Id":"x","Architecture":"arm64"}' ;;
"image rm") echo "$@" >> FOLDER/dropped ;;
esac
"""


class Store:
    """What the stand-ins have, and what they were told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "content").mkdir(parents=True)
        (folder / "info").write_text(json.dumps(INFO))
        (folder / "said").write_text("")
        (folder / "images").write_text("REF TYPE DIGEST SIZE PLATFORMS LABELS\n")
        for name, text in (("ctr", CTR), ("docker", DOCKER)):
            (folder / name).write_text(text.replace("FOLDER", str(folder)))
            (folder / name).chmod(0o755)

    def put(self, body: Any) -> str:
        """Put a document there; return its digest."""
        raw = json.dumps(body).encode()
        digest = "sha256:" + hashlib.sha256(raw).hexdigest()
        (self.folder / "content" / digest).write_bytes(raw)
        return digest

    def name(self, name: str, body: Any) -> None:
        """Name a manifest."""
        with (self.folder / "images").open("a") as out:
            out.write(f"{name} application/x {self.put(body)} 3.9 MiB linux/arm64 -\n")

    def has(self, *digests: str) -> None:
        """Put layers there."""
        for digest in digests:
            (self.folder / "content" / digest).write_text("")

    @property
    def forgotten(self) -> list[str]:
        """Return the names that were removed."""
        path = self.folder / "forgotten"
        return path.read_text().split() if path.exists() else []

    def loaded(self) -> list[dict[str, Any]]:
        """Return the layers' descriptors of the image that was loaded."""
        with tarfile.open(fileobj=io.BytesIO((self.folder / "loaded.tar").read_bytes())) as archive:

            def read(name: str) -> Any:
                member = archive.extractfile(name)
                assert member
                return json.loads(member.read())

            digest = read("index.json")["manifests"][0]["digest"]
            layers: list[dict[str, Any]] = read(f"blobs/sha256/{digest[7:]}")["layers"]
        return layers


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("PATH", f"{tmp_path / 'store'}:/usr/bin:/bin")
    return Store(tmp_path / "store")


@pytest.fixture
def program(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    del store
    yield from imported(tmp_path / "root", monkeypatch)


def manifest(config: str, *layers: tuple[str, str]) -> dict[str, Any]:
    rows = [{"mediaType": kind, "digest": digest, "size": 5} for digest, kind in layers]
    return {"schemaVersion": 2, "config": {"digest": config, "size": 9}, "layers": rows}


def configured(store: Store, *diff_ids: str) -> str:
    return store.put({"rootfs": {"type": "layers", "diff_ids": list(diff_ids)}})


def pulled(program: Program, store: Store) -> Any:
    """A release of a base and a top, of which the pull brought the top alone."""
    config = configured(store, *DIFFS[:2])
    store.name(PULLED, manifest(config, (BASE_GZIP, GZIP), (TOP_GZIP, GZIP)))
    store.has(TOP_GZIP)
    layers = [program.release.Layer(diff, "sha256:" + "9" * 64, 5, 5) for diff in DIFFS[:2]]
    return program.release.Release({}, config, "", "arm64", "", "v2", b"{}", b"", layers)


@pytest.mark.parametrize("as_index", [False, True])
def test_the_layer_that_came_another_way_makes_it_whole(
    program: Program, store: Store, as_index: bool
) -> None:
    release = pulled(program, store)
    other = manifest(configured(store, DIFFS[0], DIFFS[2]), (BASE_ZSTD, ZSTD), (BASE_GZIP, GZIP))
    store.has(BASE_ZSTD)
    # Of an index other machines' manifests are not there.
    rows = [{"digest": store.put(other)}, {"digest": "sha256:" + "e" * 64}]
    store.name("mediapipe-jetson:v1", {"manifests": rows} if as_index else other)
    program.partial.complete(release)
    assert [(row["digest"], row["mediaType"]) for row in store.loaded()] == [
        (BASE_ZSTD, ZSTD),
        (TOP_GZIP, GZIP),
    ]
    assert store.forgotten == [PULLED]


def test_what_the_engine_does_not_unpack_is_no_image(program: Program, store: Store) -> None:
    """Docker 28 says so and ends with 0, and lists what it has of it."""
    release = pulled(program, store)
    other = manifest(configured(store, DIFFS[0]), (BASE_ZSTD, ZSTD))
    store.has(BASE_ZSTD)
    store.name("mediapipe-jetson:v1", other)
    (store.folder / "said").write_text("Error unpacking image x: no space left on device\n")
    with pytest.raises(program.errors.ImageError):
        program.partial.complete(release)
    assert "image rm" in (store.folder / "dropped").read_text()


def test_what_nothing_has_can_not_be_made_whole_and_takes_no_space(
    program: Program, store: Store
) -> None:
    release = pulled(program, store)
    program.partial.complete(release)
    assert not (store.folder / "loaded.tar").exists()
    assert store.forgotten == [PULLED]


def test_a_whole_image_stays_as_it_is(program: Program, store: Store) -> None:
    release = pulled(program, store)
    store.has(BASE_GZIP)
    program.partial.complete(release)
    assert not (store.folder / "loaded.tar").exists()
    assert store.forgotten == []


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"manifests": 5},
        {"manifests": [5, {}]},
        {"config": 5, "layers": 5},
        {"config": {}, "layers": [5, {"digest": 5}]},
        "text",
    ],
)
def test_other_images_may_be_of_any_shape(program: Program, store: Store, body: Any) -> None:
    release = pulled(program, store)
    store.name("odd:1", body)
    inner = store.put({"rootfs": {"diff_ids": 5}})
    store.name("odd:2", manifest(inner, (BASE_ZSTD, ZSTD)))
    store.has(BASE_ZSTD)
    program.partial.complete(release)
    assert store.forgotten == [PULLED]


@pytest.fixture
def without_ctr(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An engine of another package, without containerd's own client."""
    (store.folder / "ctr").unlink()
    for name in ("cat", "grep"):
        (store.folder / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(store.folder))
    return store


def test_without_the_client_of_containerd_the_reason_is_told(
    program: Program, without_ctr: Store
) -> None:
    release = pulled(program, without_ctr)
    why, cure = program.receive._completed(release)
    assert why == "the program ctr is not installed"
    assert "containerd" in cure
    with pytest.raises(program.errors.IntegrityError) as caught:
        program.load.check(release, why, cure)
    assert caught.value.message.endswith(": the program ctr is not installed")
    assert (caught.value.cure, caught.value.exit_code) == (cure, 5)
    assert without_ctr.forgotten == []


def test_without_it_a_load_that_a_power_cut_ended_is_not_trusted(
    program: Program, without_ctr: Store
) -> None:
    with pytest.raises(program.errors.ToolMissingError) as caught:
        program.containerd.let_go(program.engine.info())
    assert "containerd" in caught.value.cure


def test_an_engine_of_the_classic_store_needs_no_client(
    program: Program, without_ctr: Store
) -> None:
    info = {"DockerRootDir": "/var/lib/docker", "DriverStatus": [["Backing Filesystem", "extfs"]]}
    (without_ctr.folder / "info").write_text(json.dumps(info))
    assert program.receive._completed(pulled(program, without_ctr)) == ("", "")


def test_a_client_that_gets_no_answer_is_told(program: Program, store: Store) -> None:
    release = pulled(program, store)
    (store.folder / "ctr").write_text("#!/bin/sh\necho cannot connect >&2\nexit 1\n")
    why, _ = program.receive._completed(release)
    assert "cannot connect" in why
    with pytest.raises(program.errors.IntegrityError, match="cannot connect"):
        program.load.check(release, why)
