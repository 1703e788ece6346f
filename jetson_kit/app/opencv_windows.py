"""Calls of OpenCV's windows, which the image's OpenCV does not have: each of them raises there."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from jetson_kit.app import calls, hints
from jetson_kit.app.calls import Call
from jetson_kit.app.settings import App
from jetson_kit.app.tree import Tree

PACKAGE = "opencv-python-headless"


def functions(app: App, files: Tree, packages: Collection[str]) -> frozenset[str]:
    """Return the functions that raise, in an image that has these packages.

    An OpenCV that the application brings may have windows.
    """
    brought = [*app.debian, *(item.name for item in files.entries if item.name.endswith(".whl"))]
    brought += [path.name for path in (app.folder / app.wheels).glob("*") if app.wheels]
    if PACKAGE not in packages or any("opencv" in name.lower() for name in brought):
        return frozenset()
    return frozenset(f"cv2.{name}" for name in hints.of_windows())


def warning(call_sites: Sequence[Call], raising: Collection[str]) -> str:
    """Return a line that names the calls; "" for none."""
    rows = [(call, call.name.partition(".")[2]) for call in call_sites if call.name in raising]
    if not rows:
        return ""
    return (
        f"{calls.places(rows)}: where the program reaches it, it raises cv2.error: the image's "
        "OpenCV has no windows; call it only where a display is, and show the picture in a "
        "browser: mediapipe_jetson.live.serve, or run --serve (docs/live-view.md)"
    )
