"""docker/Dockerfile and the kit's own writer make the same image: settings, layers, files."""

from __future__ import annotations

import hashlib
import tarfile
from typing import IO, Any

import pytest

from jetson_kit.build import dockerfile_build, parts, plan
from jetson_kit.build.request import Request
from jetson_kit.containers import engine, oci
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.progress import Progress
from tests.image.kit import NEEDS, Image, docker

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
TAG = "mediapipe-jetson-test:by-dockerfile"
Member = tuple[bytes, int, int, int, str, str]
Files = dict[str, Member]


def members(layer: IO[bytes]) -> Files:
    """Return what a layer says of each path, but for times."""
    result: Files = {}
    with tarfile.open(fileobj=layer, mode="r|") as archive:
        for info in archive:
            stream = archive.extractfile(info) if info.isreg() else None
            content = hashlib.sha256(stream.read()).hexdigest() if stream else ""
            link = info.linkname.lstrip("/") if info.islnk() else info.linkname
            facts = (info.type, info.mode & 0o7777, info.uid, info.gid, link, content)
            result[info.name.strip("/")] = facts
    return result


@pytest.fixture(scope="module")
def by_dockerfile(jetson: Image) -> Any:  # an image of the engine's
    planned = plan.make(Request(jetson=True))
    result = parts.make(planned, Progress(quiet=True))
    context = cache_dir("context", "test")
    command = dockerfile_build.command(planned, result, context)
    dockerfile_build.link_parts(context, result.tars)
    command[command.index(planned.tag)] = TAG
    assert docker(*map(str, command[1:])).returncode == 0
    yield engine.client().images.get(TAG)
    docker("rmi", "--force", TAG)


def test_same_settings(jetson: Image, by_dockerfile: Any) -> None:
    ours, theirs = jetson.inspect()["Config"], by_dockerfile.attrs["Config"]
    assert {key: ours.get(key) for key in oci.CONFIG_KEYS if key != "ArgsEscaped"} == {
        key: theirs.get(key) for key in oci.CONFIG_KEYS if key != "ArgsEscaped"
    }


def test_same_files_in_the_same_layers(jetson: Image, by_dockerfile: Any) -> None:
    theirs: dict[str, Files] = {}
    ids = engine.diff_ids(by_dockerfile)
    engine.save_layers(
        by_dockerfile, set(ids), lambda diff_id, layer: theirs.update({diff_id: members(layer)})
    )
    ours = [members(layer) for layer in jetson.open_layers()]
    assert len(ours) == len(ids)
    for mine, diff_id in zip(ours, ids, strict=True):
        assert mine == theirs[diff_id]
