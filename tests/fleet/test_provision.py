"""Provisioning, on a real device: what check mode foretells, a second run, uninstall."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jetson_kit.ansible_driver import board_program
from tests.fleet.boards import Boards, changed
from tests.fleet.foreign import PROVISION, ROLE, Foreign
from tests.fleet.site import Site
from tests.support.here import skip_without

pytestmark = [pytest.mark.docker, pytest.mark.slow]
# By the module that the inventory says: another mode than it has out of the box, and its GPU.
MODES = {"nano": "5W", "orin-nano-8gb": "MAXN_SUPER"}
SM = {"nano": "5.3", "orin-nano-8gb": "8.7"}
ROLES = ("docker_engine", "nvidia_runtime", "power_mode")


@pytest.mark.one_engine
def test_provision_check_again_and_uninstall(controller: Site, tmp_path: Path) -> None:
    boards, log = controller.boards, tmp_path / "log"
    hosts = (boards.hosts[0].name,)
    mode = MODES[_module(boards)]
    ours = {"power_mode_name": mode, "power_mode_clocks": "fixed"}
    if controller.ready:
        boards.play("uninstall", log)
        controller.ready = False
    before = json.loads(boards.sh("cat /etc/docker/daemon.json"))

    outcome, foretold = boards.play(
        "provision", log, hosts=hosts, variables=ours, check=True, diff=True, tags=ROLES
    )
    assert not outcome.failed, outcome
    assert boards.sh("ls /var/lib/mediapipe-jetson 2>/dev/null | wc -l").strip() == "0"

    done, seen = boards.play("provision", log, hosts=hosts, variables=ours, diff=True, tags=ROLES)
    assert not done.failed, done
    assert changed(seen) == changed(foretold)
    assert done.changed >= len(ROLES)
    foretold_diffs = {(e.host, e.task): _lines(e.result.get("diff")) for e in foretold}
    for event in seen:
        if event.status == "changed" and event.result.get("diff"):
            assert _lines(event.result["diff"]) == foretold_diffs[event.host, event.task]

    whole, _ = boards.play("provision", log, hosts=hosts, variables=ours)
    assert not whole.failed, whole
    second_outcome, seen = boards.play("provision", log, hosts=hosts, variables=ours)
    assert not second_outcome.failed, second_outcome
    assert changed(seen) == []
    assert second_outcome.changed == 0

    settings = json.loads(boards.sh("cat /etc/docker/daemon.json"))
    assert settings == before | {"live-restore": True}
    assert "true" in boards.sh("docker info --format '{{.LiveRestoreEnabled}}'")
    assert mode in boards.sh("nvpmodel -q")
    assert boards.sh("systemctl is-active mediapipe-jetson-clocks").strip() == "active"

    gone, _ = boards.play("uninstall", log, hosts=hosts, variables=ours)
    assert not gone.failed, gone
    assert json.loads(boards.sh("cat /etc/docker/daemon.json")) == before
    left = boards.sh("ls /etc/systemd/system /usr/local/sbin /var/lib/mediapipe-jetson")
    for name in ("clocks", "mediapipe.service", "mediapipe-image", ".json"):
        assert name not in left
    nothing, seen = boards.play("uninstall", log, hosts=hosts, variables=ours)
    assert changed(seen) == [], nothing


def _module(boards: Boards) -> str:
    return str(boards.hosts[0].variables["mediapipe_module"])


def _lines(diff: object) -> list[object]:
    """Return the texts of a diff; the names of temporary files in its heads are left out."""
    rows = diff if isinstance(diff, list) else [diff]
    return [(row.get("before"), row.get("after")) for row in rows if isinstance(row, dict)]


@pytest.mark.one_engine
def test_a_first_image_that_lacks_a_device_is_told_and_can_be_mended(
    controller: Site, tmp_path: Path
) -> None:
    skip_without("rsync", "busybox")
    if controller.ready:
        controller.boards.play("uninstall", tmp_path / "log")
    controller.say(service_extra_options=["--device=/dev/video9"])
    controller.provision()
    done = controller.rollout(controller.release(), code=1)
    reason = done["hosts"][controller.names[0]]["why"]
    assert "the engine does not start the container: " in reason
    assert "/dev/video9" in reason
    assert "there was none before it, so the service is stopped" in reason

    controller.say(service_extra_options=[])
    controller.provision()
    new = controller.release()
    controller.rollout(new)
    assert controller.running() == [new.image_id] * len(controller.names)
    controller.boards.play("uninstall", tmp_path / "log")
    controller.ready = False


def test_facts_are_the_boards_own(boards: Boards, tmp_path: Path) -> None:
    _, seen = boards.play("provision", tmp_path / "log", tags=("jetson_facts",))
    for event in seen:
        if event.task == "jetson_facts : Read what this machine is":
            facts = event.result["ansible_facts"]["jetson"]
            assert facts["module"] == _module(boards)
            assert facts["emulated"] is True
            assert facts["sm"] == SM[_module(boards)]
            assert facts["docker"]["running"] is True
            assert facts["free_mb"]["/"] > 0
            return
    pytest.fail("the facts were not read")


@pytest.mark.newest_board
@pytest.mark.network
def test_another_project_provisions_by_the_installed_collection(
    controller: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    boards, name = controller.boards, controller.boards.hosts[0].name
    # Sockets of ssh lie in it, whose paths are limited.
    project = Foreign.begin(tmp_path_factory.mktemp("p"))
    hosts = ("--limit", name)
    wrong = (*hosts, "-e", "jetson_facts_module=xavier-nx")
    message = project.play(ROLE, boards.inventory, *wrong, code=2)
    assert f"the board is a {_module(boards)}, the inventory says xavier-nx" in message

    done = project.play(PROVISION, boards.inventory, *hosts, "-e", "power_mode_clocks=fixed")
    controller.ready = False
    assert "failed=0" in done
    assert boards.sh("systemctl is-active mediapipe-jetson-clocks").strip() == "active"
    assert boards.sh("systemctl is-enabled mediapipe.service").strip() == "enabled"
    assert board_program.same(json.loads(boards.sh("mediapipe-image version --json")))
    gone, _ = boards.play("uninstall", project.folder / "log", hosts=(name,))
    assert not gone.failed, gone
