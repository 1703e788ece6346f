"""The GStreamer pipelines of cameras and streams, as text for gst_parse_launch.

Elements: NVIDIA's "Accelerated GStreamer" guide, and GStreamer's own plugins base and good. What a
user names (addresses, devices, passwords) never stands in the text: it is set as a property.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Optional

from mediapipe_jetson.camera.address import CSI, PIPELINE, RTSP, V4L2, Address
from mediapipe_jetson.camera.errors import CameraMissingError, CameraSourceError
from mediapipe_jetson.camera.gst_library import table
from mediapipe_jetson.camera.gstreamer import SINK, SOURCE

CAPS = "video/x-raw,format=(string){BGR,BGRx,BGRA,GRAY8}"
APPSINK = f'appsink name={SINK} caps="{CAPS}"'
CSI_DEFAULTS = {"width": 1280, "height": 720, "fps": 30}
# Milliseconds that packets may be late; later ones are dropped, so that delay can't grow.
JITTER_MS = 200
# Microseconds after which a stream that says nothing is an error.
SILENCE_US = 5_000_000
NAME = re.compile(r"\bname\s*=\s*(?:\"([^\"]+)\"|([\w-]+))")
Has = Callable[[str], bool]


@dataclass(frozen=True)
class Launch:
    """A pipeline's text and the properties of its source, of which some are secret."""

    text: str
    settings: dict[str, str] = field(default_factory=dict, repr=False)


def candidates(address: Address, has: Has) -> Iterator[Launch]:
    """Yield the pipelines for a source, the best first; one that gives a frame is the right one.

    `has` says whether an element is here. Raises CameraMissingError, CameraSourceError.
    """
    if address.kind == CSI:
        yield csi(address, has)
    elif address.kind == V4L2:
        yield from v4l2(address, has)
    elif address.kind == RTSP:
        yield rtsp(address, has)
    elif address.kind == PIPELINE:
        yield own(address.place)


def need(has: Has, *elements: str) -> None:
    """Raise CameraMissingError for the first element that is not here."""
    for element in elements:
        if has(element):
            continue
        if element in table()["nvidia"]:
            raise CameraMissingError(
                f"GStreamer's element {element} is not here: it is the board's, and comes into a "
                "container with --runtime nvidia (./inv doctor names what is missing)"
            )
        raise CameraMissingError(
            f"GStreamer's element {element} is not here: build the image with --camera, or install "
            "gstreamer1.0-plugins-base and gstreamer1.0-plugins-good"
        )


def csi(address: Address, has: Has) -> Launch:
    """Return the pipeline of a CSI camera: the picture is scaled and converted by the board."""
    need(has, "nvarguscamerasrc", "nvvidconv", "appsink")
    size = {**CSI_DEFAULTS, **address.options}
    return Launch(
        f"nvarguscamerasrc name={SOURCE} ! video/x-raw(memory:NVMM),format=NV12,"
        f"width={size['width']},height={size['height']},framerate={size['fps']}/1 ! "
        f"nvvidconv flip-method={size.get('flip', 0)} ! video/x-raw,format=BGRx ! {APPSINK}",
        {"sensor-id": address.place},
    )


def v4l2(address: Address, has: Has) -> Iterator[Launch]:
    """Yield pipelines of a V4L2 device: raw frames, else Motion JPEG, else H.264."""
    need(has, "v4l2src", "videoconvert", "appsink")
    given = address.options
    size = "".join(f",{name}={given[name]}" for name in ("width", "height") if name in given)
    size += f",framerate={given['fps']}/1" if "fps" in given else ""
    for name, caps, codec in table()["v4l2"]:
        if given.get("format", name) != name:
            continue
        decode = decoder(codec, has) if codec else "videoconvert"
        if decode is None:
            if "format" in given:
                raise CameraMissingError(f"no decoder for {name} is here")
            continue
        yield Launch(
            f"v4l2src name={SOURCE} ! {caps}{size} ! {decode} ! {APPSINK}",
            {"device": address.place},
        )


def decoder(codec: str, has: Has) -> Optional[str]:
    """Return a decoder and what makes its frames plain, None where there is none.

    Before it stands the codec's parser where that is here: Debian's openh264dec takes only what has
    a size in its caps, which no packet of a stream tells.
    """
    parser = table()["parsers"].get(codec, "")
    parse = f"{parser} ! " if parser and has(parser) else ""
    for decode, convert in table()["decoders"][codec]:
        if has(decode) and has(convert):
            plain = " ! video/x-raw,format=BGRx" if convert == "nvvidconv" else ""
            return f"{parse}{decode} ! {convert}{plain}"
    return None


def decodes(codec: str, has: Has) -> bool:
    """Return whether GStreamer decodes this here."""
    return decoder(codec, has) is not None


def rtsp(address: Address, has: Has) -> Launch:
    """Return the pipeline of a stream: one branch for each codec that can be decoded here."""
    need(has, "rtspsrc", "funnel", "appsink")
    branches = []
    for codec, depay in table()["rtsp"].items():
        decode = decoder(codec, has)
        if decode and has(depay):
            branches.append(
                f"{SOURCE}. ! application/x-rtp,media=video,encoding-name={codec} ! {depay} ! "
                f"{decode} ! {SINK}_in."
            )
    settings = {
        "location": address.place,
        "latency": str(JITTER_MS),
        "drop-on-latency": "true",
        "timeout": str(SILENCE_US),
        "tcp-timeout": str(SILENCE_US),
        "protocols": "tcp",
    }
    if address.user:
        settings.update({"user-id": address.user, "user-pw": address.password})
    return Launch(
        f"rtspsrc name={SOURCE} funnel name={SINK}_in ! {APPSINK} {' '.join(branches)}", settings
    )


def own(text: str) -> Launch:
    """Return a user's pipeline with frames that OpenCV takes: it must end in an appsink.

    Raises CameraSourceError.
    """
    before, mark, last = text.rpartition("!")
    tokens = last.split()
    if not mark or not before.strip() or not tokens or tokens[0] != "appsink":
        raise CameraSourceError("a GStreamer pipeline must end in an appsink: ... ! appsink")
    rest = NAME.sub("", " ".join(tokens[1:]))
    if "caps" not in rest:
        rest = f'caps="{CAPS}" {rest}'
    return Launch(f"{before.strip()} ! videoconvert ! appsink name={SINK} {rest}".strip())
