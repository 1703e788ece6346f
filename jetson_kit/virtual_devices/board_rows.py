"""What the table of boards says of a module on a release of L4T."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.targets import table as targets
from jetson_kit.targets.table import Module, Target, version_key

DATA = Path(__file__).with_name("board_profile.toml")
SUPER_FROM = (36, 4, 3)


@dataclass(frozen=True)
class Row:
    """A module on a release: board_profile.toml's rows, resolved."""

    table: Mapping[str, Any]
    branch: Mapping[str, Any]
    row: Mapping[str, Any]
    module: Module
    target: Target

    @property
    def soc(self) -> str:
        """Return the SoC's id."""
        return self.module.soc.id

    @property
    def part(self) -> str:
        """Return the part number that the device tree names."""
        return str(self.row.get("part", self.module.part_numbers[0]))

    @property
    def known(self) -> Mapping[str, str]:
        """Return what is known of the release's own build."""
        release: Mapping[str, str] = self.table["releases"].get(self.target.l4t, {})
        return release

    @property
    def driver(self) -> str:
        """Return the version of the user-space driver."""
        rows: Mapping[str, str] = self.branch["driver"]
        best = max((key for key in rows if self.target.l4t.startswith(key)), key=len)
        return rows[best].format(l4t=self.target.l4t)

    @property
    def nodes(self) -> str:
        """Return which set of device nodes it has."""
        name = self.branch["nodes"]
        return name if isinstance(name, str) else str(name[self.soc])


@functools.cache
def load() -> Mapping[str, Any]:
    """Return board_profile.toml."""
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def pick(module_id: str, l4t: str) -> Row:
    """Return the rows of a module on a release.

    Raises BadInputError where the module is unknown, does not run that release, or has no row.
    """
    target = targets.resolve(l4t)
    module = next((item for item in target.modules if item.id == module_id), None)
    if not module:
        raise BadInputError(
            f"{target.name} does not run on {module_id}",
            f"take one of {', '.join(item.id for item in target.modules)}",
        )
    table = load()
    for kind, name in (("modules", module_id), ("branches", target.branch)):
        if name not in table[kind]:
            raise BadInputError(
                f"no virtual device can look like {name}: {DATA.name} has no row for it",
                f"add [{kind}.{name}] to jetson_kit/virtual_devices/{DATA.name}",
            )
    row = dict(table["modules"][module_id])
    super_row = row.pop("super", {})
    if version_key(target.l4t) >= SUPER_FROM:
        row |= super_row
    return Row(table, table["branches"][target.branch], row, module, target)
