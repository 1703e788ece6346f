"""Why a stream can't be opened, asked of its server itself before a decoder is.

RTSP 1.0 (RFC 2326): one DESCRIBE without credentials. Decoders tell less, or nothing.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator

from mediapipe_jetson.camera.address import Address, host_port
from mediapipe_jetson.camera.errors import CameraSourceError
from mediapipe_jetson.observation import one_line

LARGEST = 1 << 16
CODEC = re.compile(rb"^a=rtpmap:\d+ (\w[\w-]*)/90000", re.M)
VIDEO_26 = re.compile(rb"^m=video \d+ \S+ 26\b", re.M)  # RFC 3551: JPEG without a=rtpmap


@contextlib.contextmanager
def probe_codec(address: Address, timeout_s: float) -> Iterator[str]:
    """Give the video's codec, such as H264; "" where the server tells it to known users alone.

    The connection stays open meanwhile: a server would stop the stream that was described, and
    refuse who comes then. Raises CameraSourceError where nobody answers, or has no such stream.
    """
    host, port = host_port(address.place)
    if address.place.startswith("rtsps:"):
        _connect(address, host, port, timeout_s).close()
        yield ""
        return
    with _connect(address, host, port, timeout_s) as stream:
        yield _codec(address, port, _describe(stream, address.place))


def _codec(address: Address, port: int, answer: bytes) -> str:
    status = re.match(rb"RTSP/1\.\d (\d{3})", answer)
    if not status:
        raise CameraSourceError(f"{address.shown}: what answers on port {port} is no RTSP server")
    code = int(status[1])
    if code in (401, 403) and not address.user:
        raise CameraSourceError(
            f"{address.shown} needs a user and a password: rtsp://USER@HOST/PATH, and the password "
            "in MEDIAPIPE_JETSON_CAMERA_PASSWORD"
        )
    if code in (404, 454):
        raise CameraSourceError(f"{address.shown}: the server has no such stream (404)")
    match = CODEC.search(answer)
    if match:
        return match[1].decode().upper()
    return "JPEG" if VIDEO_26.search(answer) else ""


def _connect(address: Address, host: str, port: int, timeout_s: float) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout=timeout_s)
    except socket.gaierror as error:
        raise CameraSourceError(f"{address.shown}: the host {host} is not known") from error
    except ConnectionRefusedError as error:
        raise CameraSourceError(f"{address.shown}: nothing listens on port {port}") from error
    except (TimeoutError, socket.timeout) as error:  # two classes before Python 3.10
        raise CameraSourceError(
            f"{address.shown}: {host} does not answer within {timeout_s:g} s"
        ) from error
    except OSError as error:
        raise CameraSourceError(f"{address.shown} can't be reached: {one_line(error)}") from error


def _describe(stream: socket.socket, place: str) -> bytes:
    """Return the answer's head and body, or as much of it as came."""
    request = f"DESCRIBE {place} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
    answer = b""
    try:
        stream.sendall(request.encode("ascii", "replace"))
        while len(answer) < LARGEST:
            part = stream.recv(4096)
            answer += part
            head, mark, body = answer.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)^content-length:\s*(\d{1,6})", head, re.M)
            if not part or (mark and len(body) >= (int(length[1]) if length else 0)):
                break
    except OSError:
        return answer
    return answer
