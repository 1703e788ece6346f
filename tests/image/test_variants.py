"""The other images: old boards, this machine, other bases, registries."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.kit import NEEDS, Image, docker, inv
from tests.support.here import skip_without

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
BASE = "mediapipe-jetson-test-base:1"


def free_port() -> int:
    with socket.socket() as connection:
        connection.bind(("127.0.0.1", 0))
        port: int = connection.getsockname()[1]
        return port


def test_old_boards_infer_on_an_emulated_cortex_a57(old_jetson: Image) -> None:
    first = old_jetson.manifest["first_start"]
    assert first["inference"] == "ok"
    assert (first["how"], first["cpu"]) == ("emulated", "cortex-a57")
    labels = old_jetson.inspect()["Config"]["Labels"]
    assert labels["io.mediapipe-jetson.gpu"] == "gpu"
    assert "shown on emulated cores, on no board yet" in labels["io.mediapipe-jetson.note"]


def test_the_old_boards_service_is_healthy_on_their_core(old_jetson: Image) -> None:
    done = old_jetson.health("cortex-a57")
    assert (done.returncode, done.stdout, done.stderr) == (0, "healthy\n", "")


def test_native_image_is_tested_for_real(native: Image) -> None:
    first = native.manifest["first_start"]
    assert (first["how"], first["inference"]) == ("native", "ok")
    assert native.run("selftest").returncode == 0
    assert native.inspect()["Config"]["Labels"]["io.mediapipe-jetson.target"] == "native"


def test_a_base_that_the_user_names(jetson: Image, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {jetson.manifest['image']['tag']}\n")
    docker("tag", jetson.id, BASE)
    output = tmp_path / "out"
    arguments = ("build", "--jetson", "--json", "--output", str(output), "--python", "3.11")
    try:
        done = inv(*arguments, "--base", BASE)
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert document["plan"]["base"]["kind"] == BASE
        assert document["image"]["architecture"] == "arm64"
        below = jetson.diff_ids
        assert [row["diff_id"] for row in document["archive"]["layers"]][: len(below)] == below
        wrong = inv("build", "--base", BASE, "--python", "3.11", "--output", str(output))
        assert wrong.returncode in (2, 4)
        assert one_line(wrong)
    finally:
        docker("rmi", BASE)
        # The tag stands for the default image again.
        docker("tag", jetson.id, jetson.manifest["image"]["tag"])
        shutil.rmtree(tmp_path)


def one_line(done: subprocess.CompletedProcess[str]) -> bool:
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return len(errors) == 1 and "Traceback" not in done.stderr


def test_bases_that_can_not_be_had(tmp_path: Path) -> None:
    reference = f"127.0.0.1:{free_port()}/no/image:1"
    done = inv("build", "--jetson", "--base", reference, "--output", str(tmp_path / "out"))
    assert (done.returncode, one_line(done)) == (4, True), done.stderr
    assert reference in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    tool = shutil.which("docker-registry")
    skip_without("registry")
    assert tool
    port = free_port()
    (tmp_path / "registry.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/store}}}}\n"
        f"http: {{addr: 127.0.0.1:{port}}}\n"
    )
    with subprocess.Popen(
        [tool, "serve", tmp_path / "registry.yml"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        for _ in range(50):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
        running.terminate()
    shutil.rmtree(tmp_path)


def test_push_and_pull_back(jetson: Image, registry: str) -> None:
    reference = f"{registry}/kit/mediapipe:test"
    arguments = ("build", "--jetson", "--output", str(jetson.folder))
    done = inv(*arguments, "--push", reference)
    assert done.returncode == 0, done.stderr
    tags = json.loads(
        urllib.request.urlopen(f"http://{registry}/v2/kit/mediapipe/tags/list").read()
    )
    assert tags["tags"] == ["test"]
    digests = docker("inspect", "-f", "{{json .RepoDigests}}", reference).stdout
    (digest,) = [row for row in json.loads(digests) if row.startswith(registry)]
    assert digest.partition("@")[2] in done.stderr
    docker("rmi", reference)
    try:
        pulled = docker("pull", "--platform", "linux/arm64", digest)
        assert pulled.returncode == 0, pulled.stderr
        assert docker("inspect", "-f", "{{.Id}}", digest).stdout.strip() == jetson.id
    finally:
        docker("rmi", digest)


@pytest.mark.parametrize(
    ("reference", "code"), [("127.0.0.1:{port}/x:1", 4), ("NOT/A/Reference", 2)]
)
def test_push_to_nowhere(jetson: Image, reference: str, code: int) -> None:
    place = reference.format(port=free_port())
    done = inv("build", "--jetson", "--output", str(jetson.folder), "--push", place)
    assert (done.returncode, one_line(done)) == (code, True), done.stderr
    assert (jetson.folder / "manifest.json").exists()
    docker("rmi", place)
