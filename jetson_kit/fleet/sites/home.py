"""The controller's own folder of the mesh, and the way from there to the sites."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core import paths
from jetson_kit.core.files import disk_guard
from jetson_kit.fleet.sites.mesh import Mesh


@dataclass(frozen=True)
class Central:
    """The controller's own folder of the mesh."""

    folder: Path

    @property
    def node(self) -> Path:
        """Return the folder of its node."""
        return self.folder / "node"

    @property
    def mesh(self) -> Mesh:
        """Return the way to the sites."""
        return Mesh(self.node / "socket")


def where() -> Central:
    """Return the folder, whether it is there or not."""
    return Central(paths.state_home() / "sites")


def here() -> Central:
    """Return (and make) the folder, which only the user can look into."""
    folder = where().folder
    with disk_guard(folder):
        return Central(paths.make_folder(folder, paths.STATE, 0o700))
