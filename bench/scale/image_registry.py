"""A registry for the measurement: Debian's docker-registry with data of its own."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.scale.children import child
from bench.scale.release_set import ReleaseSet
from jetson_kit.core.errors import StepFailedError, ToolMissingError
from jetson_kit.core.files import write_text
from jetson_kit.core.run import run
from jetson_kit.fleet.release import registry as registries
from jetson_kit.fleet.release import registry_push

PORT = 15117
START_S = 20.0
Inside = Callable[[Sequence[str | Path]], list[str | Path]]


@dataclass(frozen=True)
class Digests:
    """What the images are called there."""

    first: str
    update: str
    rebuilt: str


def fill(folder: Path, releases: ReleaseSet) -> Digests:
    """Push all three images, with gzip layers as every engine takes them."""
    with serving(folder, "127.0.0.1", list):
        place = registries.Registry(0, "", "127.0.0.1", PORT, tls=False, ca="", htpasswd="")
        result = [
            registry_push.push(release, place).reference.partition("@")[2]
            for release in (releases.first, releases.update, releases.rebuilt)
        ]
    return Digests(*result)


def reference(address: str, digest: str) -> str:
    """Return what a device pulls."""
    return f"{address}:{PORT}/{registry_push.REPOSITORY}@{digest}"


@contextlib.contextmanager
def serving(folder: Path, address: str, inside: Inside) -> Iterator[None]:
    """Serve what is in `folder`; `inside` puts a command line into the devices' network."""
    if shutil.which("docker-registry") is None:
        raise ToolMissingError(
            "docker-registry is not installed", "install it: apt-get install docker-registry"
        )
    settings = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"{address}:{PORT}"},
    }
    write_text(folder / "config.json", json.dumps(settings))
    with child(inside(["docker-registry", "serve", folder / "config.json"])) as server:
        end = time.monotonic() + START_S
        probe = inside(["curl", "-sf", "-o", "/dev/null", f"http://{address}:{PORT}/v2/"])
        while not _answers(probe):
            if server.poll() is not None or time.monotonic() > end:
                raise StepFailedError(f"no registry comes up at {address}:{PORT}")
            time.sleep(0.2)
        yield


def _answers(command: Sequence[str | Path]) -> bool:
    try:
        run(command, what="ask the registry", timeout_s=5)
    except StepFailedError:
        return False
    return True
