"""Writes the roles' tables out of the kit's own, and of their READMEs what their arguments say.

Each fact has one place, and that is not a generated file.

`python -m jetson_kit.ansible_driver.tables` says whether they are equal, `--write` renews them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from jetson_kit.ansible_driver import role_docs
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import COLLECTION, ROOT
from jetson_kit.service.contract import CAUSES
from jetson_kit.targets import table as targets

ROLES = COLLECTION / "roles"
HEAD = """\
---
# Made by `python -m jetson_kit.ansible_driver.tables --write` out of {source}.
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


def stale() -> tuple[Path, ...]:
    """Return the files that are not as they must be."""
    return tuple(
        path
        for path, text in expected().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    )


def main() -> int:
    """Check or write; exit 1 if something is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew them")
    if parser.parse_args().write:
        for path, text in expected().items():
            write_text(path, text)
        return 0
    for path in stale():
        print(
            f"{path.relative_to(ROOT)} is stale: python -m jetson_kit.ansible_driver.tables --write"
        )
    return 1 if stale() else 0


if __name__ == "__main__":
    sys.exit(main())
