"""A board that updates itself from a channel: as a rollout would, whatever cuts it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.fleet.channel import command
from jetson_kit.fleet.channel.repository import Validity
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from tests.fleet.board import Board
from tests.fleet.board_state import good
from tests.fleet.site import Site
from tests.fleet.small_release import UNHEALTHY
from tests.support.static_server import Handler, Server, serving

pytestmark = [pytest.mark.docker, pytest.mark.slow]
PORT = 18080
VALID = Validity()


@dataclass
class Channel:
    """A channel on this machine, which the board reaches through its ssh connection alone."""

    board: Board
    folder: Path
    key: Path
    anchor: Path
    server: Server

    def publish(self, release: Release | None = None, **request: Any) -> None:
        target = str(release.folder) if release else ""
        command.publish(self.folder, command.Request(target, **request), self.key, VALID)

    def poll(self, code: int = 0) -> dict[str, Any]:
        """Let the board poll; return its result, or the line of its error."""
        image = self.board.image("poll", "--json", "--now", code=code)
        return {"said": image} if code else dict(json.loads(image))


@pytest.fixture
def channel(board: Board, tmp_path: Path) -> Iterator[Channel]:
    owner, key, www = tmp_path / "owner", tmp_path / "channel", tmp_path / "www"
    for path in (owner, key):
        signing.make_key(path, path.name, passphrase=False)
    anchor = command.begin(www, owner, key, VALID)
    settings = {
        "url": f"http://127.0.0.1:{PORT}/", "board": board.host, "interval_s": 60, "soak_s": 3,
        "keep": 3,
    }  # fmt: skip
    for name, text in (("channel.json", json.dumps(settings)), ("channel-root.json", anchor)):
        body = text if isinstance(text, str) else text.read_text()
        subprocess.run(
            [*board.login, f"cat > /etc/mediapipe-jetson/{name}"],
            input=body, text=True, check=True, timeout=60,
        )  # fmt: skip
    with serving(www) as server:
        port = server.url.rpartition(":")[2].rstrip("/")
        login = [*board.login[:-1], "-S", "none", "-N", "-o", "ExitOnForwardFailure=yes"]
        tunnel = subprocess.Popen([*login, "-R", f"{PORT}:127.0.0.1:{port}", board.login[-1]])
        try:
            yield Channel(board, www, key, anchor, server)
        finally:
            tunnel.terminate()
            tunnel.wait()
            board.run(
                "rm -rf /etc/mediapipe-jetson/channel*.json /var/lib/mediapipe-jetson/channel"
            )


def ready(channel: Channel) -> None:
    """Wait until the board reaches the channel."""
    end = time.monotonic() + 30
    ask = f"python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {PORT}), 2)'"
    while channel.board.ask(ask).returncode:
        assert time.monotonic() < end
        time.sleep(0.3)


def test_a_board_follows_its_channel(channel: Channel) -> None:
    board, on = channel.board, good(channel.board)
    ready(channel)
    assert "offers no release" in channel.poll()["why"]
    new = board.release()
    channel.publish(new, pause=True)
    assert "is paused" in channel.poll()["why"]
    channel.publish(pause=False)
    body = channel.poll()
    assert (body["changed"], body["image_id"], body["state"]) == (True, new.image_id, "good")
    assert board.running() == new.image_id
    assert "on the channel's release" in channel.poll()["why"]
    # All of what was brought is taken back, on purpose.
    channel.publish(roll_back=True)
    assert channel.poll()["image_id"] == on
    assert board.running() == on
    assert "offers no release" in channel.poll()["why"]


def test_a_bad_release_goes_back_and_is_not_tried_again(channel: Channel) -> None:
    board, on = channel.board, good(channel.board)
    ready(channel)
    bad = board.release(UNHEALTHY, check_s=1)
    channel.publish(bad)
    channel.poll(code=1)
    board.settle(on)
    assert "failed here before" in channel.poll()["why"]
    new = board.release()
    channel.publish(new)
    assert channel.poll()["image_id"] == new.image_id


def test_layers_go_on_where_they_were_cut(channel: Channel) -> None:
    board = channel.board
    good(board)
    ready(channel)
    new = board.release(bulk=3_000_000)
    channel.publish(new)
    largest = max(new.layers, key=lambda layer: layer.size)
    name = f"layers/{largest.digest.partition(':')[2]}"
    raw = (channel.folder / name).read_bytes()

    def cut(handler: Handler) -> None:
        del channel.server.instead[name]
        handler.answer(raw[: len(raw) // 2], length=len(raw))

    channel.server.instead[name] = cut
    channel.server.requests.clear()
    assert channel.poll()["image_id"] == new.image_id
    requested = [header for path, header in channel.server.requests if path == name]
    assert requested == ["", f"bytes={len(raw) // 2}-"]
    assert board.running() == new.image_id


def test_a_layer_of_other_bytes_changes_nothing(channel: Channel) -> None:
    board, on = channel.board, good(channel.board)
    ready(channel)
    # Of a size of its own, so that no release before it brought that layer.
    new = board.release(bulk=2_500_001)
    channel.publish(new)
    largest = max(new.layers, key=lambda layer: layer.size)
    path = channel.folder / "layers" / largest.digest.partition(":")[2]
    whole = path.read_bytes()
    path.write_bytes(bytes(len(whole)))
    assert "came damaged" in channel.poll(code=5)["said"]
    assert board.running() == on
    path.write_bytes(whole + b"more")
    assert "more bytes than were signed" in channel.poll(code=5)["said"]
    path.write_bytes(whole)
    assert channel.poll()["image_id"] == new.image_id


def test_a_poll_that_is_killed_goes_on(channel: Channel) -> None:
    board = channel.board
    good(board)
    ready(channel)
    new = board.release()
    channel.publish(new)
    board.run("mediapipe-image poll --now >/dev/null 2>&1 & echo $! > /run/poll.pid")
    board.settle_on(new.image_id)
    board.run("kill -9 $(cat /run/poll.pid)")
    body = channel.poll()
    assert (body["image_id"], body["state"]) == (new.image_id, "good")


def test_provisioning_brings_the_timer_and_takes_it_away(site: Site, channel: Channel) -> None:
    board = channel.board
    good(board)
    ready(channel)
    url = f"http://127.0.0.1:{PORT}/"
    site.say(image_channel_url=url, image_channel_root=str(channel.anchor), image_channel_soak_s=1)
    site.provision()
    assert board.run("systemctl is-active mediapipe-poll.timer").strip() == "active"
    # Not at its own time: what it starts is what counts.
    board.run("systemctl stop mediapipe-poll.timer")
    new = board.release()
    channel.publish(new, canary=(board.host,), shares=(0,))
    board.run("systemctl start mediapipe-poll.service")
    assert board.settle(new.image_id)["current"]["rollout"] == "channel"
    site.say(image_channel_url="", image_channel_root="")
    site.provision()
    assert "polls no channel" in board.image("poll", code=2)
    assert board.run("ls /etc/systemd/system | grep -c poll || true").strip() == "0"


POLLS = "echo $$ > /run/polls.pid; while :; do mediapipe-image poll --json --now; sleep 0.2; done"


@contextlib.contextmanager
def polling(channel: Channel) -> Iterator[Path]:
    """Let the board poll all the time; yield the file of what its polls came to."""
    log = channel.board.folder / "polls"
    with log.open("w") as out:
        arguments = [*channel.board.login[:-1], "-S", "none", channel.board.login[-1], POLLS]
        process = subprocess.Popen(arguments, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield log
        finally:
            process.terminate()
            process.wait()
            channel.board.run("kill $(cat /run/polls.pid) 2>/dev/null || true")
            channel.board.run("while pgrep -f '[p]oll --json --now' >/dev/null; do sleep 0.2; done")


def rolled(
    site: Site, board: Board, release: Release, soak_s: int, code: int | None = 0
) -> dict[str, Any]:
    """Roll a release out to the board alone; return what the rollout says of it."""
    arguments = ["--canary", "1", "--soak", str(soak_s), "--verify", "none", "--limit", board.host]
    place = ["-i", str(site.inventory), "--json"]
    body = json.loads(site.task("rollout", str(release.folder), *place, *arguments, code=code))
    host: dict[str, Any] = body["hosts"][board.host]
    return host


@pytest.mark.one_engine
def test_polls_all_through_a_rollout_leave_it_alone(site: Site, channel: Channel) -> None:
    board = channel.board
    good(board)
    ready(channel)
    # The channel offers another image, and wants it switched outside any hour of a test.
    offered, new = board.release(), site.release()
    hour = int(board.run("date +%H"))
    closed = f"{(hour + 2) % 24:02}:00-{(hour + 3) % 24:02}:00"
    channel.publish(offered, window=closed)
    with polling(channel) as log:
        assert rolled(site, board, new, 15)["state"] == "confirmed"
        polls = log.read_text()
    assert "a rollout has this board on trial" in polls
    assert "Traceback" not in polls
    assert board.settle(new.image_id)["current"]["rollout"] != "channel"
    # Then its turn comes.
    channel.publish(window="")
    assert channel.poll()["image_id"] == offered.image_id
    body = board.settle(offered.image_id)
    assert (body["previous"]["image_id"], body["state_problems"]) == (new.image_id, [])


@pytest.mark.one_engine
def test_a_poll_that_had_begun_before_a_rollout_changes_nothing_after_it(
    site: Site, channel: Channel
) -> None:
    board = channel.board
    good(board)
    ready(channel)
    offered, new = board.release(bulk=2_100_000), site.release()
    channel.publish(offered)
    largest = max(offered.layers, key=lambda layer: layer.size)
    name = f"layers/{largest.digest.partition(':')[2]}"
    raw = (channel.folder / name).read_bytes()
    requested, go_on = threading.Event(), threading.Event()

    def slow(handler: Handler) -> None:
        requested.set()
        go_on.wait(120)
        handler.answer(raw, length=len(raw))

    channel.server.instead[name] = slow
    arguments = [*board.login, "mediapipe-image poll --json --now"]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert requested.wait(60)
        try:
            host = rolled(site, board, new, 3)
        finally:
            go_on.set()
        output = process.communicate(timeout=120)[0]
    assert host["state"] == "confirmed"
    del channel.server.instead[name]
    # It had decided on what is not so any more.
    assert process.returncode == 2
    assert "has put this device on" in output
    assert board.settle(new.image_id)["current"]["image_id"] == new.image_id
    # The next one decides anew; the layer that came is used.
    assert channel.poll()["image_id"] == offered.image_id
    assert board.running() == offered.image_id


@pytest.mark.one_engine
def test_a_rollout_in_the_middle_of_a_channels_trial_is_refused(
    site: Site, channel: Channel
) -> None:
    board = channel.board
    good(board)
    ready(channel)
    offered, new = board.release(), site.release()
    settings = json.loads(board.run("cat /etc/mediapipe-jetson/channel.json"))
    text = json.dumps({**settings, "soak_s": 25})
    subprocess.run(
        [*board.login, "cat > /etc/mediapipe-jetson/channel.json"],
        input=text, text=True, check=True, timeout=60,
    )  # fmt: skip
    channel.publish(offered)
    with subprocess.Popen(
        [*board.login, "mediapipe-image poll --json --now"], stdout=subprocess.PIPE, text=True
    ) as process:
        board.settle_on(offered.image_id)
        host = rolled(site, board, new, 1, code=1)
        output = process.communicate(timeout=120)[0]
    assert host["state"] == "failed"
    assert "channel" in host["why"]
    assert json.loads(output)["state"] == "good"
    assert board.settle(offered.image_id)["current"]["rollout"] == "channel"
    # And once that has ended, the rollout does its work.
    assert rolled(site, board, new, 1)["state"] == "confirmed"
    assert board.running() == new.image_id


@pytest.mark.one_engine
def test_polls_at_any_moment_make_no_false_success(site: Site, channel: Channel) -> None:
    """The channel may take the board before, between, or after the rollout's steps."""
    board = channel.board
    good(board)
    ready(channel)
    for _ in range(3):
        offered, new = board.release(), site.release()
        channel.publish(offered)
        with polling(channel) as log:
            host = rolled(site, board, new, 2, code=None)
            on = board.status()
            polls = log.read_text()
        assert "Traceback" not in polls
        if host["state"] == "confirmed":
            # What the channel took since, it took from this image.
            came = [row["image_id"] for row in on["history"] if row["event"] == "confirm"]
            assert new.image_id in came
        else:
            assert host["why"]
        end = board.status()["current"]["image_id"]
        assert end in (offered.image_id, new.image_id)
        channel.poll()
        assert board.settle(offered.image_id)["state_problems"] == []
