"""Writes the roles' tables out of the kit's own, and of their READMEs what their arguments say.

Each fact has one place, and that is not a generated file.

`./inv data.update --derived` renews them, `./inv data.check` finds what is stale.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from jetson_kit.ansible_driver import role_docs
from jetson_kit.core.paths import COLLECTION, ROOT
from jetson_kit.service.contract import CAUSES
from jetson_kit.targets import table as targets

ROLES = COLLECTION / "roles"
HEAD = """\
---
# Made by `./inv data.update --derived` out of {source}.
"""


def expected() -> dict[Path, str]:
    """Return what must stand in each generated file of the roles."""
    causes = json.loads(CAUSES.read_text(encoding="utf-8"))["facts"]
    doctor = CAUSES.relative_to(ROOT)
    return {
        _file("jetson_facts"): _text("jetson_kit/targets/targets.toml", facts(targets.load())),
        _file("docker_engine"): _text(
            f"{doctor}, which names the sources", {"docker_engine_raw": causes["docker_raw"]}
        ),
        _file("nvidia_runtime"): _text(
            f"{doctor}, which names the sources", {"nvidia_runtime_broken": causes["toolkit"]}
        ),
        **{path: role_docs.readme(path.parent) for path in ROLES.glob("*/README.md")},
    }


def facts(table: targets.Targets) -> dict[str, Any]:
    """Return the variables of jetson_facts."""
    return {
        "jetson_facts_releases": {
            target.l4t: {"jetpack": target.jetpack, "ubuntu": target.ubuntu} for target in table.all
        },
        "jetson_facts_modules": {
            module.id: {
                "name": module.name,
                "soc": module.soc.id,
                "part_numbers": list(module.part_numbers),
                "boards": list(module.boards),
            }
            for module in table.modules
        },
        "jetson_facts_socs": {soc.id: {"sm": soc.sm} for soc in table.socs},
    }


def _file(role: str) -> Path:
    return ROLES / role / "vars" / "main.yml"


def _text(source: str, variables: Mapping[str, Any]) -> str:
    class Dumper(yaml.SafeDumper):
        """Indents lists below their key, as yamllint asks."""

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            """Open a level; a list's is one too."""
            del indentless
            super().increase_indent(flow, False)

    body = yaml.dump(dict(variables), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
    return HEAD.format(source=source) + body
