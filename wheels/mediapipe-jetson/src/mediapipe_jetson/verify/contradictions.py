"""What speaks against a driver that is named as NVIDIA's: its nodes, mounts, files, threads, pace.

Each fact is None where nothing was observed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from mediapipe_jetson.observe.emulation import ARM, known
from mediapipe_jetson.verify.rules import book, pattern, threshold

Rows = Optional[Sequence[Mapping[str, Any]]]
MOST_WORDS = 5


def nodes(devices: Rows) -> dict[str, Any]:
    """Return `nodes` (genuine, false, untold, absent) and as what the kernel knows them.

    Both of the kernel's names count, where it tells them, and the node's number.
    """
    gpus = [
        device for device in devices or () if pattern("nvidia_nodes").search(str(device["path"]))
    ]
    if not gpus:
        return {"nodes": "absent", "node_kernel": "nothing"}
    others = [word for gpu in gpus for word in _not_nvidias(gpu)]
    if others:
        return {"nodes": "false", "node_kernel": _joined(others)}
    reported = [gpu for gpu in gpus if _names(gpu) and all(map(_is_number, _numbers(gpu)))]
    state = "genuine" if len(reported) == len(gpus) else "untold"
    return {"nodes": state, "node_kernel": "its own" if state == "genuine" else "unknown"}


def _names(device: Mapping[str, Any]) -> list[str]:
    return [str(device[key]) for key in ("kernel", "table") if device.get(key)]


def _numbers(device: Mapping[str, Any]) -> tuple[Any, Any]:
    return device.get("major"), device.get("minor")


def _not_nvidias(device: Mapping[str, Any]) -> list[str]:
    """Return in words what of a node is not NVIDIA's."""
    names = [name for name in _names(device) if not pattern("nvidia_kernel").match(name)]
    numbers = _numbers(device)
    if not all(map(_is_number, numbers)):
        return names
    rows = [row for row in book()["node_numbers"] if re.search(row["path"], str(device["path"]))]
    fits = all(
        _within(number, row[key])
        for row in rows
        for number, key in zip(numbers, ("majors", "minors"))  # noqa: B905 # Python 3.9
    )
    return names if fits else [*names, f"number {numbers[0]}:{numbers[1]}"]


def _is_number(value: Any) -> bool:  # noqa: ANN401 # JSON
    return type(value) is int and value >= 0


def _within(number: Any, ranges: Sequence[Sequence[int]]) -> bool:  # noqa: ANN401 # JSON
    return any(first <= number <= last for first, last in ranges)


def mounts(seen: Rows) -> dict[str, Any]:
    """Return `mounts` (own, foreign): whether one hides what the kernel says of its devices."""
    # /proc, by which they were seen, is one itself: no list is empty.
    if not isinstance(seen, list) or not seen:
        return {"mounts": None, "mount_detail": "not observed"}
    foreign = [
        f"{item['at']} ({item['type']}, {item['root']})"
        for item in seen
        if pattern("watched_mounts").search(str(item["at"])) and not _is_own(item)
    ]
    return {"mounts": "foreign" if foreign else "own", "mount_detail": _joined(foreign) or "none"}


def _is_own(mount: Mapping[str, Any]) -> bool:
    place, root = str(mount["at"]), str(mount["root"])
    # Below its own file system a part lies where it lies below the mount point: /sys, /proc, /dev.
    same = "/" + place.split("/", 2)[2] if place.count("/") > 1 else "/"
    return any(
        re.search(row["at"], place)
        and re.search(row["type"], str(mount["type"]))
        and (root == same if row["root"] == "same" else re.search(row["root"], root))
        for row in book()["mounts"]["allowed"]
    )


