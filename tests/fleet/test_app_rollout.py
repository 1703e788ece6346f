"""A user's application on a board: rolled out, healthy by its frames, put back when it crashes."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.app import service, settings
from jetson_kit.app_testing import scaffold
from jetson_kit.build import images, plan
from jetson_kit.build.request import Request
from jetson_kit.containers import engine
from jetson_kit.core import output_folder
from jetson_kit.core.progress import Progress
from jetson_kit.fleet.release.release import load
from jetson_kit.virtual_devices import container_parts
from tests.fleet import known
from tests.fleet.site import SETTINGS, Site

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.network, pytest.mark.one_engine]
MEMORY = "1g"
DATA = "/var/lib/door"
# The template's program, whose video ends, as a camera's pictures do not; as slow as one, too.
FOREVER = """
import time
import app
while True:
    app.run("/data/clip.avi")
    time.sleep(8)
"""
SERVICE = f"""
[service]
devices = []
ports = ["8080:8080"]
volumes = ["{DATA}:/data:ro"]
"""


@dataclass
class Application:
    """A user's folder, and the site whose board runs it."""

    place: Path
    site: Site
    builds: int = 0

    @property
    def board(self) -> str:
        """Return the name of the board."""
        return self.site.names[0]

    def build(self) -> Path:
        """Build an image that the board's processor runs, and sign its release."""
        self.builds += 1
        request = Request(variant="emulated", app=settings.load(self.place))
        result = images.build(plan.make(request), Progress(quiet=True))
        folder = output_folder.linked(result.folder, self.place.parent / f"build-{self.builds}")
        self.site.task("release", str(folder), "--key", str(self.site.key))
        known.add(load(folder))
        return folder

    def rollout(self, folder: Path, code: int = 0) -> dict[str, Any]:
        """Roll a build out to the board; return its row of the result."""
        arguments = ("-i", str(self.site.inventory), "--limit", self.board)
        task = self.site.task(
            "rollout", str(folder), *arguments, "--soak", "1", "--latency", "0", "--json", code=code
        )
        row: dict[str, Any] = json.loads(task)["hosts"][self.board]
        return row


@pytest.fixture
def application(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    """Return an application whose service the board has, and whose video lies there."""
    place = scaffold.new(tmp_path / "door-camera", "face")
    text = (place / "jetson.toml").read_text(encoding="utf-8")
    # The board has no camera.
    text = re.sub(r"^camera = .*\n", "", text, flags=re.MULTILINE)
    before, _, after = text.partition("\n[service]\n")
    text = f"{before}{SERVICE}\n[test]\n{after.partition('[test]')[2]}"
    (place / "jetson.toml").write_text(text.replace('"app.py"]', '"forever.py"]'))
    (place / "forever.py").write_text(FOREVER)
    app = settings.load(place)
    variables = service.variables(app)
    site.say(**variables, service_healthy_limit_s=120, mediapipe_tasks=["FaceLandmarker"])
    site.provision()
    result = Application(place, site)
    monkeypatch.setenv("KIT_STATE", str(site.inventory.parent))
    container = engine.client().containers.get(container_parts.label(result.board))
    container.update(mem_limit=MEMORY, memswap_limit=MEMORY)
    site.boards.sh(f"install -d {DATA}", 0)
    subprocess.run(
        ["docker", "cp", str(place / "tests" / "clip.avi"), f"{container.id}:{DATA}/clip.avi"],
        check=True,
        timeout=60,
    )
    return result


def test_it_runs_is_verified_updated_and_put_back(application: Application, tmp_path: Path) -> None:
    site = application.site
    try:
        row = application.rollout(application.build())
        assert row["state"] == "confirmed"
        assert "forever.py" in site.boards.sh("docker top mediapipe", 0)
        assert "478 landmarks" in site.boards.sh("docker logs mediapipe 2>&1", 0)
        reports, result = tmp_path / "reports", tmp_path / "fleet.json"
        site.task(
            "verify", "-i", str(site.inventory), "--limit", application.board,
            "--output", str(reports), "--json", str(result),
        )  # fmt: skip
        seen = json.loads(result.read_text())["hosts"][application.board]
        assert seen["failed"] == []
        # One line more: the board takes it.
        program = application.place / "forever.py"
        program.write_text("print('the second one', flush=True)\n" + FOREVER)
        assert application.rollout(application.build())["state"] == "confirmed"
        assert "the second one" in site.boards.sh("docker logs mediapipe 2>&1", 0)
        good = site.boards.sh(known.ASK, 0)
        # One that crashes at once: the board goes back by itself, and runs what it ran.
        program.write_text("import sys\nsys.exit('\\x1b[31mred\\x1b[0m\\n\\aa mistake')\n")
        site.say(service_healthy_limit_s=20)
        site.provision()
        row = application.rollout(application.build(), code=1)
        assert row["state"] != "confirmed"
        reason = "the application ended with exit code 1; its last lines: red | a mistake"
        assert reason in row["why"]
        assert site.boards.sh(known.ASK, 0) == good
        # What it runs now is well, and an end on request is none.
        assert json.loads(site.boards.sh("mediapipe-image status --json", 0))["ended"] == ""
        site.boards.sh("systemctl restart mediapipe", 0)
        assert site.boards.sh("test -e /run/mediapipe-image/ended.json || echo none", 0) == "none\n"
        # One that is killed is not on request, and starts again; it is well soon after.
        site.boards.sh("docker kill mediapipe", 0)
        message = site.boards.sh(
            "for i in $(seq 100); do test -e /run/mediapipe-image/ended.json && break; sleep 0.2; "
            "done; stat -c '%a %U' /run/mediapipe-image/ended.json; mediapipe-image status",
            0,
        )
        assert message.startswith("600 root\n")
        assert "the application ended with exit code 137; its last lines:" in message
    finally:
        site.say(service_healthy_limit_s=SETTINGS["service_healthy_limit_s"])
