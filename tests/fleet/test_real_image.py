"""The image of ./inv build on a virtual device, verified there by the rollout and by ./inv."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jetson_kit.build import images, plan
from jetson_kit.build.request import Request
from jetson_kit.containers import engine
from jetson_kit.core import output_folder
from jetson_kit.core.progress import Progress
from jetson_kit.virtual_devices import container_parts
from tests.fleet.site import SETTINGS, Site

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.network]
LIMIT = "service_healthy_limit_s"


# A Docker Engine beside MediaPipe with software GL, twice while one checks its health.
MEMORY = "1g"


def test_rolled_out_and_verified(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request(variant="emulated")
    built = images.build(plan.make(request), Progress(quiet=True))
    build = output_folder.linked(built.folder, tmp_path / "real")
    site.task("release", str(build), "--key", str(site.key))
    site.say(**{LIMIT: 120}, mediapipe_tasks=["FaceLandmarker"])
    site.provision()
    host = site.names[0]
    monkeypatch.setenv("KIT_STATE", str(site.inventory.parent))
    container = engine.client().containers.get(container_parts.label(host))
    container.update(mem_limit=MEMORY, memswap_limit=MEMORY)
    try:
        arguments = ("--limit", host, "--soak", "1", "--latency", "0", "--json")
        task = site.task("rollout", str(build), "-i", str(site.inventory), *arguments)
        document = json.loads(task)
        assert document["hosts"][host]["state"] == "confirmed"
        report = json.loads((site.records(document["id"]) / "reports" / f"{host}.json").read_text())
        assert (report["verdict"], report["expected"]) == ("software", "software")
        # As a user asks afterwards, with all that a board is held to.
        result = tmp_path / "fleet.json"
        site.task(
            "verify", "-i", str(site.inventory), "--limit", host,
            "--output", str(tmp_path / "reports"), "--json", str(result),
        )  # fmt: skip
        seen = json.loads(result.read_text())["hosts"][host]
        assert seen["failed"] == []
        assert seen["as_expected"]
    finally:
        site.say(**{LIMIT: SETTINGS[LIMIT]})
