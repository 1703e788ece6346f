"""The board's own side: who may open the GPU's nodes, and how fast its clock may go."""

from __future__ import annotations

import fnmatch
import re
from typing import Any, Optional

from mediapipe_jetson.doctor.result import Result, UnseenError, bad, ok, unknown
from mediapipe_jetson.doctor.scene import CONTAINER, Scene
from mediapipe_jetson.observation import Absent, counted
from mediapipe_jetson.observe.driver import Driver, Node

CONF = "/etc/nvpmodel.conf"
STATUS = "/var/lib/nvpmodel/status"
DEVFREQ = "/sys/class/devfreq"
UNLIMITED = float("inf")


def nodes(scene: Scene, facts: dict[str, Any]) -> Result:
    """Judge the nodes that inference opens."""
    if not isinstance(scene.driver, Driver):
        return unknown(scene.driver.reason if isinstance(scene.driver, Absent) else "not observed")
    needed = [
        node
        for node in scene.driver.nodes
        if any(fnmatch.fnmatch(node.path, pattern) for pattern in facts["nodes"])
    ]
    if not needed:
        return unknown("none of the GPU's device nodes is here")
    closed = [node for node in needed if not node_open(scene, node)]
    if not closed:
        return ok(f"{counted(len(needed), 'node')}, all open to user {scene.uid}")
    seen = [f"{node.path} {node.mode} {node.uid}:{node.gid}" for node in closed]
    closed_to_group = [node.path for node in closed if node.mode[4:6] != "rw"]
    if closed_to_group:
        return bad(*seen, cure="closed", nodes=" ".join(closed_to_group))
    gids = sorted({node.gid for node in closed})
    flags = " ".join(f"--group-add {gid}" for gid in gids)
    if scene.place == CONTAINER:
        return bad(*seen, flags=flags)
    names = ",".join(_group(scene, gid) for gid in gids)
    user = scene.environment.get("USER") or "$USER"
    return bad(*seen, cure="board", groups=names, user=user)


def node_open(scene: Scene, node: Node) -> bool:
    """Return whether the user may read and write; of a recorded tree by the mode alone."""
    if str(scene.root) == "/":
        return node.accessible
    if scene.uid == 0:
        return True
    start = 1 if node.uid == scene.uid else 4 if node.gid in scene.groups else 7
    return node.mode[start : start + 2] == "rw"


def _group(scene: Scene, gid: int) -> str:
    match = re.search(rf"^([^:\n]+):[^:]*:{gid}:", scene.text("/etc/group") or "", re.MULTILINE)
    return match.group(1) if match else str(gid)


def power(scene: Scene, facts: dict[str, Any]) -> Result:
    """Judge the GPU's highest clock against the board's other modes."""
    modes = power_modes(scene.text(CONF) or "")
    name, number = _current(scene)
    if number in modes and len(modes) > 1:
        best = max(modes, key=lambda item: (modes[item][1], -item))
        current, most = modes[number][1], modes[best][1]
        seen = f"mode {number} ({modes[number][0]}): GPU up to {_mhz(current)}"
        if current < most:
            return bad(f"{seen}; mode {best} ({modes[best][0]}): {_mhz(most)}", mode=str(best))
        return ok(seen)
    clocks = _devfreq(scene, facts["gpu_names"])
    if clocks:
        path, now, most = clocks
        seen = f"{path}: max_freq {_mhz(now)} of {_mhz(most)}"
        if now >= most:
            return ok(seen)
        # A board's highest mode may stay below the chip's table: no proof without the modes.
        raise UnseenError(f"{seen}, but whether a mode goes higher can't be seen without {CONF}")
    if name.upper().startswith("MAXN"):
        return ok(f"mode {name}")
    if name:
        return unknown(f"mode {name}, but {CONF} does not tell what it means for the GPU")
    output = scene.output("nvpmodel")
    return unknown(output.reason if isinstance(output, Absent) else "nvpmodel told no mode")


def power_modes(text: str) -> dict[int, tuple[str, float]]:
    """Return each mode's name and the GPU's highest clock in it, in Hz."""
    result: dict[int, tuple[str, float]] = {}
    for block in re.split(r"^<", text, flags=re.MULTILINE):
        head = re.match(r"\s*POWER_MODEL\s+(.*?)>", block)
        if not head:
            continue
        fields = dict(re.findall(r"(\w+)=(\S+)", head.group(1)))
        limit = re.search(r"^GPU(?:_GPC)?\s+MAX_FREQ\s+(-?\d+)", block, re.MULTILINE)
        if limit and fields.get("ID", "").isdecimal():
            hertz = int(limit.group(1))
            # Xavier's file has 2147483647 for it.
            free = hertz < 0 or hertz >= 2**31 - 1
            result[int(fields["ID"])] = (fields.get("NAME", "?"), UNLIMITED if free else hertz)
    return result


def _current(scene: Scene) -> tuple[str, Optional[int]]:
    """Return the current mode's name and number, as far as they are known."""
    output = scene.output("nvpmodel")
    match = (
        re.search(r"NV Power Mode:\s*(\S+)\s+(\d+)", output) if isinstance(output, str) else None
    )
    if match:
        return match.group(1), int(match.group(2))
    saved = re.search(r"pmode:(\d+)", scene.text(STATUS) or "")
    return "", int(saved.group(1)) if saved else None


def _devfreq(scene: Scene, names: list[str]) -> Optional[tuple[str, int, int]]:
    """Return the GPU's devfreq folder, its limit and its highest clock, in Hz."""
    for folder in sorted(scene.root.glob(f"{DEVFREQ.lstrip('/')}/*")):
        path = f"{DEVFREQ}/{folder.name}"
        name = scene.text(f"{path}/device/of_node/name") or folder.name.split(".", 1)[-1]
        if name.strip() not in names:
            continue
        limit, known = scene.text(f"{path}/max_freq"), scene.text(f"{path}/available_frequencies")
        clocks = [int(word) for word in (known or "").split() if word.isdecimal()]
        if limit and limit.strip().isdecimal() and clocks:
            return path, int(limit), max(clocks)
    return None


def _mhz(hertz: float) -> str:
    return "its highest clock" if hertz == UNLIMITED else f"{hertz / 1e6:.0f} MHz"
