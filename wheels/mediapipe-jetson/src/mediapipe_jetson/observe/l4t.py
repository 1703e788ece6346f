"""The L4T release, as NVIDIA's /etc/nv_tegra_release tells it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Optional, Union

from mediapipe_jetson.observation import Absent, below, read_text

FILE = "/etc/nv_tegra_release"
LIBRARIES = "/usr/lib/aarch64-linux-gnu"
# From R36 on NVIDIA's libraries lie in nvidia/; before, in tegra/.
FIRST_WITH_NVIDIA_DIRECTORY = 36


@dataclasses.dataclass(frozen=True)
class L4t:
    """One L4T release; `userspace_stated` tells whether the file names the directory itself."""

    release: str
    gcid: Optional[str]
    board: Optional[str]
    date: Optional[str]
    kernel_variant: Optional[str]
    install_type: Optional[str]
    userspace_path: str
    userspace_stated: bool

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""
        stated = "" if self.userspace_stated else " (as usual for this release)"
        details = {"GCID": self.gcid, "board": self.board, "of": self.date}
        extra = ", ".join(f"{key} {value}" for key, value in details.items() if value)
        return (
            f"L4T {self.release}{f' ({extra})' if extra else ''}",
            f"driver's libraries in {self.userspace_path}{stated}",
        )


def read(root: Path = Path("/")) -> Union[Absent, L4t]:
    """Read the release of the tree below `root`."""
    text = read_text(below(root, FILE))
    if text is None:
        return Absent(f"no {FILE}: not a Jetson, or a container that it is not mounted into")
    return parse(text)


def parse(text: str) -> Union[Absent, L4t]:
    """Read the release from the file's text."""
    head = re.search(r"#\s*R(\d+)\s*\(release\),\s*REVISION:\s*([\d.]+)", text)
    if not head:
        return Absent(f"{FILE} has no line like '# R36 (release), REVISION: 4.3'")
    fields = dict(re.findall(r"(GCID|BOARD|DATE|KERNEL_VARIANT):\s*([^,\n]+)", text))
    settings = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))
    stated = settings.get("TARGET_USERSPACE_LIB_DIR_PATH", "").strip()
    newer = int(head.group(1)) >= FIRST_WITH_NVIDIA_DIRECTORY
    usual = f"{LIBRARIES}/{'nvidia' if newer else 'tegra'}"
    return L4t(
        release=f"{head.group(1)}.{head.group(2)}",
        gcid=_clean(fields.get("GCID")),
        board=_clean(fields.get("BOARD")),
        date=_clean(fields.get("DATE")),
        kernel_variant=_clean(fields.get("KERNEL_VARIANT")),
        install_type=_clean(settings.get("INSTALL_TYPE")),
        userspace_path=f"/{stated.lstrip('/')}" if stated else usual,
        userspace_stated=bool(stated),
    )


def _clean(value: Optional[str]) -> Optional[str]:
    return (value or "").strip() or None
