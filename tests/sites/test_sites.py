"""Two sites over a real mesh: joined, rolled out to, stopped, killed and gone on with."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from bench.sites import world as worlds
from bench.sites.world import World
from jetson_kit.fleet.sites import authority, journal
from tests.sites.decisions import decided, simulated
from tests.support.here import needs_parts, not_here_if

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    not_here_if(os.geteuid() != 0, "namespaces and overlays need root"),
    needs_parts("ip", "sshd", "rsync", "busybox"),
]


def test_a_token_is_good_once(joined: World) -> None:
    stolen = joined.join("berlin", joined.folder / "berlin.tar")
    assert stolen.returncode == 1
    assert "was used at" in stolen.stderr


def test_a_release_comes_to_all_boards_of_all_sites(joined: World) -> None:
    first = worlds.release(joined, "1")
    code, result, err = joined.rollout(first)
    assert code == 0, err
    assert result["result"] == "all"
    assert set(joined.images().values()) == {first.image_id}
    code, out, _ = joined.inv("sites.status", "-i", joined.file, "--json", "--check")
    rows = {row["site"]: row for row in map(json.loads, out.splitlines())}
    assert code == 0
    assert {name: len(row["hosts"]) for name, row in rows.items()} == {
        "berlin": 2,
        "tokyo": 2,
    }
    hosts = [board for row in rows.values() for board in row["hosts"].values()]
    assert {board["image"] for board in hosts} == {first.image_id}


def test_an_unhealthy_release_stops_at_the_canary_site(joined: World) -> None:
    before = joined.images()
    bad = worlds.release(joined, "2", kind="unhealthy")
    code, result, err = joined.rollout(bad)
    assert code == 1, err
    assert result["result"] == journal.STOPPED
    assert result["sites"]["berlin"]["state"] == journal.BACK
    assert result["sites"]["tokyo"]["state"] == journal.PENDING
    # The board and its own reason.
    assert re.search(r"berlin-light-\d: .*healthy", result["stopped"])
    assert result["stopped"] in err
    assert joined.images() == before


def test_the_simulation_decides_as_the_real_thing(joined: World) -> None:
    release = worlds.release(joined, "simulated")
    joined.rollout(release)
    top = max((joined.state / "sites" / "rollouts").glob("*.jsonl")).read_text("utf-8")
    real = [decided(map(json.loads, top.splitlines()), list(joined.places))]
    for name, place in joined.places.items():
        boards = [f"{name}-{board}" for board in place.boards.names]
        real.append(decided(map(json.loads, place.journal().splitlines()), boards))
    assert tuple(real) == simulated(0.0, joined.folder / "plan.toml")


def wait_for(what: Callable[[], object], limit_s: float = 300) -> None:
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def hit(joined: World, what: str, central: subprocess.Popen[str]) -> None:
    """Kill something with a rollout in its middle, and start it again as its unit would."""
    berlin = joined.places["berlin"]
    if what == "the central rollout":
        os.killpg(central.pid, signal.SIGKILL)
    elif what == "the site's rollout":
        wait_for(berlin.worker)
        os.kill(berlin.worker(), signal.SIGKILL)
    elif what == "a command of the site's receptor":
        wait_for(berlin.command)
        os.kill(berlin.command(), signal.SIGKILL)
    elif what == "the site's receptor":
        os.kill(berlin.pid(), signal.SIGKILL)
        time.sleep(2)
        berlin.mesh_up()
    elif what == "the central receptor":
        pid = (joined.state / "sites" / "node" / "receptor.pid").read_text().split()[0]
        os.kill(int(pid), signal.SIGKILL)
        time.sleep(2)
        assert joined.inv("sites.up", "-i", joined.file)[0] == 0
    else:
        worlds.cut(joined, "berlin", whole=False)
        time.sleep(8)
        worlds.cut(joined, "berlin", whole=True)


@pytest.mark.parametrize(
    "what",
    [
        "the central rollout",
        "the site's rollout",
        "a command of the site's receptor",
        "the site's receptor",
        "the central receptor",
        "the link",
    ],
)
def test_killed_in_the_middle_it_comes_to_the_same_end(joined: World, what: str) -> None:
    release = worlds.release(joined, what.replace(" ", "-"))
    berlin = joined.places["berlin"]
    central = joined.start(*joined.rollout_words(release), "--only", "berlin")
    wait_for(lambda: release.image_id in berlin.journal() and "switched" in berlin.journal())
    hit(joined, what, central)
    out, err = central.communicate(timeout=worlds.LIMIT_S)
    code = central.returncode
    if what == "the central rollout":
        assert code == -signal.SIGKILL
        code, out, err = joined.inv("sites.rollout", "--resume", "--json")
    assert code == 0, err
    assert json.loads(out)["result"] == "all"
    assert berlin_images(joined) == {release.image_id}


def berlin_images(joined: World) -> set[str]:
    return {image for name, image in joined.images().items() if name.startswith("berlin-")}


def test_a_full_disk_at_a_site_is_named_and_changes_nothing(joined: World) -> None:
    before = joined.images()
    release = worlds.release(joined, "full", bulk=3_000_000)
    incoming = joined.places["berlin"].folder / "incoming"
    incoming.mkdir(exist_ok=True)
    small = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(incoming)]
    subprocess.run(small, check=True)
    try:
        code, result, _ = joined.rollout(release)
        assert code == 1
        assert "no space left" in result["sites"]["berlin"]["why"]
        assert joined.images() == before
    finally:
        subprocess.run(["umount", str(incoming)], check=True)


FALSE_CLAIM = """#!/usr/bin/python3
import json, subprocess, sys
from pathlib import Path
raw = sys.stdin.buffer.read()
request = json.loads(raw.partition(b"\\n")[0])
if request["verb"] == "rollout":
    print(json.dumps({"kind": "end", "result": "all"}))