def driver_files(seen: Rows, libraries: Optional[Sequence[str]]) -> dict[str, Any]:
    """Return `driver_files` (own, foreign): whether what is named as NVIDIA's needs Mesa's parts.

    Own are they where every mapped file of NVIDIA's driver was read; `libraries` are the mapped.
    """
    cores = {path for path in libraries or () if pattern("nvidia_core").search(path)}
    if not isinstance(seen, list) or not cores:
        return {"driver_files": None, "driver_file_detail": "not observed"}
    foreign = [
        f"{item['path']} needs {name}"
        for item in seen
        for name in item["needed"] or ()
        if pattern("not_nvidias_needs").search(str(name))
    ]
    foreign += [
        f"{item['path']} holds {word}"
        for item in seen
        if _is_nvidias(str(item["path"]))
        for word in item.get("holds") or ()
    ]
    if foreign:
        return {"driver_files": "foreign", "driver_file_detail": _joined(foreign)}
    unread = cores - {item["path"] for item in seen if isinstance(item["needed"], list)}
    detail = f"not read: {_joined(sorted(unread))}" if unread else "they are NVIDIA's"
    return {"driver_files": None if unread else "own", "driver_file_detail": detail}


def hidden_rasterizers(seen: Rows) -> bool:
    """Tell whether a software rasterizer's code lies in a file whose name says nothing of it."""
    return any(item.get("holds") and not _is_nvidias(str(item["path"])) for item in seen or ())


def _is_nvidias(path: str) -> bool:
    return any(pattern(name).search(path) for name in ("nvidia_core", "nvidia_vendor"))


def software_threads(seen: Optional[Sequence[str]]) -> bool:
    """Tell whether a software rasterizer's threads are at work."""
    return any(pattern("software_threads").search(str(name)) for name in seen or ())


def software_compilers(libraries: Optional[Sequence[str]]) -> str:
    """Return which compilers are mapped that Mesa draws in software with."""
    result = [path for path in libraries or () if pattern("software_compilers").search(path)]
    return _joined(result) or "none"


def renderer(names: Sequence[str], device: Mapping[str, Any]) -> dict[str, Any]:
    """Return `renderer_fits`: whether this machine can have the Tegra that the renderer names."""
    text = "\n".join(names)
    made_of = device.get("emulation")
    if not isinstance(made_of, Mapping) or made_of.get("machine") is None:
        return {"renderer_fits": None, "renderer_detail": "the machine was not observed"}
    claims = made_of.get("claims")
    table = book()["renderers"]
    named = [
        name for name, expression in table.items() if re.search(expression, text, re.IGNORECASE)
    ]
    if not pattern("tegra_names").search(text):
        return {"renderer_fits": True, "renderer_detail": "no Tegra is named"}
    if made_of["machine"] not in ARM:
        return {"renderer_fits": False, "renderer_detail": f"its CPU is {made_of['machine']}"}
    if claims is None:
        return {"renderer_fits": None, "renderer_detail": "what it calls itself was not observed"}
    if not claims:
        # A container may hide all that names the board; its cores are there.
        cores, own = set(made_of.get("cores") or ()), _cores(named)
        fits = bool(cores) and cores <= own
        detail = "the cores are its own" if fits else "nothing calls it a Jetson"
        return {"renderer_fits": fits, "renderer_detail": detail}
    soc = device.get("soc")
    fits = soc not in table or not named or soc in named
    return {"renderer_fits": fits, "renderer_detail": f"{', '.join(named)} on {soc}"}


def _cores(socs: Sequence[str]) -> set[str]:
    """Return the cores of SoCs, as implementer:part."""
    table = known()["cores"]
    return {core for soc in socs for core in table.get(soc, ())}


def pace(gpu_ms: Optional[float], cpu_ms: Optional[float]) -> dict[str, Any]:
    """Return `pace` (usual, slow) of a median frame in milliseconds against the CPU's."""
    if gpu_ms is None or cpu_ms is None:
        return {"pace": None, "pace_detail": "not both were timed"}
    slow = gpu_ms >= max(cpu_ms * threshold("slow_ratio"), threshold("slow_ms"))
    return {
        "pace": "slow" if slow else "usual",
        "pace_detail": f"{gpu_ms:g} ms against {cpu_ms:g} ms",
    }


def _joined(names: Iterable[str]) -> str:
    every = list(dict.fromkeys(names))
    more = [f"{len(every) - MOST_WORDS} more"] if len(every) > MOST_WORDS else []
    return ", ".join([*every[:MOST_WORDS], *more])
