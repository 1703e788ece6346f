"""What a plan says of cameras."""

from __future__ import annotations

from packaging.version import Version

from jetson_kit.debian import rootfs
from jetson_kit.targets.table import Target


def notes(target: Target | None, suite: str) -> tuple[str, ...]:
    """Say where the image's GStreamer is older than the board's plugins."""
    if target is None:
        return ()
    facts = rootfs.data()
    mine = str(facts["suites"][suite]["gstreamer"])
    boards = str(facts["components"]["camera"]["boards"].get(target.ubuntu, mine))
    if Version(boards) <= Version(mine):
        return ()
    return (
        f"NVIDIA's plugins for cameras are built with GStreamer {boards} on this release, and the "
        f"image's {mine} refuses newer ones: take --python 3.13 for CSI cameras.",
    )
