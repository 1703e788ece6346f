"""The module: what the device tree calls this machine."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Optional, Union

from mediapipe_jetson.observation import Absent, below, read_text

# The first is a link to the second, which alone is there on a virtual device without its own tree.
TREES = ("/proc/device-tree", "/sys/firmware/devicetree/base")
SOC = "/sys/devices/soc0"
# The chip's own number in its fuses, as soc_id has it: Linux, include/soc/tegra/fuse.h.
CHIPS = {"33": "tegra210", "24": "tegra186", "25": "tegra194", "35": "tegra234", "38": "tegra264"}


@dataclasses.dataclass(frozen=True)
class Module:
    """A module; `part` is NVIDIA's number such as p3767-0005, `soc` such as tegra234."""

    model: str
    compatible: tuple[str, ...]
    part: Optional[str]
    soc: Optional[str]
    source: str

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""
        known = ", ".join(item for item in (self.part, self.soc) if item)
        return (f"{self.model}{f' ({known})' if known else ''}, from {self.source}",)


def read(root: Path = Path("/")) -> Union[Absent, Module]:
    """Read the module from the device tree, or from soc0 where a container hides the tree."""
    for tree in TREES:
        model = read_text(below(root, f"{tree}/model"))
        if model:
            raw = read_text(below(root, f"{tree}/compatible")) or ""
            compatible = tuple(part for part in raw.split("\0") if part)
            return Module(model, compatible, part_number(compatible), soc(compatible), tree)
    machine = read_text(below(root, f"{SOC}/machine"))
    if machine:
        family = read_text(below(root, f"{SOC}/family")) or ""
        chip = CHIPS.get((read_text(below(root, f"{SOC}/soc_id")) or "").strip())
        return Module(machine, (), None, soc((machine, family)) or chip, SOC)
    return Absent(f"no {TREES[0]}/model: no device tree, or a container that hides it")


def part_number(compatible: tuple[str, ...]) -> Optional[str]:
    """Return the module's number: of 'carrier+module' it is the second."""
    for entry in compatible:
        numbers = re.findall(r"p\d{4}-\d{4}", entry)
        if numbers:
            return str(numbers[-1])
    return None


def soc(texts: tuple[str, ...]) -> Optional[str]:
    """Return the SoC's name, such as tegra234."""
    match = re.search(r"tegra\d+\w?", " ".join(texts))
    return match.group() if match else None
