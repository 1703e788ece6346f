"""Provisioning, on real devices: what check mode foretells, a second run, refusals, uninstall."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fleet.boards import Boards, changed
from tests.fleet.site import Site

pytestmark = [pytest.mark.docker, pytest.mark.slow]
OURS = {"power_mode_name": "MAXN_SUPER", "power_mode_clocks": "fixed"}
ROLES = ("docker_engine", "nvidia_runtime", "power_mode")
TOOLKIT = "/usr/local/lib/mediapipe-jetson/stand-ins/toolkit"
STATE = """\
cat /etc/docker/daemon.json; ls -R /etc/mediapipe-jetson /etc/systemd/system /usr/local/sbin
ls /var/lib/mediapipe-jetson 2>/dev/null || true
"""


def test_provision_check_again_and_uninstall(controller: Site, tmp_path: Path) -> None:
    boards, log = controller.boards, tmp_path / "log"
    hosts = (boards.hosts[0].name,)
    if controller.ready:
        boards.play("uninstall", log)
        controller.ready = False
    before = json.loads(boards.sh("cat /etc/docker/daemon.json"))

    told, foretold = boards.play(
        "provision", log, hosts=hosts, variables=OURS, check=True, diff=True, tags=ROLES
    )
    assert not told.failed, told
    assert boards.sh("ls /var/lib/mediapipe-jetson 2>/dev/null | wc -l").strip() == "0"

    done, seen = boards.play("provision", log, hosts=hosts, variables=OURS, diff=True, tags=ROLES)
    assert not done.failed, done
    assert changed(seen) == changed(foretold)
    assert done.changed >= len(ROLES)
    foretold_diffs = {(e.host, e.task): _lines(e.result.get("diff")) for e in foretold}
    for event in seen:
        if event.status == "changed" and event.result.get("diff"):
            assert _lines(event.result["diff"]) == foretold_diffs[event.host, event.task]

    whole, _ = boards.play("provision", log, hosts=hosts, variables=OURS)
    assert not whole.failed, whole
    again, seen = boards.play("provision", log, hosts=hosts, variables=OURS)
    assert not again.failed, again
    assert changed(seen) == []
    assert again.changed == 0

    settings = json.loads(boards.sh("cat /etc/docker/daemon.json"))
    assert settings == before | {"live-restore": True}
    assert "true" in boards.sh("docker info --format '{{.LiveRestoreEnabled}}'")
    assert "MAXN_SUPER" in boards.sh("nvpmodel -q")
    assert boards.sh("systemctl is-active mediapipe-jetson-clocks").strip() == "active"

    gone, _ = boards.play("uninstall", log, hosts=hosts, variables=OURS)
    assert not gone.failed, gone
    assert json.loads(boards.sh("cat /etc/docker/daemon.json")) == before
    left = boards.sh("ls /etc/systemd/system /usr/local/sbin /var/lib/mediapipe-jetson")
    for name in ("clocks", "mediapipe.service", "mediapipe-image", ".json"):
        assert name not in left
    nothing, seen = boards.play("uninstall", log, hosts=hosts, variables=OURS)
    assert changed(seen) == [], nothing


def _lines(diff: object) -> list[object]:
    """Return the texts of a diff; the names of temporary files in its heads are left out."""
    rows = diff if isinstance(diff, list) else [diff]
    return [(row.get("before"), row.get("after")) for row in rows if isinstance(row, dict)]


@pytest.mark.parametrize(
    ("prepare", "variables", "words"),
    [
        (
            f"echo 1.17.2-1 >{TOOLKIT}",
            {"nvidia_runtime_when_broken": "refuse"},
            "known to be broken",
        ),
        ("true", {"nvidia_runtime_version": "1.17.3"}, "nvidia_runtime_version 1.17.3 is known"),
        ("true", {"power_mode_name": "TURBO"}, "no power mode TURBO; it has 15W, 25W"),
        ("true", {"power_mode_fan": "cool"}, "no /etc/nvfancontrol.conf"),
        ("true", {"mediapipe_module": "agx-thor"}, "the inventory says agx-thor"),
        ("true", {"mediapipe_l4t": "36.4.3"}, "runs L4T 36.4.4, the inventory says 36.4.3"),
        ("true", {"docker_engine_when_broken": "ignore"}, "docker_engine_when_broken"),
        ("echo '{' >/etc/docker/daemon.json", {}, "daemon.json is no JSON"),
    ],
)
def test_what_is_wrong_is_refused_and_left(
    boards: Boards, tmp_path: Path, prepare: str, variables: dict[str, str], words: str
) -> None:
    """One line says why, and the board is as it was."""
    boards.sh(
        f"cp {TOOLKIT} /root/toolkit; cp /etc/docker/daemon.json /root/daemon.json; {prepare}"
    )
    try:
        state = boards.sh(STATE)
        found, _ = boards.play(
            "provision",
            tmp_path / "log",
            variables=variables,
            hosts=(boards.hosts[0].name,),
            tags=ROLES,
        )
        assert boards.sh(STATE) == state
    finally:
        boards.sh(f"cp /root/toolkit {TOOLKIT}; cp /root/daemon.json /etc/docker/daemon.json")
    (host,) = found.hosts.values()
    assert host.status == "failed"
    assert words in " ".join(host.messages), host.messages


def test_facts_are_the_boards_own(boards: Boards, tmp_path: Path) -> None:
    _, seen = boards.play("provision", tmp_path / "log", tags=("jetson_facts",))
    for event in seen:
        if event.task == "jetson_facts : Read what this machine is":
            facts = event.result["ansible_facts"]["jetson"]
            assert facts["module"] == "orin-nano-8gb"
            assert facts["emulated"] is True
            assert facts["sm"] == "8.7"
            assert facts["docker"]["running"] is True
            assert facts["free_mb"]["/"] > 0
            return
    pytest.fail("the facts were not read")
