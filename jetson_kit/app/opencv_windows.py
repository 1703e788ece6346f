"""Calls of OpenCV's windows, which the image's OpenCV does not have: each of them raises there."""

from __future__ import annotations

import ast
from collections.abc import Collection

from jetson_kit.app import hints, reached
from jetson_kit.app.imports import Program
from jetson_kit.app.settings import App
from jetson_kit.app.tree import Tree

PACKAGE = "opencv-python-headless"
SHOWN_MOST = 3


def warning(app: App, files: Tree, program: Program, packages: Collection[str]) -> str:
    """Return a line that names the calls that the program always makes; "" for none.

    The image has these packages. An OpenCV that the application brings may have windows.
    """
    brought = [*app.debian, *(item.name for item in files.entries if item.name.endswith(".whl"))]
    brought += [path.name for path in (app.folder / app.wheels).glob("*") if app.wheels]
    if PACKAGE not in packages or any("opencv" in name.lower() for name in brought):
        return ""
    raising = {f"{reached.OPENCV}.{name}" for name in hints.of_windows()}
    own = {name for tree in program.modules.values() for name in _replaced(tree)}
    places = [
        f"{call.place} ({name})"
        for call in reached.calls(program.modules, program.started)
        for name in call.names & (raising - own)
    ]
    if not places:
        return ""
    more = len(places) - SHOWN_MOST
    return "; ".join(places[:SHOWN_MOST]) + (f"; and {more} more" if more > 0 else "") + (
        ": the image's OpenCV has no windows, and the call raises cv2.error there; call it only "
        "where a display is, and show the picture in a browser: mediapipe_jetson.live.serve, or "
        "run --serve (docs/live-view.md)"
    )  # fmt: skip


def _replaced(tree: ast.Module) -> set[str]:
    """Return the functions of OpenCV that a program sets itself."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {f"{reached.OPENCV}.{node.attr}" for node in nodes if not isinstance(node.ctx, ast.Load)}
