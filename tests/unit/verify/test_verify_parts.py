"""The parts of verify that observe: /proc, the GPU's own counters."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mediapipe_jetson.observe import packages
from mediapipe_jetson.verify import cycles, facts, hardware, process, results, runner, session

from tests.unit.verify.samples import BEGAN_S, REST_FROM_S, TURNS, samples

LAG_S = 0.25


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_load_files_of_three_generations(tmp_path: Path) -> None:
    nano = tree(tmp_path / "nano", {"sys/devices/gpu.0/load": "437\n"})
    orin = tree(
        tmp_path / "orin",
        {
            "sys/class/devfreq/17000000.gpu/device/of_node/name": "gpu\0",
            "sys/class/devfreq/17000000.gpu/device/load": "998\n",
            "sys/class/devfreq/17000000.gpu/cur_freq": "612000000\n",
            "sys/class/devfreq/15340000.vic/device/of_node/name": "vic\0",
            "sys/class/devfreq/15340000.vic/device/load": "5\n",
        },
    )
    thor = tree(tmp_path / "thor", {"sys/class/devfreq/gpu-gpc-0/cur_freq": "1574000000\n"})
    assert [hardware.load_percent(path) for path in hardware.load_files(nano)] == [43.7]
    assert [hardware.load_percent(path) for path in hardware.load_files(orin)] == [99.8]
    assert hardware.load_files(thor) == []
    assert hardware.frequencies(thor) == {"gpu-gpc-0/cur_freq": "1574000000"}
    assert hardware.frequencies(orin) == {"17000000.gpu/cur_freq": "612000000"}
    assert hardware.load_files(tmp_path / "none") == []
    bad = tree(tmp_path / "bad", {"a": "no number", "b": "1001", "c": ""})
    assert [hardware.load_percent(bad / name) for name in "abcd"] == [None] * 4


@pytest.mark.parametrize(
    ("device", "more"),
    [
        # A container masks /sys/firmware, where of_node points: names and uevent are left.
        ("17000000.ga10b", {}),
        ("17000000.gv11b", {}),
        ("platform/17000000.ga10b", {}),
        ("platform/gpu.0", {}),
        ("platform/bus@0/17000000.gpu", {}),
        ("platform/bus@0/odd", {"OF_NAME": "gpu"}),
        ("57000000.gpu", {"OF_NAME": "gpu", "DRIVER": "gk20a"}),
    ],
)
def test_load_files_in_a_container(tmp_path: Path, device: str, more: dict[str, str]) -> None:
    place = f"sys/devices/{device}"
    event = "".join(f"{name}={value}\n" for name, value in more.items())
    root = tree(tmp_path, {f"{place}/load": "437\n", f"{place}/uevent": event})
    (root / place / "of_node").symlink_to("/sys/firmware/devicetree/base/masked")
    if "odd" in device:
        entry = root / "sys/class/devfreq/odd"
        entry.mkdir(parents=True)
        (entry / "device").symlink_to(root / place)
    assert [hardware.load_percent(path) for path in hardware.load_files(root)] == [43.7]
    # A video engine's load is no GPU's.
    (root / "sys/devices/platform/15340000.vic").mkdir(parents=True)
    (root / "sys/devices/platform/15340000.vic/load").write_text("5\n")
    assert len(hardware.load_files(root)) == 1


@pytest.mark.parametrize(
    ("line", "percent"),
    [
        ("EMC_FREQ 0%@1600 GR3D_FREQ 0%@76 APE 25", 0.0),
        ("EMC_FREQ 2%@204 GR3D_FREQ 0%@[114] VIC_FREQ 115", 0.0),
        ("EMC_FREQ 61%@2133 GR3D_FREQ 99%@[612] NVDEC off", 99.0),
        ("EMC_FREQ 34%@4266 GR3D_FREQ 87%@[1574,1574,1574] NVENC0_FREQ @1691", 87.0),
        ("EMC_FREQ 0% GR3D_FREQ 88% VIC off", 88.0),
        ("EMC_FREQ 3%@2133 GR3D_FREQ @[1574,1574,1574] VIC off", None),
        ("RAM 721/31927MB", None),
    ],
)
def test_tegrastats(line: str, percent: float | None) -> None:
    assert hardware.tegrastats_percent(line) == percent


def test_the_sampler_keeps_its_rate(tmp_path: Path) -> None:
    root = tree(tmp_path, {"sys/devices/gpu.0/load": "500\n"})
    sampler = hardware.Sampler(root)
    sampler.start()
    time.sleep(0.6)
    (root / "sys/devices/gpu.0/load").write_text("10\n")
    time.sleep(0.6)
    result = sampler.stop()
    values = result["samples"][f"devfreq:{root}/sys/devices/gpu.0/load"]
    assert result["present"]
    assert len(values) >= 20
    assert (values[0][1], values[-1][1]) == (50.0, 1.0)
    assert not hardware.Sampler(tmp_path / "none").stop()["present"]


def test_a_curve_that_lags_still_follows() -> None:
    late = [(at + 0.15, value) for at, value in samples()]
    assert cycles.follows(late, TURNS, BEGAN_S, REST_FROM_S, LAG_S)["hardware"] == "rises"
    assert cycles.follows([], TURNS, BEGAN_S, REST_FROM_S, LAG_S)["hardware"] == "unreadable"
    began = [item for item in late if item[0] > BEGAN_S]
    unseen = cycles.follows(began, TURNS, BEGAN_S, REST_FROM_S, LAG_S)
    assert unseen["hardware"] == "unreadable"
    # What the process does before it rests, such as compiling shaders, is no idle base.
    prepared = [(at, 99.0 if BEGAN_S <= at < REST_FROM_S else value) for at, value in late]
    assert cycles.follows(prepared, TURNS, BEGAN_S, REST_FROM_S, LAG_S)["hardware"] == "rises"
    constant = [(at, 50.0) for at, _ in samples()]
    assert cycles.follows(constant, TURNS, BEGAN_S, REST_FROM_S, LAG_S)["hardware"] == "busy-before"


def test_maps_and_open_devices(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/7/maps": (
                "7f00-7f01 r-xp 00000000 08:01 11 /usr/lib/libnvidia-eglcore.so.540.4.0\n"
                "7f01-7f02 r--p 00000000 08:01 11 /usr/lib/libnvidia-eglcore.so.540.4.0\n"
                "7f02-7f03 r-xp 00000000 08:01 12 /opt/x/site-packages/numpy/core.so\n"
                "7f03-7f04 r-xp 00000000 08:01 13 /opt/my app/lib a.so.1 (deleted)\n"
                "7f04-7f05 rw-p 00000000 00:00 0 [heap]\n"
                "7f05-7f06 rw-p 00000000 00:00 0 \n"
            ),
        },
    )
    assert process.mapped(root, "7") == [
        "/opt/my app/lib a.so.1 (deleted)",
        "/usr/lib/libnvidia-eglcore.so.540.4.0",
    ]
    opened = root / "proc/7/fd"
    opened.mkdir()
    for number, target in enumerate(["/dev/null", "/dev/nvmap", "/dev/dri/renderD128", "pipe:[1]"]):
        (opened / str(number)).symlink_to(target)
    (root / "sys/class/drm/renderD128/device").mkdir(parents=True)
    (root / "sys/class/drm/renderD128/device/driver").symlink_to("../../../bus/pci/drivers/amdgpu")
    nothing = dict.fromkeys(("kernel", "major", "minor", "table"))
    assert process.devices(root, "7") == [
        {"path": "/dev/dri/renderD128", "driver": "amdgpu", **nothing},
        {"path": "/dev/nvmap", "driver": None, **nothing},
    ]
    assert process.mapped(root, "8") is None
    assert process.devices(root, "8") is None
    mine = process.observe()
    assert any("libc.so" in path or "libc-" in path for path in mine["libraries"])


@pytest.mark.parametrize(
    ("version", "children"),
    [("0.10.21", [("CPU",), ("GPU",)]), ("1.2.2", [("CPU", "GPU")]), (None, [("CPU", "GPU")])],
)
def test_quick_parts_the_control_where_it_opens_the_driver(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str | None,
    children: list[tuple[str, ...]],
) -> None:
    """Before 1.0.1 the CPU's turn leaves the driver in the process, as on a board's own build."""
    started = []

    def run(request: runner.ChildRequest, *_more: object) -> list[dict[str, Any]]:
        started.append(request.delegates)
        return [{"delegate": name} for name in request.delegates]

    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(packages, "version", lambda _name: version)
    (tmp_path / "face_landmarker.task").write_text("")
    observed = session.observe("FaceLandmarker", session.Settings(models=tmp_path), None)
    assert started == children
    assert [(observed[name] or {})["delegate"] for name in ("run", "cpu")] == ["GPU", "CPU"]


def test_versions_are_ordered_by_numbers() -> None:
    detector = {
        v: facts.interface("FaceDetector", v) for v in ("1.0.1", "1.2.2+jetson.1", "1.10.0")
    }
    assert [row and row["api"] for row in detector.values()] == ["gl", "webgpu", "webgpu"]
    assert facts.interface("FaceDetector", "0.9.3") is None
    assert facts.interface("FaceDetector", "") is None


def test_no_nan_reaches_the_report() -> None:
    point = SimpleNamespace(x=float("nan"), y=0.25)
    namespace = SimpleNamespace(pose_landmarks=[[point]])
    assert results.digest("pose", namespace) == {"count": 1, "points": [[None, 0.25]]}


def test_ctypes_signature_of_the_callback() -> None:
    """The callback takes severity, text and the user's pointer, as the library calls it."""
    from mediapipe_jetson.verify import child

    log = child.Log(Path("/nonexistent"))
    assert log.problem
    log.callback(2, b"GL version: 3.2", None)
    log.callback(1, None, ctypes.c_void_p(5))
    assert log.lines == [[2, "GL version: 3.2"], [1, ""]]
