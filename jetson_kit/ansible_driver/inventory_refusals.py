"""Why an inventory can't be read, of all that Ansible says about it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import yaml

from jetson_kit.ansible_driver.program_environment import VAULT_SECRET
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.reasons import of_utf16

GRAPH = f"check it: {Path(sys.executable).parent}/ansible-inventory --graph -i FILE"
VAULT = f"give the vault's password: {VAULT_SECRET}"
# Each of Ansible's readers tries a source, and says why it is not for it.
READER = re.compile(
    r"Failed to parse inventory with '(?P<reader>\w+)' plugin: "
    r"(?:Failed to parse inventory: )?(?P<why>.+)"
)
SOURCE = re.compile(r"Completely failed to parse inventory source (?P<path>.+)")
NO_PLUGIN = "no root 'plugin' key"
# What Python says as Ansible takes a name with a bracket for a range of hosts.
NO_BRACKET = "not enough values to unpack"
OPEN_BRACKET = re.compile(r"\s*[^\s#;\[\]]*\[[^\s\]]*(?:\s|$)")
LEVEL = re.compile(r"\[(?:ERROR|WARNING)\]: ")
CLASS = re.compile(r"\"?<class '[\w.]*?(?:_AnsibleTagged)?(\w+)'>\"?")


def refused(path: Path, error: Exception, output: str = "") -> BadInputError:
    """Return the error for an inventory; `output` is what Ansible printed of it."""
    own = LEVEL.sub("", getattr(error, "message", None) or str(error))
    message = of_utf16(path) or _yaml_fault(path) or _of_source(path, output) or own
    return BadInputError(
        f"{path} is no inventory: {message}", VAULT if "vault secrets" in message else GRAPH
    )


def _of_source(path: Path, output: str) -> str:
    """Return why the reader refuses a source; for a folder, name the source too."""
    sources = SOURCE.findall(output)
    if not sources:
        return ""
    source = Path(sources[-1].strip())
    # Of several sources the one that failed is the last that was tried.
    reasons = {match["reader"]: match["why"] for match in READER.finditer(output)}
    if NO_PLUGIN in reasons.get("auto", NO_PLUGIN):
        reasons.pop("auto", None)
    yaml_first = ("auto", "yaml", "toml") if source.suffix in (".yml", ".yaml", ".json") else ()
    readers = (*(("script",) if os.access(source, os.X_OK) else ()), *yaml_first, "toml", "ini")
    why = next((reasons[name] for name in readers if name in reasons), "")
    why = CLASS.sub(lambda match: match[1].lower(), why).rstrip(":. ")
    why = _yaml_fault(source) or (_open_bracket(source) if NO_BRACKET in why else "") or why
    return f"{source.relative_to(path)}: {why}" if why and path in source.parents else why


def _open_bracket(path: Path) -> str:
    """Return the line of an INI file whose name has a bracket without its end."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return ""
    numbers = (number for number, line in enumerate(lines, 1) if OPEN_BRACKET.match(line))
    return next((f"line {number}: a bracket has no end" for number in numbers), "")


def _yaml_fault(path: Path) -> str:
    """Return what is wrong in a YAML file, with its line; Ansible's last word names neither."""
    if not path.is_file() or path.suffix not in (".yml", ".yaml"):
        return ""
    try:
        for _ in yaml.compose_all(path.read_text(encoding="utf-8"), yaml.SafeLoader):
            pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        return f"line {mark.line + 1}: {error.problem}" if mark else ""
    except RecursionError:
        return "it is nested too deeply"
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    return ""
