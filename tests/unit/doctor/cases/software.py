"""Cases of Python, the processor and MediaPipe's wheel."""

from __future__ import annotations

from mediapipe_jetson.observation import Absent

from tests.unit.doctor.cases.case import Case
from tests.unit.doctor_scenes import CPU_ONLY, GPU, UNDECIDED

CASES: list[Case] = [
    ("python-too-old", "bad", {"python": (3, 8, 10)}, "./inv build --jetson"),
    ("python-too-old", "ok", {"python": (3, 9, 0)}, "Python 3.9.0"),
    ("cpu-too-old", "bad", {"device": "nano"}, "mediapipe==0.10.18"),
    (
        "cpu-too-old",
        "bad",
        {"device": "nano", "mediapipe": "1.0.0", "library": CPU_ONLY},
        "mediapipe==0.10.18",
    ),
    ("cpu-too-old", "ok", {"device": "orin"}, "dotprod and RCpc"),
    (
        "cpu-too-old",
        "ok",
        {"device": "nano", "mediapipe": "0.10.18", "library": CPU_ONLY},
        "every 64-bit Arm",
    ),
    ("cpu-too-old", "unknown", {"device": "nano", "mediapipe": "0.10.18"}, "not an official wheel"),
    ("cpu-too-old", "unknown", {"device": "nano", "mediapipe": "1.2.2+own"}, "wheels.audit"),
    ("cpu-too-old", "unknown", {"device": "nano", "library": Absent("not read")}, "not read"),
    ("cpu-too-old", "unknown", {"device": "nano", "mediapipe": None}, "not installed"),
    ("cpu-too-old", "unknown", {}, "no /proc/cpuinfo"),
    ("cpu-too-old", "unknown", {"files": {"proc/cpuinfo": "processor : 0\n"}}, "does not tell"),
    ("cpu-too-old", "unknown", {"device": "orin", "mediapipe": "local"}, "no version"),
    ("wheel-without-gpu", "bad", {"library": CPU_ONLY}, "mediapipe>=1.0.1"),
    ("wheel-without-gpu", "bad", {"device": "nano", "library": CPU_ONLY}, "stays on the CPU"),
    ("wheel-without-gpu", "ok", {"library": GPU}, "libEGL"),
    ("wheel-without-gpu", "unknown", {"library": UNDECIDED}, "nothing decides"),
    ("wheel-without-gpu", "unknown", {"library": Absent("not installed")}, "not installed"),
]
