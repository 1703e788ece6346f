"""What is served: the page, its picture and numbers, metrics; and to whom."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Optional

from mediapipe_jetson import exposition
from mediapipe_jetson.landmarks import DATA
from mediapipe_jetson.live import password
from mediapipe_jetson.live.errors import OfferError
from mediapipe_jetson.live.metrics import Metrics
from mediapipe_jetson.live.picture import Picture, Shown
from mediapipe_jetson.live.state import State
from mediapipe_jetson.live.webrtc import Peers

if TYPE_CHECKING:
    from mediapipe_jetson.live.server import Server

PAGES = {
    "/": ("live.html", "text/html; charset=utf-8"),
    "/live.css": ("live.css", "text/css; charset=utf-8"),
    "/live.js": ("live.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("live.svg", "image/svg+xml"),
}
CHALLENGE = 'Basic realm="live", charset="UTF-8"'
OFFER = "/offer"
READ_ONLY, READING = "it is read with GET", {"Allow": "GET, HEAD"}
STREAMS = 8
BOUNDARY = "frame"
# A reader that takes longer for one picture, or a source that gives none for so long.
PATIENCE_S = 10.0
LARGEST_OFFER = 1 << 16
LONGEST_NUMBER = 9
# Of a request that was refused before its body was read.
LINGER_S, LINGER_PARTS = 0.5, 32
# Of pictures on their way: what the kernel holds for a slow reader is old when it comes.
SEND_BUFFER = 1 << 18
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
OWN_HOST = re.compile(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?")


@dataclass(frozen=True)
class Site:
    """What a server has: all of it with `picture`, else metrics alone; `secret` is its password."""

    state: State
    metrics: Metrics
    picture: Optional[Picture]
    secret: bytes = field(default=b"", repr=False)
    peers: Optional[Peers] = None
    streams: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(STREAMS)
    )


class Handler(BaseHTTPRequestHandler):
    """One request a connection."""

    server: Server
    server_version, sys_version = "mediapipe-jetson", ""
    timeout = PATIENCE_S

    def do_GET(self) -> None:
        """Answer."""
        self.server.note_request_read(self.request)
        site = self.server.site
        path = self.path.partition("?")[0]
        if not self._allowed(site):
            return
        if path == "/metrics":
            self._send(site.metrics.text().encode(), exposition.CONTENT_TYPE)
        elif path == OFFER and site.peers is not None:
            self._refuse(405, "an offer is posted", {"Allow": "POST"})
        elif site.picture is None:
            self._refuse(404, "only /metrics is here")
        elif path in PAGES:
            name, kind = PAGES[path]
            self._send((DATA / name).read_bytes(), kind)
        elif path == "/status.json":
            document = {**site.state.document(), "webrtc": site.peers is not None}
            self._send(json.dumps(document).encode(), "application/json")
        elif path == "/picture.jpg":
            self._picture(site.picture)
        elif path == "/stream.mjpg":
            self._stream(site)
        else:
            self._refuse(404, "there is no such page")

    do_HEAD = do_GET  # noqa: N815 # the base class looks for this name

    def do_POST(self) -> None:
        """Answer an offer of WebRTC; JSON alone, which a page from elsewhere can't post unasked."""
        site = self.server.site
        if not self._allowed(site):
            return
        if self.path != OFFER or site.peers is None:
            self._refuse(405, READ_ONLY, READING)
            return
        length = self.headers.get("Content-Length", "")
        kind = self.headers.get("Content-Type", "").partition(";")[0]
        # int() takes only so many digits.
        number = length.isascii() and length.isdecimal() and len(length) <= LONGEST_NUMBER
        if kind != "application/json" or not number or int(length) > LARGEST_OFFER:
            self._refuse(400, f"an offer is JSON of at most {LARGEST_OFFER} bytes")
            return
        try:
            offer = json.loads(self.rfile.read(int(length)))["sdp"]
            answer = site.peers.answer(str(offer))
        except (ValueError, KeyError, TypeError, RecursionError):
            self._refuse(400, 'an offer is {"type": "offer", "sdp": "..."}')
        except OfferError as error:
            self._refuse(400, str(error))
        else:
            document = {"type": "answer", "sdp": answer}
            self._send(json.dumps(document).encode(), "application/json")
        finally:
            self.server.note_request_read(self.request)

    def send_error(
        self, code: int, message: Optional[str] = None, explain: Optional[str] = None
    ) -> None:
        """Answer what the base class refuses, without its page and without the request's words."""
        del message, explain
        if self.request_version == "HTTP/0.9":  # also where the version was not read yet
            self.request_version = "HTTP/1.0"
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._refuse(405, READ_ONLY, READING)
        else:
            self._refuse(code, HTTPStatus(code).phrase)

    def _allowed(self, site: Site) -> bool:
        """Answer for those who may not; without a password a name must be this machine's.

        Else a page from elsewhere, whose name was made to mean 127.0.0.1, could read it all.
        """
        if site.secret:
            if password.allows(site.secret, self.headers.get("Authorization")):
                return True
            self._refuse(401, "a password is needed", {"WWW-Authenticate": CHALLENGE})
            return False
        if OWN_HOST.fullmatch(self.headers.get("Host") or "localhost"):
            return True
        self._refuse(403, "ask for it as localhost or 127.0.0.1, or set a password")
        return False

    def _picture(self, picture: Picture) -> None:
        before = picture.last
        with picture.looking():
            shown = picture.shown(before, PATIENCE_S)
        if shown is None or shown is before:
            self._refuse(503, "no frame came")
            return
        self._send(shown.jpeg, "image/jpeg")

    def _stream(self, site: Site) -> None:
        """Send the latest picture over and over; a slow reader gets fewer of them.

        One that was sent is sent again where no other comes: only so it shows that nobody reads.
        """
        picture = site.picture
        if self.command == "HEAD" or picture is None:
            self._head(200, f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            return
        if not site.streams.acquire(blocking=False):
            self._refuse(503, f"{STREAMS} read the stream already", {"Retry-After": "5"})
            return
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._head(200, f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            before = picture.last
            with picture.looking():
                while shown := picture.shown(before, PATIENCE_S):
                    self.wfile.write(part(shown))
                    before = shown
        except OSError:
            pass  # the reader went away, or is too slow to be one
        finally:
            site.streams.release()

    def _send(self, content: bytes, kind: str) -> None:
        self._head(200, kind, {"Content-Length": str(len(content))})
        if self.command != "HEAD":
            self.wfile.write(content)

    def _refuse(self, code: int, why: str, more: Optional[dict[str, str]] = None) -> None:
        content = f"{why}\n".encode()
        length = {"Content-Length": str(len(content))}
        self._head(code, "text/plain; charset=utf-8", {**length, **(more or {})})
        if self.command != "HEAD":
            self.wfile.write(content)
        if self.command not in ("GET", "HEAD"):
            self._linger()

    def _linger(self) -> None:
        """Take what still comes: closing before that would throw the answer away at the reader."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(LINGER_S)
            for _ in range(LINGER_PARTS):
                if not self.rfile.read1(LARGEST_OFFER):
                    return

    def _head(self, code: int, kind: str, more: Optional[dict[str, str]] = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Type": kind, **HEADERS, **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: no log grows with requests."""


def part(shown: Shown) -> bytes:
    """Return one picture of the stream, with how old it is when it is sent."""
    age_ms = (time.monotonic() - shown.taken_s) * 1e3
    head = (
        f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(shown.jpeg)}\r\n"
        f"X-Frame: {shown.index}\r\nX-Age-Ms: {age_ms:.1f}\r\n\r\n"
    )
    return head.encode() + shown.jpeg + b"\r\n"
