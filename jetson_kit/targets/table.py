"""What the kit can build for: L4T releases, modules and SoCs, read from targets.toml."""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.reasons import why
from jetson_kit.targets import arm_levels

TABLE = Path(__file__).with_name("targets.toml")
LIST_ALL = "./inv targets lists them all"

# Of the first Jetson; JetPacks count from 1.
OLDEST_BRANCH = 19


@dataclass(frozen=True)
class Soc:
    """A system on a chip, named as in /proc/device-tree/compatible after "nvidia,"."""

    id: str
    family: str
    cpu: str
    arm_level: str
    sm: str


@dataclass(frozen=True)
class Module:
    """A Jetson module: what a board's device tree calls it, and its SoC."""

    id: str
    name: str
    part_numbers: tuple[str, ...]
    boards: tuple[str, ...]
    soc: Soc


@dataclass(frozen=True)
class Target:
    """One L4T release; an empty string is an unknown version.

    `ngc_base` is NVIDIA's image for this very release, `ngc_fallback` the nearest that serves it
    where there is none. `ansible_core_min` and `_max` are the oldest and the newest ansible-core
    series that drive its stock Python.
    """

    l4t: str
    jetpack: str
    jetpack_of: str
    ubuntu: str
    glibc: str
    kernel: str
    python: str
    cuda: str
    cudnn: str
    tensorrt: str
    modules: tuple[Module, ...]
    driver_dirs: tuple[str, ...]
    ngc_base: str
    ngc_fallback: str
    ansible_core_min: str
    ansible_core_max: str
    confidence: str
    tier: str
    note: str

    @property
    def name(self) -> str:
        """Return the release as NVIDIA writes it: r36.4.4."""
        return f"r{self.l4t}"

    @property
    def branch(self) -> str:
        """Return the branch: r36."""
        return self.name.split(".", 1)[0]

    @property
    def socs(self) -> tuple[Soc, ...]:
        """Return the SoCs of its modules, each once."""
        return tuple(dict.fromkeys(module.soc for module in self.modules))

    @property
    def arm_level(self) -> str:
        """Return the Arm architecture level that every one of its modules has."""
        return min((soc.arm_level for soc in self.socs), key=arm_levels.rank)

    @property
    def ngc_image(self) -> str:
        """Return the image to take for `--base ngc`."""
        return self.ngc_base or self.ngc_fallback


@dataclass(frozen=True)
class Targets:
    """The whole table, oldest release first."""

    all: tuple[Target, ...]
    modules: tuple[Module, ...]
    socs: tuple[Soc, ...]
    default: Target
    previews: Mapping[str, str]

    def resolve(self, text: str) -> Target:
        """Return the release that `text` names, whatever its case and spacing.

        `36.4.4`, `r36.4.4`, `L4T 36.4.4`: that release. `r36`, `36.4`: the newest that begins so.
        `jetpack6.2`, `jp 6.2`: the only release of that JetPack; `jetpack6`: the newest of the
        only branch of it. Raises BadInputError, with the nearest names, for anything else, also
        where a JetPack came with several releases.
        """
        plain = _plain(text)
        if match := re.fullmatch(r"(?:jetpack|jp)(.+)", plain):
            return self._by_jetpack(text, match[1].removesuffix("ga"))
        if match := re.fullmatch(r"(?:l4t)?r?(\d+(?:\.\d+)*)", plain):
            parts = match[1].split(".")
            matches = [item for item in self.all if item.l4t.split(".")[: len(parts)] == parts]
            if matches:
                return matches[-1]
            if match[1] in self.previews:
                raise BadInputError(
                    f"r{match[1]} (JetPack {self.previews[match[1]]}) is a preview with no row",
                    self._nearest(match[1]),
                )
            self._refuse_beyond(match[1])
        raise BadInputError(f'unknown target "{text}"', self._nearest(plain))

    def _refuse_beyond(self, l4t: str) -> None:
        """Raise BadInputError for a release that is older or newer than all of the table."""
        first, last = self.all[0], self.all[-1]
        numbers, oldest = version_key(l4t), version_key(first.l4t)
        if numbers[0] < OLDEST_BRANCH:
            return  # a JetPack's number
        if numbers < oldest[: len(numbers)]:
            raise BadInputError(
                f"L4T {l4t} is older than the oldest release that the kit knows, {first.name}",
                f"upgrade the board to JetPack {first.jetpack} or later",
            )
        if numbers > version_key(last.l4t):
            raise BadInputError(
                f"L4T {l4t} is newer than the newest release that the kit knows, {last.name}",
                "take that one, or a newer kit",
            )

    def hint_for_module(self, name: str, target: Target) -> str:
        """Return what to do where `target` does not run on a module of this name."""
        ids = [module.id for module in self.modules]
        if name in ids:
            having = [
                item.name for item in self.all if name in {module.id for module in item.modules}
            ]
            return f"{name} has {having[0]} to {having[-1]}: --l4t {having[-1]}"
        near = difflib.get_close_matches(name.lower(), ids, n=3, cutoff=0.5)
        if near:
            return f"did you mean {' or '.join(near)}? {LIST_ALL}"
        return f"choose one of {', '.join(module.id for module in target.modules)}"

    def _by_jetpack(self, text: str, label: str) -> Target:
        exact = [item for item in self.all if _plain(item.jetpack) == label]
        if len(exact) == 1:
            return exact[0]
        major = [item for item in self.all if item.jetpack.split(".")[0] == label]
        branches = list(dict.fromkeys(item.branch for item in major))
        if len(branches) == 1:
            return major[-1]
        names = [item.name for item in exact] or branches
        if names:
            raise BadInputError(f'"{text}" is ambiguous', f"name one of {', '.join(names)}")
        raise BadInputError(f'unknown JetPack "{text}"', self._nearest(f"jetpack{label}"))

    def _nearest(self, plain: str) -> str:
        forms: dict[str, str] = {}
        for item in self.all:
            jetpack = f"jetpack{_plain(item.jetpack)}"
            forms |= {item.l4t: item.name, item.name: item.name, item.branch: item.branch}
            forms |= {jetpack: jetpack, jetpack.removeprefix("jetpack"): jetpack}
        branches = dict.fromkeys(item.branch for item in self.all)
        # Within a branch that is right, only its own releases are near.
        own = next((name for name in branches if re.match(rf"(l4t)?r?{name[1:]}\b", plain)), "")
        pool = {form: name for form, name in forms.items() if name.startswith(f"{own}.")} or forms
        close = difflib.get_close_matches(plain, pool, n=6, cutoff=0.0 if own else 0.6)
        names = list(dict.fromkeys(pool[form] for form in close))[:3]
        if not names:
            return f"known are {', '.join(branches)} and their releases; {LIST_ALL}"
        return f"did you mean {' or '.join(names)}? {LIST_ALL}"


