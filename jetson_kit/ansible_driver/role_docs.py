"""What a role's README says of its variables and entry points: made out of its argument_specs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from jetson_kit.core.errors import IntegrityError

BEGIN, END = "<!-- arguments -->", "<!-- /arguments -->"
MAIN = "main"
# Ansible's markup of code.
CODE = re.compile(r"C\(([^)]+)\)")


def readme(role: Path) -> str:
    """Return the text of a role's README with the part of its arguments as it must be.

    Raises IntegrityError where the marks of that part are missing.
    """
    path = role / "README.md"
    text = path.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise IntegrityError(
            f"{role.name}/README.md has no part for arguments", f"write {BEGIN} and {END} there"
        )
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    lines = "\n".join(_lines(specs["argument_specs"]))
    return f"{head}{BEGIN}\n{lines}\n{END}{tail}"


def _lines(specs: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    options: dict[str, Mapping[str, Any]] = {}
    for spec in specs.values():
        for name, option in spec["options"].items():
            options.setdefault(name, option)
    yield "| variable | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, option in options.items():
        meaning = CODE.sub(r"`\1`", option["description"])
        yield f"| `{name}` | {_type(option)} | {_default(option)} | {meaning} |"
    others = {name: spec for name, spec in specs.items() if name != MAIN}
    if others:
        yield "\n| entry point | what it does | variables |"
        yield "|---|---|---|"
    for name, spec in others.items():
        names = ", ".join(f"`{item}`" for item in spec["options"]) or "none"
        yield f"| `tasks_from: {name}` | {spec['short_description']} | {names} |"


def _type(option: Mapping[str, Any]) -> str:
    kind = f"list of {option['elements']}" if "elements" in option else str(option["type"])
    choices = ", ".join(f"`{choice}`" for choice in option.get("choices", ()))
    return f"{kind}: {choices}" if choices else kind


def _default(option: Mapping[str, Any]) -> str:
    if option.get("required"):
        return "required"
    value = option["default"]
    text = json.dumps(value) if not isinstance(value, str) else value
    return f"`{text}`" if text else "empty"
