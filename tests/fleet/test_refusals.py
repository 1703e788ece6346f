"""What provisioning refuses on real devices: one line says why, and the board is as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.boards import Boards

pytestmark = [pytest.mark.docker, pytest.mark.slow]
ROLES = ("docker_engine", "nvidia_runtime", "power_mode")
TOOLKIT = "/usr/local/lib/mediapipe-jetson/stand-ins/toolkit"
STATE = """\
cat /etc/docker/daemon.json
ls -R /etc/mediapipe-jetson /etc/systemd/system /usr/local/sbin 2>&1 || true
ls /var/lib/mediapipe-jetson 2>/dev/null || true
"""


@pytest.mark.parametrize(
    ("prepare", "variables", "expected"),
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
    boards: Boards, tmp_path: Path, prepare: str, variables: dict[str, str], expected: str
) -> None:
    """One line says why, and the board is as it was."""
    boards.sh(
        f"cp {TOOLKIT} /root/toolkit; cp /etc/docker/daemon.json /root/daemon.json; {prepare}"
    )
    try:
        state = boards.sh(STATE)
        outcome, _ = boards.play(
            "provision",
            tmp_path / "log",
            variables=variables,
            hosts=(boards.hosts[0].name,),
            tags=ROLES,
        )
        assert boards.sh(STATE) == state
    finally:
        boards.sh(f"cp /root/toolkit {TOOLKIT}; cp /root/daemon.json /etc/docker/daemon.json")
    (host,) = outcome.hosts.values()
    assert host.status == "failed"
    assert expected in " ".join(host.messages), host.messages
