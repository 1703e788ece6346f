"""The picture by WebRTC: a browser posts an offer, and gets an answer; aiortc does the rest.

aiortc lives in an event loop, here in a thread of its own. Pictures are those of the MJPEG stream:
the latest one, encoded while somebody looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from fractions import Fraction
from typing import Any, Optional

from mediapipe_jetson.live.errors import OfferError, WebRtcError
from mediapipe_jetson.live.picture import Picture, Shown
from mediapipe_jetson.observation import one_line

STREAMS = 8
CLOCK = 90_000
# Until an offer is answered, until its connection stands, and how soon the view's end is heard.
ANSWER_S, CONNECT_S, PATIENCE_S = 10.0, 15.0, 10.0
OVER = ("failed", "closed")


class Peers:
    """Browsers that look by WebRTC. Raises WebRtcError without the extra `webrtc`."""

    def __init__(self, picture: Picture) -> None:
        try:
            self._aiortc: Any = importlib.import_module("aiortc")
            self._av: Any = importlib.import_module("av")
            self._ended: Any = importlib.import_module("aiortc.mediastreams").MediaStreamError
        except ImportError as error:
            raise WebRtcError("aiortc is not installed: write it into requirements.txt") from error
        self._picture = picture
        self._peers: set[Any] = set()
        self._pool = ThreadPoolExecutor(STREAMS, thread_name_prefix="live-webrtc")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="live-webrtc", daemon=True)
        self._thread.start()

    def answer(self, sdp: str) -> str:
        """Return the answer to an offer, both SDP. Raises OfferError."""
        try:
            return str(self._wait(self._answer(sdp), ANSWER_S))
        except OfferError:
            raise
        except LateError as error:
            raise OfferError("the offer could not be answered in time") from error
        except Exception as error:  # whatever a parser of a stranger's text raises
            raise OfferError(
                f"this is no offer of a picture's reader: {one_line(error)}"
            ) from error

    def close(self) -> None:
        """Let all go, and end the thread."""
        with contextlib.suppress(Exception):
            self._wait(self._close_all(), ANSWER_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_S)
        self._pool.shutdown(wait=False)

    def _run(self) -> None:
        """Run the loop until it is stopped, then free what it holds."""
        self._loop.run_forever()
        self._loop.run_until_complete(_end_others())
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, Any], seconds: float) -> Any:  # noqa: ANN401
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except LateError:
            future.cancel()
            raise

    async def _answer(self, sdp: str) -> str:
        aiortc = self._aiortc
        if len(self._peers) >= STREAMS:
            raise OfferError(f"{STREAMS} look already")
        # No server of others is asked for the address: it is for this machine and its network.
        peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        self._peers.add(peer)
        held = contextlib.ExitStack()
        try:

            @peer.on("connectionstatechange")  # type: ignore[untyped-decorator]
            async def changed() -> None:
                if peer.connectionState in OVER:
                    await self._let_go(peer, held)

            await peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp, "offer"))
            _expect_video(peer)
            peer.addTrack(self._track())
            await peer.setLocalDescription(await peer.createAnswer())
        except BaseException:
            await self._let_go(peer, held)
            raise
        held.enter_context(self._picture.looking())
        self._loop.call_later(CONNECT_S, self._check, peer, held)
        return str(peer.localDescription.sdp)

    def _check(self, peer: Any, held: contextlib.ExitStack) -> None:  # noqa: ANN401
        if peer in self._peers and peer.connectionState != "connected":
            self._loop.create_task(self._let_go(peer, held))

    async def _let_go(self, peer: Any, held: contextlib.ExitStack) -> None:  # noqa: ANN401
        held.close()
        if peer in self._peers:
            self._peers.discard(peer)
            await peer.close()

    async def _close_all(self) -> None:
        for peer in list(self._peers):
            await peer.close()

    def _track(self) -> Any:  # noqa: ANN401 # aiortc's class
        """Return a track of the latest pictures, each once; it waits as long as the source does.

        Who went away meanwhile is known by the connection, not by pictures.
        """
        picture, loop, pool, av, ended = (
            self._picture, self._loop, self._pool, self._av, self._ended
        )  # fmt: skip
        before: Optional[Shown] = picture.last

        async def recv(track: Any) -> Any:  # noqa: ANN401
            nonlocal before
            shown = before
            while shown is None or shown is before:
                if picture.closed:
                    track.stop()
                    raise ended
                shown = await loop.run_in_executor(pool, picture.shown, before, PATIENCE_S)
            before = shown
            # Its codecs halve the colour: sides are even.
            height, width = (side // 2 * 2 for side in shown.bgr.shape[:2])
            frame = av.VideoFrame.from_ndarray(shown.bgr[:height, :width], format="bgr24")
            frame.pts = int(shown.taken_s * CLOCK)
            frame.time_base = Fraction(1, CLOCK)
            return frame

        kind: Any = type("Track", (self._aiortc.MediaStreamTrack,), {"kind": "video", "recv": recv})
        return kind()


async def _end_others() -> None:
    """Cancel what still runs in this loop, and wait for its end."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _expect_video(peer: Any) -> None:  # noqa: ANN401
    if not any(item.kind == "video" for item in peer.getTransceivers()):
        raise OfferError("the offer asks for no video")
