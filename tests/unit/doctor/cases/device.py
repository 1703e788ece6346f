"""Cases of a board's device nodes and power mode."""

from __future__ import annotations

from tests.unit.doctor.cases.case import Case
from tests.unit.doctor_scenes import missing

NVPMODEL = """\
< POWER_MODEL ID=0 NAME=15W >
CPU_ONLINE CORE_0 1
GPU MAX_FREQ 612000000
< POWER_MODEL ID=1 NAME=25W >
GPU MAX_FREQ 918000000
< POWER_MODEL ID=2 NAME=MAXN_SUPER >
GPU MAX_FREQ -1
< PM_CONFIG DEFAULT=1 >
"""
TWO_MODES = "< POWER_MODEL ID=0 NAME=15W >\nGPU MAX_FREQ 624750000\n< POWER_MODEL NAME=7W ID=1 >\n"
TWO_MODES += "GPU MAX_FREQ 408000000\n"
DEVFREQ = "sys/class/devfreq/17000000.gpu"
CAPPED = {
    f"{DEVFREQ}/max_freq": "612000000\n",
    f"{DEVFREQ}/available_frequencies": "306000000 612000000 1020000000\n",
}


CASES: list[Case] = [
    ("device-permissions", "unknown", {}, "no NVIDIA"),
    ("device-permissions", "ok", {"device": "orin", "uid": 0}, "open to user 0"),
    (
        "power-mode",
        "bad",
        {
            "files": {"etc/nvpmodel.conf": NVPMODEL},
            "outputs": {"nvpmodel": "NV Power Mode: 25W\n1\n"},
        },
        "nvpmodel -m 2",
    ),
    (
        "power-mode",
        "bad",
        {"files": {"etc/nvpmodel.conf": NVPMODEL, "var/lib/nvpmodel/status": "pmode:0000\n"}},
        "nvpmodel -m 2",
    ),
    ("power-mode", "unknown", {"files": CAPPED}, "612 MHz of 1020"),
    (
        "power-mode",
        "ok",
        {
            "files": {"etc/nvpmodel.conf": NVPMODEL},
            "outputs": {"nvpmodel": "NV Fan Mode:quiet\nNV Power Mode: MAXN_SUPER\n2\n"},
        },
        "its highest clock",
    ),
    (
        "power-mode",
        "ok",
        {
            "files": {"etc/nvpmodel.conf": TWO_MODES},
            "outputs": {"nvpmodel": "NV Power Mode: 15W\n0\n"},
        },
        "625 MHz",
    ),
    ("power-mode", "ok", {"outputs": {"nvpmodel": "NV Power Mode: MAXN\n0\n"}}, "MAXN"),
    (
        "power-mode",
        "ok",
        {"files": {**CAPPED, f"{DEVFREQ}/max_freq": "1020000000"}},
        "1020 MHz of 1020",
    ),
    ("power-mode", "unknown", {"outputs": {"nvpmodel": "NV Power Mode: 15W\n0\n"}}, "15W"),
    ("power-mode", "unknown", {"outputs": {"nvpmodel": missing("nvpmodel")}}, "not installed"),
]
