"""Finds contradictions in targets.toml, and differences from a markdown table of releases.

python -m jetson_kit.targets.check [--table FILE] [--facts FILE]
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError, KitError
from jetson_kit.core.reasons import why
from jetson_kit.targets import arm_levels
from jetson_kit.targets.facts import differences, facts_rows
from jetson_kit.targets.table import (
    TABLE,
    Target,
    Targets,
    ansible_cores,
    build,
    expand,
    version_key,
)

CONFIDENCE = ("H", "M", "L")
TIERS = ("audited", "emulated", "hardware")
# r36 moved the driver's libraries from tegra/ to nvidia/, r39 the GPU's own to /opt.
FIRST_NVIDIA_DIR = 36
FIRST_GPU_LIBS = 39
LIB = "/usr/lib/aarch64-linux-gnu"
GPU_LIBS = "/opt/nvidia/l4t-gpu-libs"
IMAGE = re.compile(r"((nvcr\.io/nvidia/[a-z0-9/-]+)|ubuntu):[a-z0-9][\w.-]+")
GROWING = ("kernel", "cuda", "cudnn", "tensorrt")


def check(raw: Mapping[str, Any]) -> list[str]:
    """Return every contradiction in the table as one line; [] if there is none."""
    try:
        result = [*_socs(raw), *_modules(raw), *_systems(raw), *_branches(raw), *_rows(raw)]
        if result:
            return result
        return [*_release_order(build(raw)), *_images(build(raw))]
    except KitError as error:
        return [error.message]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [f"a table or a value is missing or of the wrong kind: {error!r}"]


def _socs(raw: Mapping[str, Any]) -> Iterator[str]:
    rows = list(raw["socs"].items())
    for key, row in rows:
        try:
            arm_levels.rank(row["arm_level"])
        except BadInputError as error:
            yield f"soc {key}: {error.message}"
        if not re.fullmatch(r"\d{1,2}\.\d", row["sm"]):
            yield f'soc {key}: sm "{row["sm"]}" is no compute capability'
    for (_, old), (key, new) in pairwise(rows):
        if version_key(new["sm"]) <= version_key(old["sm"]):
            yield f"soc {key}: sm {new['sm']} is not above the SoC's before it ({old['sm']})"
        if arm_levels.rank(new["arm_level"]) < arm_levels.rank(old["arm_level"]):
            yield f"soc {key}: arm_level {new['arm_level']} is below the SoC's before it"


def _modules(raw: Mapping[str, Any]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for key, row in raw["modules"].items():
        if row["soc"] not in raw["socs"]:
            yield f"module {key}: soc {row['soc']} has no row"
        if not row["part_numbers"]:
            yield f"module {key}: has no part number"
        for part in (*row["part_numbers"], *row.get("boards", ())):
            if not re.fullmatch(r"p\d{4}-\d{4}", part):
                yield f'module {key}: "{part}" is no part number'
            if part in seen:
                yield f"module {key}: {part} belongs to {seen[part]} too"
            seen[part] = key
    used = {id_ for row in raw["targets"].values() for id_ in expand(raw, row["modules"])}
    yield from (f"module {key}: no target has it" for key in raw["modules"] if key not in used)


def _systems(raw: Mapping[str, Any]) -> Iterator[str]:
    cores = list(raw["ansible_core"].items())
    for (old_key, old), (key, new) in pairwise(cores):
        if version_key(key) <= version_key(old_key):
            yield f"ansible_core {key}: stands after {old_key}"
        for field in ("controller_python", "python_min", "python_max"):
            if version_key(new[field]) < version_key(old[field]):
                yield f"ansible_core {key}: {field} {new[field]} is below that of {old_key}"
    systems = list(raw["ubuntu"].items())
    for (old_key, old), (key, new) in pairwise(systems):
        if version_key(key) <= version_key(old_key):
            yield f"ubuntu {key}: stands after {old_key}"
        for field in ("glibc", "python"):
            if version_key(new[field]) <= version_key(old[field]):
                yield f"ubuntu {key}: {field} {new[field]} is not above that of {old_key}"
    for key, row in systems:
        if not ansible_cores(raw, row["python"]):
            yield f"ubuntu {key}: no ansible-core drives its Python {row['python']}"


def _branches(raw: Mapping[str, Any]) -> Iterator[str]:
    for key, row in raw["branches"].items():
        number = int(key[1:])
        if row["ubuntu"] not in raw["ubuntu"]:
            yield f"branch {key}: ubuntu {row['ubuntu']} has no row"
        yield from (
            f"branch {key}: soc {s} has no row" for s in row["socs"] if s not in raw["socs"]
        )
        name = "nvidia" if number >= FIRST_NVIDIA_DIR else "tegra"
        requested = [f"{LIB}/{name}", f"{LIB}/tegra-egl"]
        if number >= FIRST_GPU_LIBS:
            requested += [f"{GPU_LIBS}/nvgpu", f"{GPU_LIBS}/openrm"]
        if row["driver_dirs"] != requested:
            yield f"branch {key}: driver_dirs must be {', '.join(requested)}"
    for (_, old), (key, new) in pairwise(raw["branches"].items()):
        for field in ("jetpack", "ubuntu"):
            if version_key(str(new[field])) < version_key(str(old[field])):
                yield f"branch {key}: {field} {new[field]} is below that of the branch before it"


def _rows(raw: Mapping[str, Any]) -> Iterator[str]:
    if raw["default"] not in raw["targets"]:
        yield f"default {raw['default']}: has no row"
    for key in raw["previews"]:
        if key in raw["targets"]:
            yield f"preview {key}: has a row too"
    for key, row in raw["targets"].items():
        branch = raw["branches"].get(f"r{key.split('.')[0]}")
        if not re.fullmatch(r"\d{2}\.\d\.\d", key) or not branch:
            yield f"target {key}: its branch has no row"
            continue
        yield from (f"target {key}: {problem}" for problem in _row(raw, row, branch))


def _row(
    raw: Mapping[str, Any], row: Mapping[str, Any], branch: Mapping[str, Any]
) -> Iterator[str]:
    for field in ("jetpack", *GROWING):
        if not re.fullmatch(r"(\d+(\.\d+)+( (DP|EA|rev\d))?)?", row[field]):
            yield f'{field} "{row[field]}" is no version'
    if version_key(row["jetpack"])[:1] != (branch["jetpack"],):
        yield f"JetPack {row['jetpack']} is not of the branch's {branch['jetpack']}"
    if row["confidence"] not in CONFIDENCE:
        yield f'confidence "{row["confidence"]}" is none of {CONFIDENCE}'
    if row.get("tier", "") not in TIERS:
        yield f'tier "{row.get("tier", "")}" is none of {TIERS}'
    if not row["modules"]:
        yield "has no module"
    for id_ in expand(raw, row["modules"]):
        if id_ not in raw["modules"]:
            yield f"module {id_} has no row"
        elif raw["modules"][id_]["soc"] not in branch["socs"]:
            yield f"the branch does not run on module {id_}"


def _release_order(table: Targets) -> Iterator[str]:
    first: dict[str, Target] = {}
    for item in table.all:
        holder = first.setdefault(item.jetpack, item)
        if item.jetpack_of != ("" if holder is item else holder.l4t):
            yield f"target {item.l4t}: JetPack {item.jetpack} is that of {holder.l4t}; " + (
                f'jetpack_of is "{item.jetpack_of}"'
            )
    for old, new in pairwise(table.all):
        if version_key(new.l4t) <= version_key(old.l4t):
            yield f"target {new.l4t}: stands after {old.l4t}"
        if _jetpack_key(new.jetpack) < _jetpack_key(old.jetpack):
            yield f"target {new.l4t}: JetPack {new.jetpack} is below {old.jetpack} of {old.l4t}"
        if new.branch != old.branch:
            continue
        for field in GROWING:
            before, after = version_key(getattr(old, field)), version_key(getattr(new, field))
            shared = min(len(before), len(after))
            if after[:shared] < before[:shared]:
                yield f"target {new.l4t}: {field} {getattr(new, field)} is below that of {old.l4t}"
        if lost := [module.id for module in old.modules if module not in new.modules]:
            yield f"target {new.l4t}: lacks {', '.join(lost)} of {old.l4t}"


def _images(table: Targets) -> Iterator[str]:
    for item in table.all:
        if bool(item.ngc_base) == bool(item.ngc_fallback):
            yield f"target {item.l4t}: needs either ngc_base or ngc_fallback"
            continue
        image = item.ngc_image
        if not IMAGE.fullmatch(image):
            yield f'target {item.l4t}: "{image}" is no image of NVIDIA or Ubuntu with a tag'
            continue
        name, tag = image.rsplit(":", 1)
        if "/l4t-" in name:
            parts = version_key(tag)
            own = version_key(item.l4t)
            # "r34.1" is how NVIDIA tagged 34.1.0.
            exact = (*parts, 0, 0)[: len(own)] == own
            if bool(item.ngc_base) != exact:
                yield f"target {item.l4t}: {tag} is {'' if exact else 'not '}the release's own tag"
            if parts[:1] != own[:1] or parts > own:
                yield f"target {item.l4t}: {tag} is of another branch or newer"
        elif item.ubuntu not in tag:
            yield f"target {item.l4t}: {image} does not hold its Ubuntu {item.ubuntu}"


def _jetpack_key(label: str) -> tuple[tuple[int, ...], int]:
    """Return what orders JetPacks: previews stand before, revisions after."""
    numbers, _, extra = label.partition(" ")
    return version_key(numbers), {"": 1, "DP": 0, "EA": 0}.get(extra, 2)


def raw_table(path: Path = TABLE) -> dict[str, Any]:
    """Read a table as TOML. Raises BadInputError if it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadInputError(f"cannot read {path}: {why(error)}", "name a targets.toml") from error


def main(arguments: list[str] | None = None) -> int:
    """Print each contradiction and difference; return 0 if there is none, else 1 (2: bad input)."""
    parser = argparse.ArgumentParser(
        prog="python -m jetson_kit.targets.check", description="check targets.toml"
    )
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--facts", type=Path, help="markdown table of releases to compare with")
    options = parser.parse_args(arguments)
    try:
        raw = raw_table(options.table)
        result = check(raw)
        if options.facts and not result:
            result = differences(build(raw), facts_rows(options.facts))
    except KitError as error:
        print(error.line(), file=sys.stderr)
        return error.exit_code
    print("\n".join(result) if result else f"{len(raw['targets'])} targets, no contradiction")
    return 1 if result else 0


if __name__ == "__main__":
    sys.exit(main())
