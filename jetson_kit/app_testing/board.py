"""`test.app --full`: the application on a virtual board, by the commands that a fleet is run with.

Provisioned, rolled out to, verified. A video stands in for the camera, over and over.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jetson_kit.ansible_driver import inventory
from jetson_kit.app import service
from jetson_kit.app.settings import SOURCE_VARIABLE, App
from jetson_kit.app_testing import files
from jetson_kit.build import images
from jetson_kit.build import plan as planning
from jetson_kit.build.request import Request
from jetson_kit.core import output_folder, ssh, stopping
from jetson_kit.core.errors import KitError, StepFailedError
from jetson_kit.core.paths import ROOT
from jetson_kit.core.progress import Progress
from jetson_kit.fleet.rollout import page as rollout_page
from jetson_kit.service import contract

NAME = "app"
# A Docker Engine beside MediaPipe with software OpenGL ES, twice while one checks its health.
MEMORY_MIB = 1536
FOLDER, INSIDE = "/var/lib/app-test", "/opt/app-test"
TASKS = ["FaceLandmarker"]
SOAK_S = 5
SSH_S = 120.0
LOG_LINES = 2000
# Of the fleet's records, what is for people; beside it are keys and locks.
RECORDS, KEPT = "virtual-fleet", ("provision", "rollouts")


@dataclass(frozen=True)
class Board:
    """The device, and where what it did is written."""

    state: Path
    place: Path
    stream: int

    @property
    def env(self) -> Mapping[str, str]:
        """Return the environment of the kit's commands: no records and keys but the device's."""
        return {**os.environ, "KIT_STATE": str(self.state)}

    def inv(self, *arguments: str) -> str:
        """Run a command of the kit; return what it printed. Raises StepFailedError."""
        os.write(self.stream, f"$ ./inv {shlex.join(arguments)}\n".encode())
        with files.renamed(self.stream, str(self.state / "fleet"), str(self.records)) as stream:
            done = subprocess.run(
                ["sh", ROOT / "inv", *arguments],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stream,
                check=False,
                start_new_session=stopping.requested(),
            )
        os.write(self.stream, done.stdout)
        if done.returncode:
            raise StepFailedError(f"./inv {arguments[0]} ended with exit code {done.returncode}")
        return done.stdout.decode(errors="replace")

    @property
    def records(self) -> Path:
        """Return where logs and page of provisioning and rollout are at the end."""
        return self.place / RECORDS

    def keep_records(self) -> None:
        """Copy what the commands wrote of themselves out of the folder that goes."""
        for name in KEPT:
            with contextlib.suppress(OSError):
                shutil.copytree(self.state / "fleet" / name, self.records / name)

    def down(self) -> None:
        """Remove the device and its records. Raises StepFailedError.

        Where it is still there, the records stay: another try needs them.
        """
        cure = f"remove it: KIT_STATE={shlex.quote(str(self.state))} ./inv devices.down"
        try:
            self.inv("devices.down")
        except StepFailedError as error:
            raise StepFailedError(f"the virtual board is left: {error.message}", cure) from error
        except BaseException:
            os.write(self.stream, f"the virtual board is left; {cure}\n".encode())
            raise
        shutil.rmtree(self.state, ignore_errors=True)

    def sh(self, host: inventory.Host, command: str, stdin: bytes = b"") -> bytes:
        """Run a command on it as root; return what it printed. Raises what ssh.run does."""
        done = ssh.run(host.address, command, stdin, host.ssh_options(), SSH_S)
        if done.returncode:
            raise StepFailedError(f"{command}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout


def run(app: App, video: Path, place: Path, stream: int, progress: Progress) -> int:
    """Bring the application to a virtual board; return 0 if it ran, healthy and as expected.

    Leaves `virtual.xml` (JUnit), `virtual-reports/`, `virtual-fleet/` and `virtual-app.log` in
    `place`. Raises what a build raises.
    """
    bare = replace(app, camera="", service=replace(app.service, devices=(), sockets=()))
    if app.service.devices or app.camera:
        progress.say("        the board has no camera and no devices of yours: the video stands in")
    image = planning.make(planning.by_target(Request(variant="emulated", app=bare)))
    images.build(image, progress)
    xml = place / "virtual.xml"
    xml.unlink(missing_ok=True)
    shutil.rmtree(place / RECORDS, ignore_errors=True)
    with _board(place, stream) as board:
        try:
            _through(board, bare, image.output, video, xml)
        except KitError as error:
            # The board kept only the last lines of a container that ended.
            hint = f"what it prints when it starts: docker run --rm {image.tag}"
            os.write(stream, f"{error.line()}\n        {hint}\n".encode())
            return 1
    return 0


def page(place: Path) -> Path | None:
    """Return the page of the rollout that a run left in `place`; None where it made none."""
    return next(iter(place.glob(f"{RECORDS}/rollouts/*/{rollout_page.FILE}")), None)


@contextlib.contextmanager
def _board(place: Path, stream: int) -> Iterator[Board]:
    # Sockets lie in it, whose paths are limited.
    board = Board(Path(tempfile.mkdtemp(prefix="kit-app-")), place, stream)
    try:
        yield board
    finally:
        board.keep_records()
        board.down()


def _through(board: Board, app: App, build: Path, video: Path, xml: Path) -> None:
    shape = ("--kind", "container", "--memory", str(MEMORY_MIB))
    printed = board.inv("devices.up", "--name", NAME, *shape)
    match = re.search(r"^inventory for Ansible: (.+)$", printed, re.MULTILINE)
    if not match:
        raise StepFailedError("./inv devices.up named no inventory")
    hosts = Path(match[1])
    (host,) = inventory.load(hosts)
    uid, _, gid = contract.load().user.partition(":")
    own = shlex.join(volume.partition(":")[0] for volume in app.service.volumes)
    board.sh(host, f"install -d -o {uid} -g {gid} {FOLDER} {own}")
    board.sh(host, f"cat > {FOLDER}/{video.name}", video.read_bytes())
    signers = board.inv("fleet.key", "--no-passphrase")
    place = hosts.parent / "group_vars" / "all.yml"
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(_variables(app, video, signers)), encoding="utf-8")
    board.inv("fleet.provision", "-i", str(hosts), "--tags", "image,service")
    release = board.state / "release"
    output_folder.linked(build, release)
    board.inv("fleet.release", str(release))
    try:
        board.inv("fleet.rollout", str(release), "-i", str(hosts), "--soak", str(SOAK_S))
        reports = board.place / "virtual-reports"
        board.inv("verify", "-i", str(hosts), "--output", str(reports), "--junit", str(xml))
    finally:
        with contextlib.suppress(KitError):
            log = board.sh(host, f"docker logs --tail {LOG_LINES} mediapipe 2>&1")
            (board.place / "virtual-app.log").write_bytes(log)


def _variables(app: App, video: Path, signers: str) -> dict[str, Any]:
    """Return what the inventory says of the board: the application's service, and the video."""
    own = service.variables(app)
    source = f"file://{INSIDE}/{video.name}?loop=1"
    return {
        **own,
        "service_extra_options": [
            *own["service_extra_options"],
            f"--volume={FOLDER}:{INSIDE}:ro",
        ],
        "service_environment": {**contract.load().environment, SOURCE_VARIABLE: source},
        "image_allowed_signers": signers,
        "mediapipe_tasks": TASKS,
    }
