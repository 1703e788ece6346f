"""Starts what shows itself on a port, and reads its pictures."""

from __future__ import annotations

import base64
import contextlib
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path

from bench import inference_env, sample_videos

APPLICATION = Path(__file__).with_name("live_application.py")


@dataclass
class Running:
    """A process and the port that it serves."""

    process: subprocess.Popen[str]
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> bytes:
        with open_at(f"{self.address}{path}") as answer:
            return answer.read()


def open_at(address: str, *, secret: str = "") -> HTTPResponse:
    encoded = base64.b64encode(f"anyone:{secret}".encode()).decode()
    headers = {"Authorization": f"Basic {encoded}"} if secret else {}
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 # it is http
    response = urllib.request.urlopen(request, timeout=60)  # noqa: S310
    assert isinstance(response, HTTPResponse)
    return response


@contextlib.contextmanager
def application(*arguments: str | Path) -> Iterator[Running]:
    """Run the application of live_application.py; `arguments` follow its video and model."""
    settings = inference_env.variables()
    model = Path(settings["MEDIAPIPE_JETSON_MODELS"], "face_landmarker.task")
    video = sample_videos.fetch("Megamind.avi")
    process = subprocess.Popen(
        [*map(str, (inference_env.python(), APPLICATION, video, model, *arguments))],
        env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout
        yield Running(process, int(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()


def parts(stream: HTTPResponse) -> Iterator[tuple[dict[str, str], bytes]]:
    """Give the parts of a multipart stream: headers, JPEG."""
    while stream.readline().startswith(b"--frame"):
        headers = {}
        while line := stream.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name] = value
        yield headers, stream.read(int(headers["Content-Length"]))
        stream.readline()
