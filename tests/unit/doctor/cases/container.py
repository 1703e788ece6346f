"""Cases of what a container was given, and for which release its image is."""

from __future__ import annotations

import json

from tests.unit.doctor.cases.case import Case
from tests.unit.doctor_scenes import DOCKERENV, LIB

PLAN = "etc/mediapipe-jetson/plan.json"


def plan(l4t: str) -> dict[str, str]:
    return {**DOCKERENV, PLAN: json.dumps({"target": {"l4t": l4t}})}


CASES: list[Case] = [
    ("no-nvidia-runtime", "bad", {"files": DOCKERENV}, "--runtime nvidia"),
    (
        "no-nvidia-runtime",
        "bad",
        {
            "files": {**DOCKERENV, "dev/nvmap": ""},
            "environment": {"NVIDIA_VISIBLE_DEVICES": "void"},
        },
        "NVIDIA_VISIBLE_DEVICES=all",
    ),
    ("no-nvidia-runtime", "ok", {"device": "orin", "files": DOCKERENV}, "eglcore"),
    ("no-nvidia-runtime", "unknown", {"device": "orin"}, "no container"),
    (
        "image-for-another-l4t",
        "bad",
        {"device": "orin", "files": plan("35.6.0")},
        "--l4t 36.4.3",
    ),
    (
        "image-for-another-l4t",
        "bad",
        {"files": {**plan("36.4.4"), f"{LIB}/nvidia/libnvidia-eglcore.so.580.00": ""}},
        "--l4t r38",
    ),
    ("image-for-another-l4t", "ok", {"device": "orin", "files": plan("36.4.4")}, "36.4.4"),
    ("image-for-another-l4t", "unknown", {"files": plan("36.4.4")}, "no driver's version"),
    ("image-for-another-l4t", "unknown", {"device": "orin", "files": DOCKERENV}, "not the kit's"),
    ("image-for-another-l4t", "unknown", {"device": "orin"}, "no container"),
    (
        "image-for-another-l4t",
        "unknown",
        {"files": {PLAN: '{"target": null}'}},
        "not made for a Jetson",
    ),
    ("image-for-another-l4t", "unknown", {"files": {PLAN: "[]"}}, "can't be read"),
]