def resolve(text: str) -> Target:
    """Return the release that `text` names; see Targets.resolve."""
    return load().resolve(text)


def version_key(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, for sorting; () where it is unknown."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


@functools.cache
def load(path: Path = TABLE) -> Targets:
    """Read the table. Raises IntegrityError if a row lacks a value or names what is not there."""
    try:
        return build(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise IntegrityError(f"{path.name} is no TOML: {why(error)}", "restore the file") from error


def build(raw: Mapping[str, Any]) -> Targets:
    """Make the table from its TOML; raises IntegrityError as `load` does."""
    where = "the head"
    try:
        socs = {key: Soc(id=key, **row) for key, row in raw["socs"].items()}
        modules = {}
        for key, row in raw["modules"].items():
            where = f"module {key}"
            modules[key] = Module(
                id=key,
                name=row["name"],
                part_numbers=tuple(row["part_numbers"]),
                boards=tuple(row.get("boards", ())),
                soc=socs[row["soc"]],
            )
        rows = {}
        for key, row in raw["targets"].items():
            where = f"target {key}"
            ids = expand(raw, row["modules"])
            rows[key] = _target(raw, key, row, tuple(modules[id_] for id_ in ids))
        where = "the default"
        default = rows[raw["default"]]
        previews = cast("Mapping[str, str]", raw["previews"])
    except (KeyError, TypeError) as error:
        raise IntegrityError(
            f"targets.toml: {where}: {error} is missing or wrong",
            "correct the row; python -m jetson_kit.targets.check checks them all",
        ) from error
    return Targets(
        tuple(rows.values()), tuple(modules.values()), tuple(socs.values()), default, previews
    )


def expand(raw: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Return the module ids that a list of modules and sets stands for, each once."""
    result = [id_ for name in names for id_ in raw["sets"].get(name, [name])]
    return list(dict.fromkeys(result))


def ansible_cores(raw: Mapping[str, Any], python: str) -> list[str]:
    """Return the ansible-core series, oldest first, that can drive a device's Python."""
    return [
        series
        for series, row in raw["ansible_core"].items()
        if version_key(row["python_min"]) <= version_key(python) <= version_key(row["python_max"])
    ]


def _target(
    raw: Mapping[str, Any], l4t: str, row: Mapping[str, Any], modules: tuple[Module, ...]
) -> Target:
    branch = raw["branches"][f"r{l4t.split('.', 1)[0]}"]
    ubuntu = raw["ubuntu"][branch["ubuntu"]]
    cores = ansible_cores(raw, ubuntu["python"]) or [""]
    return Target(
        l4t=l4t,
        jetpack=row["jetpack"],
        jetpack_of=row.get("jetpack_of", ""),
        ubuntu=branch["ubuntu"],
        glibc=ubuntu["glibc"],
        kernel=row["kernel"],
        python=ubuntu["python"],
        cuda=row["cuda"],
        cudnn=row["cudnn"],
        tensorrt=row["tensorrt"],
        modules=modules,
        driver_dirs=tuple(branch["driver_dirs"]),
        ngc_base=row["ngc_base"],
        ngc_fallback=row.get("ngc_fallback", ""),
        ansible_core_min=cores[0],
        ansible_core_max=cores[-1],
        confidence=row["confidence"],
        tier=row["tier"],
        note=row.get("note", ""),
    )


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text.lower())
