"""Receiving on a virtual device: only what is missing, resumed, checked, refused where it must."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from jetson_kit.fleet.release import release as releases
from tests.fleet.board import BLOBS, INCOMING, LIB, Board

pytestmark = [pytest.mark.docker, pytest.mark.slow]
TORTURE = Path(__file__).with_name("torture.py")
KILLS = 50


def test_a_cut_transfer_goes_on_where_it_was(board: Board) -> None:
    release = board.release(bulk=3_000_000)
    missing = board.offer(release)
    child = subprocess.Popen(board.layers(release, missing, "--bwlimit=400"))
    time.sleep(4)
    child.kill()
    child.wait()
    time.sleep(1)
    came = missing["bytes_to_send"] - board.offer(release)["bytes_to_send"]
    assert came > 200_000
    assert "send it again" in board.image("receive", INCOMING, code=5)
    sent = board.fetch(release)
    assert sent < missing["bytes_to_send"] - came + 20_000
    assert board.run("ls", BLOBS) == ""


def test_a_damaged_layer_is_removed_and_sent_again(board: Board) -> None:
    release = board.release(bulk=210_000)
    missing = board.offer(release)
    subprocess.run(board.layers(release, missing), check=True, capture_output=True)
    part = f"{BLOBS}/{release.layers[1].file}"
    board.run(f"printf X | dd of={part} bs=1 seek=100000 conv=notrunc status=none")
    before = board.status()
    assert "came damaged" in board.image("receive", INCOMING, code=5)
    assert board.ask("test", "-e", part).returncode == 1
    assert board.status()["images"] == before["images"]
    board.fetch(release)


def test_a_layer_that_lost_its_bytes_is_offered_anew(board: Board) -> None:
    release = board.release(bulk=230_000)
    missing = board.offer(release)
    subprocess.run(board.layers(release, missing), check=True, capture_output=True)
    # As a power cut leaves it: its length, and nothing in it.
    part = f"{BLOBS}/{release.layers[1].file}"
    board.run(f"size=$(stat -c %s {part}) && truncate -s 0 {part} && truncate -s $size {part}")
    assert board.offer(release)["bytes_to_send"] == release.layers[1].size
    board.fetch(release)


def test_no_space_is_said_before_anything_is_sent(board: Board) -> None:
    release = board.release(bulk=220_000)
    place = "/var/lib/docker/filler"
    board.run(
        f"fallocate -l $(($(df --output=avail -B1 /var/lib/docker|tail -1)-300000000)) {place}"
    )
    try:
        message = board.offer(release)
        assert message["bytes_to_send"] > 0
        board.run(
            f"fallocate -l $(($(df --output=avail -B1 /var/lib/docker|tail -1)-1000000)) {place}2"
        )
        assert "bytes with its reserve" in board.offer(release, code=6)["said"]
        board.image("receive", INCOMING, code=5)
        assert board.run("ls", BLOBS) == ""
    finally:
        board.run(f"rm -f {place} {place}2")
    board.fetch(release)


def test_a_full_disk_while_it_loads_changes_nothing(board: Board) -> None:
    good, release = board.release(), board.release(bulk=60_000_000)
    board.good(good)
    missing = board.offer(release)
    subprocess.run(board.layers(release, missing), check=True, capture_output=True)
    # Taken away as soon as the check has passed; root may use the blocks that df leaves out.
    free = "$(($(stat -f -c '%f*%S' /var/lib/docker)-10000000))"
    try:
        output = board.run(
            f"mediapipe-image receive {INCOMING} & pid=$!; "
            f"until grep -qs loading {LIB}/releases/{release.image_id[7:]}.json; do :; done; "
            f"fallocate -l {free} /var/lib/docker/filler; wait $pid",
            code=6,
        )
        assert "no space left" in output
        assert board.running() == good.image_id
        board.image("switch", release.image_id, code=7)
    finally:
        board.run("rm -f /var/lib/docker/filler")
    board.fetch(release)
    board.settle(good.image_id)


def test_an_engine_killed_while_it_loads(board: Board) -> None:
    good, release = board.release(), board.release(bulk=60_000_000)
    board.good(good)
    missing = board.offer(release)
    subprocess.run(board.layers(release, missing), check=True, capture_output=True)
    began = "/var/lib/docker/tmp/docker-import-*"
    if board.containerd:
        began = "/var/lib/containerd/io.containerd.content.v1.content/ingest/*"
    done = board.ask(
        f"mediapipe-image receive {INCOMING} & pid=$!; "
        f"until [ -d {began} ] 2>/dev/null; do :; done; "
        f"kill -9 $(cat /run/docker.pid); wait $pid"
    )
    assert done.returncode in (3, 7), done.stderr
    end = time.monotonic() + 60
    while board.ask("docker", "info").returncode:
        assert time.monotonic() < end
        time.sleep(1)
    assert all(
        image["image_id"] != release.image_id or image["state"] == "loading"
        for image in board.status()["images"]
    )
    board.image("switch", release.image_id, code=7)
    board.fetch(release)
    board.settle(good.image_id)
    board.good(release)


def test_what_a_power_cut_left_in_the_engine_is_not_trusted(board: Board) -> None:
    release = board.release(bulk=230_000)
    board.fetch(release)
    # As after a power cut while it loaded: the record of another boot, the image in the engine.
    record = f"{LIB}/releases/{release.image_id[7:]}.json"
    board.run(f'sed -i \'s/"boot_id": ".*"/"boot_id": "other"/; s/"ready"/"loading"/\' {record}')
    board.image("switch", release.image_id, code=7)
    missing = board.offer(release)
    assert release.layers[1].digest in [layer["digest"] for layer in missing["layers"]]
    assert release.image_id not in board.there()
    board.fetch(release)
    board.good(release)


def test_what_a_power_cut_left_held_in_containerd_is_let_go(board: Board) -> None:
    """A load's lease outlives the power, and would keep layers whose files may not be there."""
    if not board.containerd:
        return
    leases = "ctr --namespace moby leases"
    board.run(f"{leases} create --id cut --expires 24h; {leases} create --id cache --expires 0")
    release = board.release()
    board.fetch(release)
    record = f"{LIB}/releases/{release.image_id[7:]}.json"
    board.run(f'sed -i \'s/"boot_id": ".*"/"boot_id": "other"/; s/"ready"/"loading"/\' {record}')
    board.offer(release)
    # Containers have leases too, under their own ids.
    held = board.run(f"{leases} ls -q").split()
    assert "cut" not in held
    assert "cache" in held
    board.run(f"{leases} rm cache")


def test_killed_at_random_it_is_old_or_new(board: Board) -> None:
    board.good(board.release())
    board.run("rm -rf /root/torture; mkdir -p /root/torture")
    for _ in range(3):
        release = board.release()
        files = [*map(str, releases.layers(release).glob("*.part")), str(release.path)]
        target = f"/root/torture/{release.image_id[7:19]}/"
        board.run("mkdir", "-p", target)
        command = board.rsync([*files, f"{release.path}.sig"], target)
        subprocess.run(command, check=True, capture_output=True)
    subprocess.run(board.rsync([str(TORTURE)], "/root/"), check=True, capture_output=True)
    command = [*board.login, "python3", "/root/torture.py", "/root/torture", str(KILLS), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1500)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    print(json.dumps(document))
    assert document["problems"] == []
    assert document["tried"] >= KILLS
    assert document["left"] == []
    assert document["blobs"] == 0
    assert document["images"] <= 3