else:
    done = subprocess.run([Path(__file__).with_name("run.kept")], input=raw, check=False)
    sys.exit(done.returncode)
"""


def test_a_site_that_claims_success_without_evidence_is_not_believed(joined: World) -> None:
    before = joined.images()
    release = worlds.release(joined, "lie")
    with worlds.instead_of_run(joined, FALSE_CLAIM):
        code, result, _ = joined.rollout(release)
    assert code == 1
    assert result["result"] == journal.STOPPED
    assert "holds no rollout" in result["sites"]["berlin"]["why"]
    assert joined.images() == before


def test_a_site_with_another_kit_is_brought_to_this_one(joined: World) -> None:
    berlin = joined.places["berlin"].folder
    current = berlin / "current"
    other = berlin / "kits" / "other"
    shutil.copytree(current.resolve(), other, symlinks=True)
    (other / ".complete").write_text("0" * 64)
    aside = berlin / ".aside"
    aside.symlink_to("kits/other")
    aside.replace(current)
    release = worlds.release(joined, "kit")
    code, result, err = joined.rollout(release, "--only", "berlin")
    assert code == 0, err
    assert result["result"] == "all"
    assert current.readlink().name != "other"


def test_a_top_restored_from_an_old_backup_believes_the_boards(joined: World) -> None:
    rollouts = joined.state / "sites" / "rollouts"
    older = worlds.release(joined, "older")
    assert joined.rollout(older)[0] == 0
    path = max(rollouts.glob("*.jsonl"))
    # A backup of the moment in which the canary site was at work.
    backup = b"".join(path.read_bytes().splitlines(keepends=True)[:2])
    path.write_bytes(backup)
    code, out, err = joined.inv("sites.rollout", "--resume", "--json")
    assert code == 0, err
    assert json.loads(out)["result"] == "all"
    newer = worlds.release(joined, "newer")
    assert joined.rollout(newer)[0] == 0
    for other in set(rollouts.glob("*.jsonl")) - {path}:
        other.unlink()
    path.write_bytes(backup)
    code, out, err = joined.inv("sites.rollout", "--resume", path.stem, "--json")
    assert code == 1, err
    assert "berlin-light-1" in err
    assert set(joined.images().values()) == {newer.image_id}


def problem(joined: World) -> str:
    arguments = ("sites.status", "-i", joined.file, "--only", "berlin", "--json", "--wait", "15")
    return str(json.loads(joined.inv(*arguments)[1])["problem"])


def test_a_certificate_that_has_expired_is_not_let_in(joined: World) -> None:
    berlin = joined.places["berlin"]
    node = berlin.folder / "node"
    good = {name: (node / name).read_bytes() for name in ("tls.crt", "tls.key")}
    by = authority.ensure(joined.state / "sites" / "authority")
    (node / "tls.crt").write_bytes(
        authority.issue(by, authority.request(node / "tls.key", "berlin"), "berlin", days=-1)
    )
    os.kill(berlin.pid(), signal.SIGKILL)
    berlin.mesh_up()
    try:
        assert problem(joined)
        log = (joined.state / "sites" / "node" / "receptor.log").read_text()
        assert "expired" in log or "expired" in (node / "receptor.log").read_text()
    finally:
        for name, raw in good.items():
            (node / name).write_bytes(raw)
        os.kill(berlin.pid(), signal.SIGKILL)
        berlin.mesh_up()


def test_a_removed_site_is_out_until_it_joins_again(joined: World) -> None:
    assert joined.inv("sites.remove", "berlin", "-i", joined.file)[0] == 0
    assert "has not joined" in problem(joined)
    archive = joined.folder / "again.tar"
    code, _, err = joined.inv("sites.join", "berlin", "-i", joined.file, "--output", archive)
    assert code == 0, err
    done = joined.join("berlin", archive)
    assert done.returncode == 0, done.stderr
    assert problem(joined) == ""
