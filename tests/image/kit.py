"""The real command in a subprocess, and what it made."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import zstandard

from jetson_kit.core.files import extract_tar
from jetson_kit.core.paths import ROOT
from jetson_kit.emulation import cores as emulation

NEEDS = ("docker", "qemu", "network", "slow")
TIMEOUT_S = 600


def inv(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    before: tuple[str, ...] = (),
    limit_s: float = TIMEOUT_S,
) -> subprocess.CompletedProcess[str]:
    """Run ./inv as a user does."""
    return subprocess.run(
        [*before, str(ROOT / "inv"), *arguments],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=limit_s,
    )


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Docker client."""
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )


@dataclass(frozen=True)
class Image:
    """A built image: its manifest and its folder in place of dist/."""

    manifest: dict[str, Any]
    folder: Path

    @property
    def id(self) -> str:
        image_id: str = self.manifest["image"]["id"]
        return image_id

    @property
    def archive(self) -> Path:
        return self.folder / str(self.manifest["archive"]["file"])

    @property
    def diff_ids(self) -> list[str]:
        return [layer["diff_id"] for layer in self.manifest["archive"]["layers"]]

    def inspect(self) -> dict[str, Any]:
        """Return what the engine says of it."""
        result: dict[str, Any] = json.loads(docker("inspect", self.id).stdout)[0]
        return result

    def run(
        self, *arguments: str, options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run it with the least rights: read-only, no capability, no network."""
        return docker(
            *("run", "--rm", "--read-only", "--cap-drop", "ALL", "--network", "none"),
            *("--security-opt", "no-new-privileges", "--tmpfs", "/tmp:size=64m"),
            *("--platform", f"linux/{self.manifest['image']['architecture']}"),
            *options,
            self.id,
            *arguments,
        )

    def health(self, core: str) -> subprocess.CompletedProcess[str]:
        """Run its health check in a container with an emulated core, beside a program."""
        cpu = emulation.core(core)
        command = self.inspect()["Config"]["Healthcheck"]["Test"][1:]
        name = f"mediapipe-jetson-test-health-{core}"
        docker("rm", "-f", name)
        started = docker(
            *("run", "-d", "--rm", "--init", "--read-only", "--name", name),
            *("--platform", "linux/arm64", "--env", f"QEMU_CPU={cpu.qemu}"),
            *("--volume", f"{emulation.cpuinfo_file(cpu)}:{emulation.CPUINFO}:ro"),
            *(self.id, "python3", "-c", "import time; time.sleep(120)"),
        )
        try:
            assert started.returncode == 0, started.stderr
            return docker("exec", name, *command)
        finally:
            docker("rm", "-f", name)

    def layers(self) -> list[bytes]:
        """Return the uncompressed layers of the archive, from the base up."""
        with tarfile.open(self.archive) as archive:
            contents = []
            for layer in self.manifest["archive"]["layers"]:
                stream = archive.extractfile("blobs/sha256/" + layer["digest"].partition(":")[2])
                assert stream is not None
                with zstandard.ZstdDecompressor().stream_reader(stream) as raw:
                    contents.append(raw.read())
        return contents

    def open_layers(self) -> list[IO[bytes]]:
        """Return the uncompressed layers as files."""
        return [io.BytesIO(layer) for layer in self.layers()]


@dataclass(frozen=True)
class Tree:
    """The files of an image, unpacked from its archive."""

    root: Path
    members: dict[str, tarfile.TarInfo]

    def matching(self, folder: str) -> list[str]:
        """Return the files below a folder."""
        return [n for n, i in self.members.items() if n.startswith(folder) and not i.isdir()]


def unpack(image: Image, folder: Path) -> Tree:
    """Unpack an image's archive."""
    members: dict[str, tarfile.TarInfo] = {}
    for layer in image.layers():
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            for info in archive:
                members[info.name.strip("/")] = info
            extract_tar(archive, folder)
    return Tree(folder, members)
