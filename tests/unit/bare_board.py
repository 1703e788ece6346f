"""The board's program beside a folder that stands for a device's root; no engine answers there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from jetson_kit.core.paths import COLLECTION
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release

FILES = COLLECTION / "roles" / "image" / "files"
LIB = "var/lib/mediapipe-jetson"


class Board:
    """A root folder, and the key that it trusts."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        (self.root / "etc/mediapipe-jetson").mkdir(parents=True)
        self.key = folder / "key"
        signing.make_key(self.key, "test", passphrase=False)
        self.trust(self.key)

    def trust(self, *keys: Path, owners: tuple[Path, ...] = (), threshold: int = 1) -> None:
        """Trust these keys, as the role image writes it."""
        text = signing.signers([key.with_name(key.name + ".pub") for key in keys])
        text += signing.signers(
            [key.with_name(key.name + ".pub") for key in owners], signing.OWNERS
        )
        etc = self.root / "etc/mediapipe-jetson"
        (etc / "allowed_signers").write_text(text)
        (etc / "image.json").write_text(json.dumps({"release_threshold": threshold}))

    def call(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the program."""
        return self._python("-m", "mediapipe_image", *map(str, arguments))

    def _python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            env={
                **os.environ,
                "PYTHONPATH": str(FILES),
                "PYTHONDONTWRITEBYTECODE": "1",
                "MEDIAPIPE_IMAGE_ROOT": str(self.root),
                "DOCKER_HOST": f"unix://{self.root}/none.sock",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, *arguments: str | Path, code: int) -> str:
        """Run the program, which must end with `code`; return the line that it said of it."""
        done = self.call(*arguments)
        assert done.returncode == code, done.stderr
        assert len(done.stderr.splitlines()) <= 1
        return done.stderr

    def state(self) -> list[str]:
        """Return the files that the program keeps."""
        lib = self.root / LIB
        return sorted(str(path) for path in lib.rglob("*")) if lib.exists() else []

    def seen(self) -> dict[str, Any]:
        """Return what the board has seen of releases and signers."""
        document: dict[str, Any] = json.loads((self.root / LIB / "trust.json").read_text())
        return document

    def on_trial(self, release: Release) -> None:
        """Put the board on a release's image as if it had been switched to it."""
        lib = self.root / LIB
        (lib / "releases").mkdir(parents=True, exist_ok=True)
        entry = {
            "image_id": release.image_id, "manifest_digest": release.manifest_digest,
            "reference": release.name, "since": "", "why": "", "rollout": "", "state": "trial",
        }  # fmt: skip
        state: dict[str, Any] = {
            "schema": "mediapipe-jetson/device/1", "boots": [], "history": [],
            "current": entry, "previous": None, "older": None,
        }  # fmt: skip
        record = {
            "schema": "mediapipe-jetson/device-release/1", "state": "ready", "boot_id": "",
            "had": 0, "way": "archive", "at": "", "engine_id": release.image_id,
            "release": json.loads(release.path.read_text()),
        }  # fmt: skip
        for item in ("state.json", "state.copy.json"):
            (lib / item).write_text(json.dumps(state))
        name = release.image_id.partition(":")[2] + ".json"
        (lib / "releases" / name).write_text(json.dumps(record))

    def confirm(self, release: Release) -> None:
        """Have the board confirm a release's image, after the switch to it."""
        self.on_trial(release)
        # What confirm does of trust: the rest of it asks the engine, and there is none here.
        code = f"from mediapipe_image import change; change._number({release.image_id!r})"
        self._python("-c", code).check_returncode()
