"""What a source's name means: its kind, its place, its options, and how to show it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional, Union
from urllib.parse import parse_qsl, unquote, urlsplit

from mediapipe_jetson.camera.errors import CameraSourceError

PASSWORD_VARIABLE = "MEDIAPIPE_JETSON_CAMERA_PASSWORD"  # noqa: S105 # its name
CSI, V4L2, RTSP, FILE, PIPELINE, URL = "csi", "v4l2", "rtsp", "file", "pipeline", "url"
LIVE = (CSI, V4L2, RTSP, URL)
# The kernel's names of V4L2 devices, and udev's links to them.
NODES = ("/dev/video", "/dev/v4l/")
RTSP_PORT = 554
MOST_NUMBER = 255
# int() takes only so many.
DIGITS = 9
# Ends the address of a file that stands in for a camera: over and over, at its own pace.
LOOP = "?loop=1"
# name: (least, most) of the options that an address may end with, as in csi://0?width=1920
NUMBERS = {"width": (16, 16384), "height": (16, 16384), "fps": (1, 1000), "flip": (0, 7)}
FORMATS = ("raw", "mjpeg", "h264")
ALLOWED = {CSI: ("width", "height", "fps", "flip"), V4L2: ("width", "height", "fps", "format")}
SECRETS = (
    # To the last @ of a word: a password may hold what an address must not.
    (re.compile(r"(\w[\w+.-]*://)[^\s\"']*@"), r"\1***@"),
    (re.compile(r"(\w[\w+.-]*://[^\s?\"'!]*\?)[^\s\"'!]+"), r"\1***"),
    (re.compile(r"\b(user-id|user-pw|password|passwd|proxy-pw|proxy-id)\s*=\s*(\"[^\"]*\"|\S+)"),
     r"\1=***"),
)  # fmt: skip


@dataclass(frozen=True)
class Address:
    """A source: `place` is a device, number, address without credentials, path or pipeline."""

    kind: str
    place: str
    shown: str
    """For people: without user names, passwords and queries."""
    user: str = ""
    password: str = ""
    options: Mapping[str, Union[int, str]] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Return whether it is certain that frames come at their own pace."""
        return self.kind in LIVE or "loop" in self.options

    def __repr__(self) -> str:
        """Return it without secrets."""
        return f"Address({self.kind}, {self.shown})"


def is_live(source: Union[int, str, os.PathLike[str]]) -> bool:
    """Return whether a source is a camera or a stream, whose frames don't wait.

    What a GStreamer pipeline is only shows when it runs: Capture.live. Raises what `parse` does.
    """
    return parse(source).live


def redacted(text: str) -> str:
    """Return a text without user names, passwords and queries of addresses in it."""
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return text


def parse(source: Union[int, str, os.PathLike[str]]) -> Address:
    """Return what a source means. Raises CameraSourceError, TypeError."""
    if isinstance(source, bool) or not isinstance(source, (int, str, os.PathLike)):
        raise TypeError(f"a camera is a number, an address or a path, not {type(source).__name__}")
    text = os.fspath(source) if isinstance(source, os.PathLike) else str(source)
    if "\0" in text or not text.strip():
        raise CameraSourceError("a source must be named: /dev/video0, csi://0, rtsp://HOST/PATH")
    if isinstance(source, os.PathLike):
        return Address(FILE, text, text)
    if text.isascii() and text.isdecimal():
        return _v4l2(text, "")
    if "!" in text and not re.match(r"rtsps?://\S*$", text, re.I):
        return Address(PIPELINE, text, redacted(text))
    if text.startswith(NODES):
        return Address(V4L2, text, text)
    scheme, mark, rest = text.partition("://")
    if not mark:
        return Address(FILE, text, text)
    return _scheme(scheme.lower(), rest, text)


def _scheme(scheme: str, rest: str, text: str) -> Address:
    place, _, query = rest.partition("?")
    if scheme == CSI:
        return Address(
            CSI, _number(place, text), redacted(text).split("?")[0], options=_options(CSI, query)
        )
    if scheme == V4L2:
        return _v4l2(place, query)
    if scheme in ("rtsp", "rtsps"):
        return _rtsp(text)
    if scheme == FILE:
        loops = rest.endswith(LOOP)
        path = unquote(rest[: -len(LOOP)] if loops else rest)
        if not path.startswith("/"):
            raise CameraSourceError(
                f"{redacted(text)}: write three slashes, as in file:///data/a.mp4"
            )
        return Address(FILE, path, path, options={"loop": 1} if loops else {})
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme):
        raise CameraSourceError(f"{redacted(text)} is no address")
    return Address(URL, text, redacted(text))


def _v4l2(place: str, query: str) -> Address:
    device = (
        place if place.startswith("/dev/") else f"/dev/video{_number(place, f'v4l2://{place}')}"
    )
    return Address(V4L2, device, device, options=_options(V4L2, query))


def _number(place: str, text: str) -> str:
    number = _whole(place)
    if number is None or number > MOST_NUMBER:
        raise CameraSourceError(f"{redacted(text)}: write the camera's number, as in csi://0")
    return str(number)


def _whole(text: str) -> Optional[int]:
    """Return the number that a text is; None for none, and for more than any option takes."""
    digits = text.isascii() and text.isdecimal() and len(text) <= DIGITS
    return int(text) if digits else None


def _options(kind: str, query: str) -> dict[str, Union[int, str]]:
    result: dict[str, Union[int, str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in ALLOWED[kind]:
            raise CameraSourceError(f"{kind}:// has no option {name!r}: {', '.join(ALLOWED[kind])}")
        result[name] = option(name, value)
    return result


def option(name: str, value: Union[int, str]) -> Union[int, str]:
    """Return an option's value, checked. Raises CameraSourceError."""
    if name == "format":
        if value not in FORMATS:
            raise CameraSourceError(f"format is one of {', '.join(FORMATS)}, not {value!r}")
        return value
    least, most = NUMBERS[name]
    text = str(value)
    number = _whole(text)
    if number is None or not least <= number <= most:
        raise CameraSourceError(f"{name} is a number from {least} to {most}, not {text!r}")
    return number


def _rtsp(text: str) -> Address:
    shown = redacted(text)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port == 0 or re.search(r"\s", text):
        raise CameraSourceError(
            f"{shown} is no address: write rtsp://HOST:PORT/PATH, and special "
            "characters of a password as in %2F"
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user and not password:
        password = os.environ.get(PASSWORD_VARIABLE, "")
    netloc = f"[{host}]" if ":" in host else host
    place = parts._replace(netloc=f"{netloc}:{port}" if port else netloc).geturl()
    return Address(RTSP, place, shown, user, password)


def host_port(place: str) -> tuple[str, int]:
    """Return an address' host and port."""
    parts = urlsplit(place)
    usual: Optional[int] = parts.port
    return parts.hostname or "", usual or (322 if parts.scheme == "rtsps" else RTSP_PORT)
