"""Light endpoints: each is a machine of its own, what moves is counted, nothing stays."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bench.scale import light
from bench.scale.light import LightEndpoints
from tests.support.here import needs_parts, not_here_if

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    not_here_if(os.geteuid() != 0, "namespaces and overlays need root"),
    needs_parts("ip"),
]


def ask(at: LightEndpoints, number: int, script: str) -> str:
    done = subprocess.run(
        at.inside([*light.ssh(at, number), script]), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def links() -> set[str]:
    return {path.name for path in Path("/sys/class/net").iterdir()}


def test_each_is_a_machine_of_its_own_and_nothing_stays() -> None:
    before = links()
    with light.up(3, {}) as at:
        names = [ask(at, number, "hostname; echo own > /var/lib/mine") for number in range(2)]
        assert names == ["light-1\n", "light-2\n"]
        assert ask(at, 2, "test -e /var/lib/mine || echo nothing") == "nothing\n"
        # sshd, its session and the shell: no process of this machine.
        assert int(ask(at, 0, "ls -d /proc/[0-9]* | wc -l")) < 10
        # In a network where nothing else is.
        assert links() == before
        refused = at.inside([*light.ssh(at, 0), "docker", "build", "."])
        done = subprocess.run(refused, capture_output=True, text=True, check=False)
        assert "stand-in" in done.stderr
        folder, holder = at.folder, at.holder
    assert not folder.exists()
    assert not Path(f"/proc/{holder}").exists()
    assert links() == before


def test_bytes_are_counted_for_each() -> None:
    with light.up(2, {}) as at:
        before = at.bytes_moved()
        ask(at, 0, "head -c 750000 /dev/urandom | base64")
        after = at.bytes_moved()
    moved = [after[name].back - before[name].back for name in at.names]
    assert 1_000_000 < moved[0] < 1_200_000
    assert moved[1] < 2000


def test_others_begin_as_the_first_one_ended() -> None:
    with light.up(1, {}) as first:
        ask(first, 0, "echo kept > /var/lib/mine; rm /etc/motd 2>/dev/null; true")
        with light.up(2, {}, first.upper(0)) as at:
            assert ask(at, 1, "cat /var/lib/mine") == "kept\n"
            ask(at, 1, "echo changed > /var/lib/mine")
            assert ask(at, 0, "cat /var/lib/mine") == "kept\n"
        assert ask(first, 0, "cat /var/lib/mine") == "kept\n"
