"""A virtual device with the roles image and service, and what tests do with it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from tests.fleet import known, small_release

LIB = "/var/lib/mediapipe-jetson"
INCOMING = f"{LIB}/incoming/release.json"
BLOBS = f"{LIB}/blobs/sha256"


@dataclass
class Board:
    """The device; `login` is ssh with its options, the host last."""

    host: str
    login: list[str]
    key: Path
    folder: Path
    inventory: Path
    made: int = 0

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the device."""
        return subprocess.run(
            [*self.login, *arguments], capture_output=True, text=True, check=False, timeout=300
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command that must end with `code`; return what it said."""
        done = self.ask(*arguments)
        assert done.returncode == code, (
            f"{arguments}: {done.returncode}: {done.stdout}{done.stderr}"
        )
        return done.stdout if code == 0 else done.stderr

    def image(self, *arguments: str, code: int = 0) -> str:
        """Run mediapipe-image."""
        return self.run("mediapipe-image", *arguments, code=code)

    def status(self) -> dict[str, Any]:
        """Return the device's own status."""
        document: dict[str, Any] = json.loads(self.image("status", "--json"))
        return document

    def running(self) -> str:
        """Return the image that docker runs, asked without the program."""
        return known.image_id(self.run(known.ASK))

    def there(self) -> set[str]:
        """Return the images that docker has, asked without the program."""
        listed = self.run(
            "docker image ls --no-trunc -q | sort -u"
            " | xargs -r docker image inspect -f '{{.Id}} {{json .RootFS.Layers}}'"
        )
        return {known.image_id(line) for line in listed.splitlines()}

    @property
    def containerd(self) -> bool:
        """Return whether its engine keeps images in containerd."""
        return "containerd.snapshotter" in self.run("docker info -f '{{.DriverStatus}}'")

    def release(
        self, kind: str = small_release.GOOD, bulk: int = 200_000, check_s: int = 1
    ) -> Release:
        """Return a new signed release; docker runs its check every `check_s` seconds."""
        self.made += 1
        name = f"{self.host}-{self.made}"
        folder = self.folder / name
        result = small_release.build(folder, name, kind=kind, bulk=bulk, check_s=check_s)
        signing.sign(result.path, self.key)
        return result

    def rsync(self, source: Sequence[str], target: str, *options: str) -> list[str]:
        """Return the command that sends files."""
        shell = " ".join(self.login[:-1])
        return ["rsync", "--stats", *options, "-e", shell, *source, f"{self.login[-1]}:{target}"]

    def offer(self, release: Release, code: int = 0) -> dict[str, Any]:
        """Send a release and ask what is missing."""
        paths = [str(release.path) + signing.SUFFIX, str(release.path)]
        subprocess.run(
            self.rsync(paths, f"{LIB}/incoming/", "--checksum"),
            check=True,
            capture_output=True,
            timeout=600,
        )
        image = self.image("missing", "--json", INCOMING, code=code)
        return {"said": image} if code else dict(json.loads(image))

    def layers(self, release: Release, missing: dict[str, Any], *options: str) -> list[str]:
        """Return the command that sends what is missing, as the role does."""
        only = [f"--include={layer['digest'][7:]}.part" for layer in missing["layers"]]
        more = ["--recursive", "--partial", "--append-verify", *only, "--exclude=*", *options]
        return self.rsync([f"{releases.layers(release)}/"], f"{BLOBS}/", *more)

    def fetch(self, release: Release) -> int:
        """Bring a release to the device; return the bytes that rsync sent for layers."""
        missing = self.offer(release)
        sent = 0
        if missing["layers"]:
            done = subprocess.run(
                self.layers(release, missing),
                check=True,
                capture_output=True,
                text=True,
                timeout=600,
            )
            sent = total_sent(done.stdout)
        self.image("receive", INCOMING)
        return sent

    def good(self, release: Release) -> None:
        """Put the device on a release for good."""
        self.fetch(release)
        self.image("switch", release.image_id)
        self.image("confirm", release.image_id)

    def settle_on(self, image_id: str, limit_s: float = 180.0) -> None:
        """Wait until docker runs an image, healthy or not."""
        end = time.monotonic() + limit_s
        while known.image_id(self.ask(known.ASK).stdout) != image_id:
            assert time.monotonic() < end
            time.sleep(0.3)

    def settle(self, image_id: str, limit_s: float = 180.0) -> dict[str, Any]:
        """Wait until the device runs an image and says so, for good."""
        end = time.monotonic() + limit_s
        while True:
            body = self.status()
            current = body["current"] or {}
            if current.get("image_id") == image_id and body["settled"]:
                assert self.running() == image_id
                return body
            assert time.monotonic() < end, json.dumps(body)
            time.sleep(0.3)


def total_sent(stats: str) -> int:
    """Return the bytes that rsync put on the wire."""
    line = next(item for item in stats.splitlines() if item.startswith("Total bytes sent"))
    return int(line.partition(":")[2].replace(",", ""))
