"""What a container was started with: NVIDIA's driver, and an image that fits the board."""

from __future__ import annotations

import json
import re
from typing import Any, Optional

from mediapipe_jetson.doctor import projects
from mediapipe_jetson.doctor.files.facts import BaseImage
from mediapipe_jetson.doctor.finding import Finding
from mediapipe_jetson.doctor.result import Result, UnseenError, bad, ok, unknown
from mediapipe_jetson.doctor.scanned import ASIDE
from mediapipe_jetson.doctor.scene import CONTAINER, Scene
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe.driver import Driver
from mediapipe_jetson.observe.l4t import L4t

OUTSIDE = "this is no container"
PLAN = "/etc/mediapipe-jetson/plan.json"
VARIABLE = "NVIDIA_VISIBLE_DEVICES"
RENDERING = re.compile(r"libnvidia-(eglcore|glsi)\.so|lib(EGL|GLESv2)_nvidia\.so")


def rendering_libraries(scene: Scene) -> list[str]:
    """Return NVIDIA's EGL and GL libraries here."""
    if not isinstance(scene.driver, Driver):
        return []
    return [
        f"{folder.path}/{name}"
        for folder in scene.driver.directories
        for name in folder.libraries
        if RENDERING.match(name)
    ]


def driver(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether NVIDIA's runtime brought the driver in."""
    if scene.place != CONTAINER:
        return unknown(OUTSIDE)
    result = rendering_libraries(scene)
    if result:
        return ok(f"{len(result)} of NVIDIA's EGL and GL libraries, such as {result[0]}")
    value = scene.environment.get(VARIABLE)
    message = f"{VARIABLE} is {'unset' if value is None else repr(value)}"
    if isinstance(scene.driver, Driver):
        return bad("none of NVIDIA's EGL or GL libraries, only a part of the driver", message)
    return bad("no NVIDIA library and no device node", message)


def l4t(scene: Scene, facts: dict[str, Any]) -> Result:
    """Judge whether the image, or one that the project starts from, is for this board's L4T."""
    based = _based(scene, facts)
    if based is not None:
        return based
    requested = planned_l4t(scene)
    branch, source = board_branch(scene, facts)
    if int(requested.split(".")[0]) == branch:
        return ok(f"image for L4T {requested}; the board: {source}")
    release = scene.l4t.release if isinstance(scene.l4t, L4t) else f"r{branch}"
    return bad(f"image for L4T {requested}; the board: {source}", l4t=release)


def _based(scene: Scene, facts: dict[str, Any]) -> Optional[Result]:
    """Judge the base images of a project; None where none is for a Jetson and wrong."""
    scan = scene.scan
    known = _for_jetsons(scan.images) if scan is not None else []
    apart = _for_jetsons(scan.aside) if scan is not None else []
    if not known and not apart:
        return None
    try:
        branch, source = board_branch(scene, facts)
    except UnseenError as why:
        about = (
            f"{item.file}:{item.line}: {item.image} is for L4T {properties.l4t}"
            for item, properties in known + apart
        )
        return unknown(f"{why}; {', '.join(about)}")
    release = scene.l4t.release if isinstance(scene.l4t, L4t) else f"r{branch}"
    findings = tuple(
        Finding(
            item.file,
            0,
            item.line,
            1,
            f"{item.image} is for L4T {properties.l4t}",
            f"one for L4T {release}",
        )
        for item, properties in known
        if int(properties.l4t.split(".")[0]) != branch
    )
    aside = [
        f"{item.file}:{item.line}: {item.image} is for L4T {properties.l4t}; {ASIDE}"
        for item, properties in apart
        if int(properties.l4t.split(".")[0]) != branch
    ]
    if not findings:
        return unknown(*aside) if aside else None
    seen = f"{findings[0].what}; the board: {source}"
    place = findings[0].place()
    return bad(seen, *aside, cure="base", findings=findings, place=place, l4t=release)


def _for_jetsons(images: list[BaseImage]) -> list[tuple[BaseImage, projects.Known]]:
    """Return those that are for a board's L4T, with what is known of them."""
    known = ((item, projects.image(item.image)) for item in images)
    return [(item, image) for item, image in known if image is not None and image.l4t]


def planned_l4t(scene: Scene) -> str:
    """Return the L4T release that this image was made for. Raises UnseenError."""
    if scene.place != CONTAINER:
        raise UnseenError(OUTSIDE)
    text = scene.text(PLAN)
    if text is None:
        raise UnseenError(f"no {PLAN}: the image is not the kit's")
    try:
        target = json.loads(text)["target"]
        requested = str(target["l4t"]) if target else ""
        int(requested.partition(".")[0] or 0)
    except (ValueError, KeyError, TypeError) as error:
        raise UnseenError(f"{PLAN} can't be read: {type(error).__name__}") from error
    if not requested:
        raise UnseenError("the image was not made for a Jetson")
    return requested


def board_branch(scene: Scene, facts: dict[str, Any]) -> tuple[int, str]:
    """Return the L4T branch of the board below and where that is from. Raises UnseenError."""
    if isinstance(scene.l4t, L4t):
        return int(scene.l4t.release.split(".")[0]), f"L4T {scene.l4t.release}"
    if isinstance(scene.driver, Driver) and scene.driver.version:
        first = scene.driver.version.split(".")[0]
        branch = facts["branches"].get(first, int(first) if first in ("32", "35") else None)
        if branch:
            return branch, f"driver {scene.driver.version}, which belongs to r{branch}"
    reason = scene.l4t.reason if isinstance(scene.l4t, Absent) else "no L4T release"
    raise UnseenError(f"{reason}; no driver's version tells it either")
