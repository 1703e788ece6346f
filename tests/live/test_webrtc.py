"""The picture by WebRTC: in headless Chromium, and offers that are none."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiortc
import pytest
from mediapipe_jetson.live.picture import Picture
from mediapipe_jetson.live.webrtc import Peers

from bench import browser
from tests.support.here import needs_parts

pytestmark = [
    pytest.mark.live, pytest.mark.browser, needs_parts("chromedriver", "chromium")
]  # fmt: skip
APPLICATION = Path(__file__).with_name("application.py")
SHOWN = """
const video = document.getElementById("video"), picture = document.getElementById("picture");
const canvas = document.createElement("canvas");
canvas.width = 4; canvas.height = 1;
const context = canvas.getContext("2d");
if (video.videoWidth) context.drawImage(video, 0, 0, 4, 1);
const half = context.getImageData(0, 0, 1, 1).data[0] > 127 ? "left" : "right";
return [video.hidden, picture.hidden, video.videoWidth, half,
  document.getElementById("state").textContent];
"""


class Served:
    """An application and its port."""

    def __init__(self, mode: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, APPLICATION, mode, "120"], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert self.process.stdout
        self.address = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def post(self, body: bytes, kind: str = "application/json", **headers: str) -> tuple[int, str]:
        """Return the code and the text of what an offer is answered with."""
        request = urllib.request.Request(  # noqa: S310 # it is http
            f"{self.address}/offer", body, {"Content-Type": kind, **headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    running = Served("webrtc")
    yield running
    running.process.kill()
    running.process.communicate()


def waited(driver: Any, fits: Callable[[list[Any]], bool]) -> None:
    """Wait until what the page shows fits."""
    until = time.monotonic() + 30
    while not fits(seen := driver.execute_script(SHOWN)):
        assert time.monotonic() < until, seen
        time.sleep(0.2)


def test_the_page_plays_the_video_and_it_moves(served: Served) -> None:
    with browser.headless() as driver:
        driver.get(served.address)
        waited(driver, lambda now: now[:3] == [False, True, 320])
        for half in ("left", "right", "left"):
            waited(driver, lambda now, half=half: now[3] == half)  # type: ignore[misc]
        assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]


def test_the_video_goes_on_after_the_source_was_silent(served: Served) -> None:
    with browser.headless() as driver:
        driver.get(served.address)
        waited(driver, lambda now: now[:3] == [False, True, 320])
        served.process.send_signal(signal.SIGUSR1)
        time.sleep(4)
        for half in ("left", "right", "left"):
            waited(driver, lambda now, half=half: now[:2] == [False, True] and now[3] == half)  # type: ignore[misc]


def test_the_stream_stands_in_where_the_sender_ends_the_video(served: Served) -> None:
    with browser.headless() as driver:
        driver.get(served.address)
        waited(driver, lambda now: now[:3] == [False, True, 320])
        driver.execute_script("""
const track = document.getElementById("video").srcObject.getTracks()[0];
track.dispatchEvent(new Event("ended"));
""")
        waited(driver, lambda now: now[:2] == [True, False] and now[4] == "running")


def test_without_an_offer_the_page_has_the_stream() -> None:
    running = Served("page")
    try:
        with browser.headless() as driver:
            driver.get(running.address)
            waited(driver, lambda now: now[4] == "running")
            time.sleep(2)
            assert driver.execute_script(SHOWN)[:2] == [True, False]
        assert running.post(b"{}")[0] == 405
    finally:
        running.process.kill()
        running.process.communicate()


def test_where_no_connection_comes_about_the_stream_stays(served: Served) -> None:
    with browser.headless() as driver:
        # As behind a network that lets no UDP through: the answer names nobody.
        driver.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument",
            {
                "source": """
            const real = RTCPeerConnection.prototype.setRemoteDescription;
            RTCPeerConnection.prototype.setRemoteDescription = function (answer) {
              const sdp = answer.sdp.replace(/a=candidate.*\\r\\n/g, "");
              return real.call(this, { type: answer.type, sdp });
            };"""
            },
        )
        driver.get(served.address)
        time.sleep(7)
        waited(driver, lambda now: now[:2] == [True, False] and now[4] == "running")


async def _offer(*, video: bool) -> str:
    peer = aiortc.RTCPeerConnection()
    if video:
        peer.addTransceiver("video", direction="recvonly")
    else:
        peer.createDataChannel("data")
    await peer.setLocalDescription(await peer.createOffer())
    text = str(peer.localDescription.sdp)
    await peer.close()
    return text


def offer(*, video: bool = True) -> bytes:
    """Return an offer as a browser posts it."""
    text = asyncio.run(_offer(video=video))
    return json.dumps({"type": "offer", "sdp": text}).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "an offer is"),
        (b"nonsense", "an offer is"),
        (b"[]", "an offer is"),
        (b"{}", "an offer is"),
        (b"[" * 50_000, "an offer is"),
        (b'{"sdp": "nonsense"}', "asks for no video"),
        (b'{"sdp": "m=video 9 x"}', "no offer of a picture's reader"),
        (b'{"sdp": null}', "asks for no video"),
        (b" " * 70_000, "at most 65536 bytes"),
    ],
)
def test_what_is_no_offer_is_refused(served: Served, body: bytes, expected: str) -> None:
    code, text = served.post(body)
    assert code == 400
    assert expected in text
    assert text.count("\n") == 1


@pytest.mark.parametrize("length", ["9" * 10, "9" * 5000, "-1", "0x10", "\xb2", "1 0"])
def test_a_length_that_is_none_is_refused(served: Served, length: str) -> None:
    code, text = served.post(b"{}", **{"Content-Length": length})
    assert (code, text) == (400, "an offer is JSON of at most 65536 bytes\n")


def test_an_offer_without_a_video_is_refused(served: Served) -> None:
    assert served.post(offer(video=False)) == (400, "the offer asks for no video\n")


def test_a_page_from_elsewhere_can_post_no_offer(served: Served) -> None:
    good = offer()
    assert served.post(good, "text/plain")[0] == 400
    assert served.post(good, Host="evil.example")[0] == 403


def test_a_good_offer_is_answered_with_addresses_of_this_machine(served: Served) -> None:
    code, text = served.post(offer())
    answer = json.loads(text)
    assert (code, answer["type"]) == (200, "answer")
    assert "a=candidate" in answer["sdp"]
    assert "a=sendonly" in answer["sdp"]


@pytest.mark.parametrize("count", [0, 2])
def test_what_is_closed_holds_no_file(count: int) -> None:
    sdp = asyncio.run(_offer(video=True))

    def use() -> None:
        picture = Picture()
        peers = Peers(picture)
        for _ in range(count):
            assert "a=sendonly" in peers.answer(sdp)
        peers.close()
        picture.close()
        assert picture.viewers == 0

    use()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        use()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
