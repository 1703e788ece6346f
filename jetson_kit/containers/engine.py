"""The local Docker Engine: reached through its SDK, started where no init does."""

from __future__ import annotations

import contextlib
import functools
import gzip
import io
import json
import os
import posixpath
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import docker
import zstandard
from docker.errors import DockerException, ImageNotFound, TLSParameterError
from docker.models.images import Image

from jetson_kit.containers import docker_context, docker_settings, oci, podman
from jetson_kit.core.errors import BadInputError, NetworkError, StepFailedError, ToolMissingError
from jetson_kit.core.files import disk_guard
from jetson_kit.core.paths import ROOT, cache_dir

# On every image of the kit's, whatever its base.
KIT_LABEL = "io.mediapipe-jetson.target"
START = ROOT / "ci" / "start-docker.sh"
# Pulls and large loads stay within it; a dead daemon is noticed by the ping's own limit.
TIMEOUT_S = 600


@functools.cache
def client() -> docker.DockerClient:
    """Return a client of a Docker Engine that answers.

    Where dockerd is installed, nothing answers and we are root without systemd, it is started.
    Raises ToolMissingError, BadInputError.
    """
    problem = ""
    where = docker_context.address()
    docker_settings.check()
    for attempt in range(2):
        try:
            env = docker.from_env(timeout=TIMEOUT_S, environment=dict(where.environment))
            env.ping()
        except TLSParameterError as error:
            raise BadInputError(
                "the certificates for the Docker Engine (DOCKER_CERT_PATH, else ~/.docker) are not "
                "all there: ca.pem, cert.pem, key.pem",
                "put them there, or unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH",
            ) from error
        except (DockerException, OSError) as error:
            problem = str(error)
            if attempt or where.named or not _may_start():
                break
            done = subprocess.run(["sh", START], capture_output=True, text=True, check=False)
            if done.returncode:
                message = done.stderr.strip().rpartition("\n")[2].removeprefix("error: ")
                what, _, cure = message.rpartition("; ")
                raise ToolMissingError(what, cure) from error
        else:
            return env
    if shutil.which("docker") is None and shutil.which("dockerd") is None:
        raise ToolMissingError(
            "Docker is not installed", "run ./inv build as root or with sudo, once"
        )
    if podman.is_docker() and not where.chosen:
        raise ToolMissingError(
            "docker is Podman here, and its socket does not answer", podman.cure()
        )
    if not where.named and (own := docker_context.without_root()):
        raise ToolMissingError(
            f"docker does not speak to the engine that this user runs without root, at {own}",
            f"export DOCKER_HOST=unix://{own}, or: docker context use rootless",
        )
    if "Permission denied" in problem or "PermissionError" in problem:
        raise ToolMissingError(
            "this user may not use Docker", "run: sudo usermod -aG docker $USER, then log in again"
        )
    if where.named:
        raise ToolMissingError(
            f"no Docker Engine answers at {where.named}",
            "correct it, or unset it for this machine's own"
            if docker_context.HOST in os.environ
            else "start it, or choose another: docker context use NAME",
        )
    raise ToolMissingError(
        "the Docker Engine does not answer",
        "start it (sudo systemctl start docker, or sudo sh ci/start-docker.sh)",
    )


def _may_start() -> bool:
    """Tell whether we may start dockerd and no init would."""
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        return False
    return not (os.environ.get("INV_NO_INSTALL") or Path("/run/systemd/system").exists())


def image(reference: str) -> Image | None:
    """Return a local image, or None."""
    try:
        return client().images.get(reference)
    except ImageNotFound:
        return None


def containerd_store() -> bool:
    """Return whether the engine keeps images in containerd, as fresh installs of Docker 29 do."""
    rows = client().info().get("DriverStatus") or ()
    return ["driver-type", "io.containerd.snapshotter.v1"] in [list(row) for row in rows]


def diff_ids(docker_image: Image) -> tuple[str, ...]:
    """Return the digests of an image's uncompressed layers, from the base up."""
    return tuple(docker_image.attrs["RootFS"].get("Layers") or ())


def pull(reference: str, platform: str) -> Image:
    """Pull an image, or use the local one where no registry has it.

    Raises NetworkError when there is neither, ToolMissingError without a login, BadInputError for
    an image of another processor.
    """
    try:
        return client().images.pull(reference, platform=platform)
    except DockerException as error:
        local = image(reference)
        requested = platform.partition("/")[2].partition("/")[0]
        if local is not None and local.attrs["Architecture"] == requested:
            return local
        if local is not None:
            raise BadInputError(
                f"{reference} here is for {local.attrs['Architecture']}, not {requested}, and no "
                "registry gives another",
                f"name an image that is built for {requested}",
            ) from error
        if refused := docker_settings.refused_login(error):
            raise refused from error
        raise NetworkError(
            f"the base image {reference} can't be had: {_explanation(error)}",
            "check the name and the network, log in to its registry, or leave out --base",
        ) from error


def _explanation(error: DockerException) -> str:
    return str(getattr(error, "explanation", None) or error)


def with_fixed_times(tag: str) -> Image:
    """Give the image at `tag` a configuration whose bytes do not tell when it was built.

    The engine keeps the layers; only a new configuration is loaded, so the same inputs give the
    same image id, here and in every archive. An engine that refuses keeps the image that it has.
    """
    result = client().images.get(tag)
    fixed = oci.config_of(result.attrs, result.history())
    if result.id == oci.digest(fixed):
        return result
    layers = [f"{number}/layer.tar" for number in range(len(diff_ids(result)))]
    listing = [{"Config": "config.json", "RepoTags": [tag], "Layers": layers}]
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as archive:
        for name, raw in (("config.json", fixed), ("manifest.json", json.dumps(listing).encode())):
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    try:
        client().images.load(body.getvalue())
    except DockerException:
        return result
    loaded = client().images.get(tag)
    # A container of a killed build may still hold the first one: then it stays.
    with contextlib.suppress(DockerException):
        if loaded.id != result.id and not client().images.get(str(result.id)).tags:
            client().images.remove(str(result.id), noprune=True)
    return loaded


def save_layers(
    docker_image: Image, requested: set[str], keep: Callable[[str, IO[bytes]], None]
) -> None:
    """Hand the uncompressed layers named in `requested` (diff ids) to `keep`, one by one."""
    with tempfile.TemporaryFile(dir=cache_dir("tmp")) as spool, disk_guard(cache_dir("tmp")):
        for block in client().api.get_image(str(docker_image.id), chunk_size=1 << 21):
            spool.write(block)
        spool.seek(0)
        with tarfile.open(fileobj=spool) as archive:
            listing = json.loads(_read(archive, "manifest.json"))[0]
            ids = json.loads(_read(archive, listing["Config"]))["rootfs"]["diff_ids"]
            for diff_id, name in zip(ids, listing["Layers"], strict=True):
                info = archive.getmember(name)
                if info.issym():
                    info = archive.getmember(
                        posixpath.normpath(posixpath.join(posixpath.dirname(name), info.linkname))
                    )
                stream = archive.extractfile(info)
                if diff_id in requested and stream is not None:
                    keep(diff_id, _plain(stream))


def _plain(stream: IO[bytes]) -> IO[bytes]:
    """Return a layer's tar: containerd's store hands layers out as they came, often compressed."""
    start = stream.read(4)
    stream.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.open(stream))
    if start == b"\x28\xb5\x2f\xfd":
        return zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(stream)
    return stream


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    stream = archive.extractfile(name)
    if stream is None:
        raise StepFailedError(f"the engine saved an image without {name}")
    return stream.read()
