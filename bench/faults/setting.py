"""With what the cases are tried: which Docker Engine, and which image is rolled out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.output_folder import MANIFEST
from jetson_kit.virtual_devices import engines

SMALL, REAL = "small", "real"
ANY_IMAGE = ("device", "kills", "boards:trial_limit", "boards:trial_boots", "power_loss")
"""Modules and functions of cases that change nothing of the image, so that a real one will do."""


@dataclass(frozen=True)
class Setting:
    """An engine by its name in docker/device-engines.toml, and the folder of a build or None."""

    engine: str
    build: Path | None = None

    @property
    def image(self) -> str:
        """Return whether the image is a small one, or a build's."""
        return REAL if self.build else SMALL

    @property
    def name(self) -> str:
        """Return a name for folders and tables."""
        return f"{self.engine}-{self.image}"

    def takes(self, how: str) -> bool:
        """Tell whether a case can be tried so, by the name of its function."""
        return self.build is None or not {how, how.partition(":")[0]}.isdisjoint(ANY_IMAGE)

    def of(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a try was of this setting; older tries are of the first one."""
        return (row.get("engine", engines.default()), row.get("image", SMALL)) == (
            self.engine,
            self.image,
        )


def check(engine: str = "", build: Path | None = None) -> Setting:
    """Return the setting that is meant. Raises BadInputError.

    `engine` is a name of docker/device-engines.toml or "" for its default; `build` the folder of a
    build for the devices' processor, None for small images.
    """
    name = engines.get(engine).name
    if build is None:
        return Setting(name)
    if not (build / MANIFEST).is_file():
        raise BadInputError(f"{build} is no build", "take the folder that ./inv build writes")
    return Setting(name, build.resolve())
