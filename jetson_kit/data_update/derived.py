"""Texts that derive from the tables: roles' variables, the device's list, the table of boards.

`python -m jetson_kit.data_update.derived --write` renews them, without a network.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from packaging.version import Version

from jetson_kit.ansible_driver import tables
from jetson_kit.audit import gpu, planned, record
from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT
from jetson_kit.targets import table as targets
from jetson_kit.targets.table import Soc
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.device_wheel import SOURCE
from jetson_kit.wheels.pins import Pin

DEVICE_WHEELS = SOURCE / "src" / "mediapipe_jetson" / "data" / "wheels.json"
PROJECTS = DEVICE_WHEELS.with_name("projects.json")
BOARD_PAGES = tuple(ROOT / name for name in ("README.md", "README.zh-CN.md", "docs/targets.md"))
OLDEST_ARM = "armv8.0-a"


def expected() -> dict[Path, str]:
    """Return what must stand in each derived file. Raises IntegrityError."""
    return {
        **tables.expected(),
        DEVICE_WHEELS: device_wheels(DEVICE_WHEELS.read_text(encoding="utf-8")),
        PROJECTS: device_modules(PROJECTS.read_text(encoding="utf-8")),
        **{page: with_boards(page) for page in BOARD_PAGES},
    }


def stale() -> tuple[Path, ...]:
    """Return the derived files that are not as they must be."""
    return tuple(
        path
        for path, text in expected().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    )


def renew() -> tuple[Path, ...]:
    """Write what is stale; return it."""
    paths = stale()
    texts = expected()
    for path in paths:
        write_text(path, texts[path])
    return paths


def device_wheels(text: str) -> str:
    """Return the device's list of MediaPipe releases with every pinned one in its place.

    Releases that are audited and not pinned stay where they are.
    """
    known = json.loads(text)
    lists = {key: set(known[key]) for key in ("gpu", "cpu_only")}
    for pin in _arm_pins():
        facts = planned.facts_of(pin)
        if facts is None:
            raise IntegrityError(
                f"{planned.TABLE.name} has no row for {pin.filename}",
                "run ./inv wheels.audit --record for it",
            )
        mine, other = ("gpu", "cpu_only") if gpu.usable(facts.gpu_paths) else ("cpu_only", "gpu")
        lists[mine].add(pin.version)
        lists[other].discard(pin.version)
    for key, versions in lists.items():
        text = _replaced(text, key, json.dumps(sorted(versions, key=Version)))
    text = _replaced(text, "last_without_dotprod", json.dumps(last_for_old_cores()))
    oldest = min((p for group in wheels.classes().values() for p in group.pythons), key=Version)
    pythons = {**json.loads(text)["python"], "oldest": oldest}
    return _replaced(text, "python", json.dumps(pythons))


def device_modules(text: str) -> str:
    """Return what the device knows of projects with each branch's modules and releases of L4T."""
    newest = {item.branch[1:]: item for item in targets.load().all}
    releases: dict[str, list[str]] = {branch: [] for branch in newest}
    for item in targets.load().all:
        releases[item.branch[1:]].append(item.l4t)
    text = _replaced(text, "releases", json.dumps(releases))
    modules = {
        branch: {module.id: module.name for module in target.modules}
        for branch, target in newest.items()
    }
    return _replaced(text, "modules", json.dumps(modules))


def _arm_pins() -> list[Pin]:
    return [pin for pin in wheels.pins() if pin.arch == "arm64"]


def last_for_old_cores() -> str:
    """Return the newest MediaPipe whose libraries loaded on every emulated core."""
    bodies = [json.loads(p.read_text(encoding="utf-8")) for p in record.SHIPPED.glob("*.json")]
    names = [b["wheel"] for b in bodies if b["emulation"]["min_arm"] == OLDEST_ARM]
    return str(max((name.split("-")[1] for name in names), key=Version))


def _replaced(text: str, key: str, value: str) -> str:
    """Return JSON with the value of a key, on a line of its own, replaced."""
    result, count = re.subn(
        rf'^( "{key}": ).*?(,?)$', lambda m: f"{m[1]}{value}{m[2]}", text, flags=re.MULTILINE
    )
    if count != 1:
        raise IntegrityError(
            f"a list has {count} lines for {key}", "restore it: wheels.json or projects.json"
        )
    return result


def with_boards(page: Path) -> str:
    """Return a page's text with its table of boards. Raises IntegrityError for a missing mark."""
    text = page.read_text(encoding="utf-8")
    start, end = "<!-- data.boards -->\n", "<!-- /data.boards -->"
    head, mark, rest = text.partition(start)
    _, closed, tail = rest.partition(end)
    if not mark or not closed:
        raise IntegrityError(f"{page.name} lacks {start.strip()} ... {end}", "put them back")
    return f"{head}{start}{boards()}{end}{tail}"


def boards() -> str:
    """Return which MediaPipe each kind of board gets, newest boards first, as a table."""
    groups: dict[tuple[str, str, str], dict[tuple[int, ...], list[str]]] = {}
    for soc in reversed(targets.load().socs):
        packs = groups.setdefault(_best(soc), {})
        packs.setdefault(_jetpacks(soc), []).insert(0, soc.family.replace("/", ", "))
    lines = ["| boards | MediaPipe | GPU | inference |", "|---|---|---|---|"]
    for (version, can, says), packs in groups.items():
        names = [
            f"{', '.join(families)} (JetPack {', '.join(map(str, numbers))})"
            for numbers, families in packs.items()
        ]
        lines.append(f"| {', '.join(names)} | {version} | {can} | {says} |")
    return "\n".join(lines) + "\n"


def _jetpacks(soc: Soc) -> tuple[int, ...]:
    result = {
        int(target.jetpack.split(".")[0]) for target in targets.load().all if soc in target.socs
    }
    return tuple(sorted(result))


def _best(soc: Soc) -> tuple[str, str, str]:
    """Return the version that images for a SoC alone get, whether on the GPU, and what infers."""
    release = next(target for target in reversed(targets.load().all) if soc in target.socs)
    best = planned.best(soc, release)
    if best is None:
        return "none", "no", "none"
    says = best.verdict.reason.replace("Has GPU code inside, for", "GPU code inside:").rstrip(".")
    return best.pin.version, best.gpu, "CPU only" if best.gpu == "no" else says


def main() -> int:
    """Check or write; exit 1 if something is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew them")
    write = parser.parse_args().write
    for path in renew() if write else stale():
        print(f"{path.relative_to(ROOT)} {'written' if write else 'is stale'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
