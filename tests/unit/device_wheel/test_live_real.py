"""The live view with MediaPipe over a video: pictures, numbers, slow readers; `run --serve`."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from bench import inference_env, sample_videos
from tests.unit.device_wheel import live_runs
from tests.unit.device_wheel.live_answers import values
from tests.unit.device_wheel.live_runs import Running, open_at, parts
from tests.unit.device_wheel.pipeline_runs import last_line, run, variables

pytestmark = [pytest.mark.network, pytest.mark.slow]


@pytest.fixture(scope="module")
def shown() -> Iterator[Running]:
    with live_runs.application() as running:
        yield running


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return variables(tmp_path_factory.mktemp("choices"))


STAGES = ["capture", "preprocess", "detect", "sink"]
GREEN = """
import sys, cv2, numpy
bgr = cv2.imdecode(numpy.frombuffer(sys.stdin.buffer.read(), numpy.uint8), cv2.IMREAD_COLOR)
blue, green, red = (bgr[..., one].astype(int) for one in range(3))
print(*bgr.shape, ((green > 180) & (green - red > 70) & (green - blue > 70)).sum())
"""


def looked_at(jpeg: bytes) -> list[int]:
    """Return height, width, channels, and how many pixels have the colour of landmarks."""
    command = [str(inference_env.python()), "-c", GREEN]
    done = subprocess.run(command, input=jpeg, capture_output=True, check=True)
    return [int(word) for word in done.stdout.split()]


def test_the_stream_moves_and_has_landmarks(shown: Running) -> None:
    with open_at(f"{shown.address}/stream.mjpg") as stream:
        assert stream.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
        result = list(islice(parts(stream), 10))
    numbers = [int(headers["X-Frame"]) for headers, _ in result]
    assert numbers == sorted(set(numbers))
    assert len({jpeg for _, jpeg in result}) > 5
    height, width, channels, dots = looked_at(result[-1][1])
    assert (height, width, channels) == (528, 720, 3)
    assert dots > 300


def test_one_picture_is_a_new_one(shown: Running) -> None:
    assert looked_at(shown.get("/picture.jpg"))[:2] == [528, 720]
    assert shown.get("/picture.jpg")[:3] == b"\xff\xd8\xff"


def test_the_document_has_what_the_pipeline_does(shown: Running) -> None:
    document = json.loads(shown.get("/status.json"))
    assert document["schema"] == "mediapipe-jetson/live/1"
    assert (document["state"], document["task"], document["backend"]) == (
        "running", "FaceLandmarker", "mediapipe",
    )  # fmt: skip
    assert document["with_results"] > 0
    assert [stage["name"] for stage in document["stages"]] == STAGES
    assert document["verdict"]["verdict"] == "none"


def test_who_never_reads_holds_up_nobody(shown: Running) -> None:
    """Eight streams that are not read: frames flow, the next reader is refused, all comes free."""
    before = values(shown.get("/metrics").decode())
    idle = []
    try:
        for _ in range(8):
            connection = socket.socket()
            idle.append(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", shown.port))
            connection.sendall(b"GET /stream.mjpg HTTP/1.0\r\nHost: localhost\r\n\r\n")
            assert connection.recv(15) == b"HTTP/1.0 200 OK"
        refused = socket.create_connection(("127.0.0.1", shown.port))
        idle.append(refused)
        refused.sendall(b"GET /stream.mjpg HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert refused.recv(12) == b"HTTP/1.0 503"
        # A hundred frames later they still wait, and no frame was dropped for them.
        while (now := values(shown.get("/metrics").decode()))["mediapipe_frames_total"] < (
            before["mediapipe_frames_total"] + 100
        ):
            assert shown.process.poll() is None
            time.sleep(0.2)
        assert now["mediapipe_viewers"] == 8
        grown = now["process_resident_memory_bytes"] - before["process_resident_memory_bytes"]
        assert grown < 60e6
    finally:
        for connection in idle:
            connection.close()
    while values(shown.get("/metrics").decode())["mediapipe_viewers"]:
        time.sleep(0.2)
    with open_at(f"{shown.address}/stream.mjpg") as stream:
        assert len(list(islice(parts(stream), 3))) == 3


def test_run_serves_page_and_metrics(settings: dict[str, str]) -> None:
    video = sample_videos.fetch("Megamind.avi")
    ports_words = ("--serve", "0", "--metrics", "0")
    arguments = ("-m", "mediapipe_jetson", "run", *ports_words, "--backend", "litert",
                 "--policy", "latest", "--frames", "100", "--source", video, "--json")  # fmt: skip
    process = subprocess.Popen(
        [str(inference_env.python()), *map(str, arguments)],
        env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stderr
    ports = [int(re.findall(r":(\d+)/", process.stderr.readline())[0]) for _ in range(2)]
    page, metrics = (Running(process, port) for port in ports)
    assert b"<title>Live view</title>" in page.get("/")
    # Before the pipeline runs there are no frames, and no fault.
    while not values(metrics.get("/metrics").decode()).get("mediapipe_frames_total"):
        time.sleep(0.1)
    assert page.get("/picture.jpg")[:3] == b"\xff\xd8\xff"
    document = json.loads(page.get("/status.json"))
    assert (document["task"], document["backend"], document["policy"]) == (
        "face",
        "litert",
        "latest",
    )
    message, wrong = process.communicate(timeout=60)
    assert process.returncode == 0, wrong
    assert json.loads(message)["done"] == 100
    assert "Traceback" not in wrong


def test_what_can_not_be_served_is_one_line(settings: dict[str, str], tmp_path: Path) -> None:
    connection = socket.create_server(("127.0.0.1", 0))
    port = str(connection.getsockname()[1])
    short = tmp_path / "short"
    short.write_text("short")
    for arguments, why in (
        (("--serve", port), "Address already in use"),
        (("--serve", "65536"), "is no number from 0 to 65535"),
        (("--serve", "0", "--serve-password-file", str(short)), "one line of 8"),
    ):
        # The source is never opened: nothing is begun.
        done = run(settings, "--source", tmp_path / "none.avi", *arguments)
        assert (done.returncode, why in last_line(done)) == (2, True), done.stderr
    connection.close()
