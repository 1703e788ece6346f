"""What of an inventory's texts Ansible reads wrong, or without an end."""

from __future__ import annotations

import codecs
import re
from collections.abc import Hashable
from pathlib import Path

import yaml

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.reasons import MARKS, why

# Beside YAML's these have the mark of UTF-8 read as a part of their first word.
YAML = (".yml", ".yaml", ".json")
OTHERS = (".ini", ".toml", "")
# Values that aliases stand for: for so many Ansible takes more than two minutes.
MOST = 5_000_000
ALIAS = re.compile(rb"(?:^|[\s\[{,])\*[\w-]", re.MULTILINE)
# Twice as fast, where PyYAML was built with it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check(path: Path) -> None:
    """Raise BadInputError for a text that is not UTF-8, or whose aliases stand for too much."""
    if path.suffix not in (*YAML, *OTHERS):
        return
    try:
        raw = path.read_bytes()
    except OSError:
        return  # Ansible's own reader says so
    if raw.startswith(b"#!"):
        return
    if path.suffix in YAML and not raw.startswith(MARKS):
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInputError(f"{path}: {why(error)}", "save it as UTF-8") from error
    elif raw.startswith(codecs.BOM_UTF8) and not _is_yaml(raw):
        raise BadInputError(
            f"{path} begins with a byte order mark, which Ansible takes for a part of a name",
            "save it as UTF-8 without one",
        )
    if ALIAS.search(raw) and _expanded(raw) > MOST:
        raise BadInputError(
            f"{path}: its aliases stand for more than {MOST} values", "write it with fewer"
        )


def _is_yaml(raw: bytes) -> bool:
    try:
        return isinstance(yaml.compose(raw.decode("utf-8"), Loader=LOADER), yaml.MappingNode)
    except (ValueError, RecursionError, yaml.YAMLError):
        return False


def _expanded(raw: bytes) -> float:
    """Return for how many values a YAML text's aliases stand; one that holds itself has no end.

    What follows a fault is not counted: Ansible does not get there, either.
    """
    sizes: dict[Hashable, float] = {}
    around: list[tuple[Hashable, float]] = []
    size = result = 0.0
    try:
        for event in yaml.parse(raw, Loader=LOADER):
            if isinstance(event, yaml.AliasEvent):
                own = sizes.get(event.anchor, 0)
                size, result = size + own, result + own
            elif isinstance(event, yaml.CollectionStartEvent):
                around.append((event.anchor, size))
                sizes[event.anchor], size = float("inf"), 1
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, before = around.pop()
                sizes[anchor], size = size, before + size
            elif isinstance(event, yaml.ScalarEvent):
                sizes[event.anchor], size = 1, size + 1
            if result > MOST:
                break
    except (ValueError, yaml.YAMLError):
        pass
    return result
