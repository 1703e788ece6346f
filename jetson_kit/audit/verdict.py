"""What a wheel is worth on a target: the GPU, the CPU alone, or nothing, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from jetson_kit.audit import gpu, rules
from jetson_kit.audit.emulate import UNKNOWN, Emulation
from jetson_kit.debian import rootfs
from jetson_kit.emulation import cpus
from jetson_kit.targets import arm_levels
from jetson_kit.targets.table import Soc, Target, version_key

RANK = {"no": 0, "cpu": 1, "gpu": 2}


@dataclass(frozen=True)
class Verdict:
    """verdict: "gpu", "cpu" or "no"; the reason is a whole sentence."""

    verdict: str
    reason: str


@dataclass(frozen=True)
class Facts:
    """What a verdict is computed from."""

    arch: str
    os: str
    gpu_paths: tuple[str, ...]
    cuda_major: int
    glibc: str
    musl: bool
    python: tuple[str, ...]
    emulation: Emulation | None
    trouble: tuple[str, ...]
    core: bool
    """Whether there is inference code in it at all."""


def for_soc(facts: Facts, target: Target, soc: Soc) -> Verdict:
    """Return the verdict for one SoC of a target."""
    why = next(_barred(facts), "") or _unloadable(facts.emulation, soc)
    return Verdict("no", why) if why else _paths(facts, target)


def for_target(facts: Facts, target: Target) -> Verdict:
    """Return the best verdict among a target's SoCs; the reason names those that differ."""
    result = {soc: for_soc(facts, target, soc) for soc in target.socs}
    best = max((verdict.verdict for verdict in result.values()), key=RANK.__getitem__)
    good = [soc for soc, verdict in result.items() if verdict.verdict == best]
    bad = [soc for soc in result if soc not in good]
    if not bad:
        return Verdict(best, " ".join(_reasons(result)))
    parts = [f"On {_families(good)}: {result[good[0]].reason}"]
    parts += [f"Not on {_families(bad)}: {text}" for text in _reasons(result, bad)]
    return Verdict(best, " ".join(parts))


def _reasons(verdicts: Mapping[Soc, Verdict], only: Iterable[Soc] | None = None) -> Iterator[str]:
    """Yield the reasons, one for all SoCs that the same features keep away."""
    groups: dict[str, list[Soc]] = {}
    for soc in only if only is not None else verdicts:
        groups.setdefault(verdicts[soc].reason.replace(_cores([soc]), ""), []).append(soc)
    for socs in groups.values():
        yield verdicts[socs[0]].reason.replace(_cores(socs[:1]), _cores(socs))


def _barred(facts: Facts) -> Iterator[str]:
    """Yield why no Jetson at all can take the wheel."""
    if facts.trouble:
        yield f"It is damaged: {facts.trouble[0]}."
    if not facts.arch:
        yield "It holds no native code: nothing in it runs inference."
    if facts.os != "linux" or facts.arch != "aarch64":
        names = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}
        kind = names.get(facts.os, facts.os)
        yield f"Its libraries are for {kind} {facts.arch}; Jetsons run Linux aarch64."
    if facts.musl:
        yield "Its libraries are for musl; images have glibc."
    newest = max((str(s["glibc"]) for s in rootfs.data()["suites"].values()), key=version_key)
    if version_key(facts.glibc) > version_key(newest):
        yield f"It needs glibc {facts.glibc}; the newest image base has {newest}."
    least = rules.raw()["images"]["python_min"]
    if not any(version_key(version) >= version_key(least) for version in facts.python):
        have = ", ".join(facts.python) or "none that is known"
        yield f"It runs on Python {have} only; images have {least} or later."


def _unloadable(emulation: Emulation | None, soc: Soc) -> str:
    """Return why a SoC cannot load the libraries, as seen under emulation, "" if it can."""
    if emulation is not None and emulation.missing:
        return f"Needs {', '.join(emulation.missing)}, which neither it nor the image brings."
    if emulation is None or emulation.min_arm == UNKNOWN:
        message = "; ".join(emulation.notes) if emulation else "it was not run"
        return f"Not known to load on {soc.family}: {message}."
    if emulation.min_arm is None:
        message = next((run.says for run in emulation.runs if run.ok is False), "it always failed")
        return f"Its libraries load on no emulated CPU: {message}."
    run = emulation.on(soc.id)
    refused = run.ok is False if run else not arm_levels.runs(soc.arm_level, emulation.min_arm)
    return _refused(emulation, soc) if refused else ""


def _refused(emulation: Emulation, soc: Soc) -> str:
    mine = next((cpu for cpu in cpus.load() if soc.id in cpu.socs), None)
    known = rules.features()
    if mine and mine.hwcap is not None:
        have = set(mine.hwcap)
    else:
        have = {n for n, f in known.items() if arm_levels.runs(soc.arm_level, f.level)}
    lacking = tuple(name for name in emulation.features if name not in have)
    message = next((run.says for run in emulation.runs if mine and run.cpu == mine.name), "")
    what = f" ({rules.say(lacking)})" if lacking else ""
    without = " without these" if lacking else ""
    # Its makers' internal links tell a reader nothing.
    message = re.sub(r"\s*\(go/[^)]*\)\.?", "", message)
    seen = f" Emulated, it ended with: {message}." if message else ""
    return f"Needs {emulation.min_arm}{what}; {_cores([soc])}{without}.{seen}"


def _cores(socs: list[Soc]) -> str:
    kinds = " and ".join(dict.fromkeys(soc.cpu for soc in socs))
    verb = "has" if len(socs) == 1 else "have"
    return f"{_families(socs)} {verb} {socs[0].arm_level} cores ({kinds})"


def _paths(facts: Facts, target: Target) -> Verdict:
    usable = list(gpu.usable(facts.gpu_paths))
    have = int(target.cuda.split(".")[0]) if target.cuda else 0
    note = ""
    if "cuda" in usable and facts.cuda_major and have and facts.cuda_major != have:
        usable.remove("cuda")
        note = f" Its CUDA path needs CUDA {facts.cuda_major}, the release has {have}."
    if usable:
        says = {path.name: path.says for path in reversed(rules.gpu_paths())}
        return Verdict(
            "gpu", f"Has GPU code inside, for {' and '.join(says[name] for name in usable)}.{note}"
        )
    if not facts.core:
        return Verdict("cpu", "It loads, but holds no inference code that the audit knows.")
    if facts.gpu_paths:
        return Verdict(
            "cpu",
            f"Its GPU path ({', '.join(facts.gpu_paths)}) has no driver here; it runs on the"
            f" CPU.{note}",
        )
    return Verdict("cpu", f"GPU code is not compiled in: it runs on the CPU alone.{note}")


def _families(socs: Iterable[Soc]) -> str:
    return ", ".join(soc.family for soc in socs)


def pythons(tags: Iterable[str], requires: str, named: Iterable[str]) -> tuple[str, ...]:
    """Return the Python versions ("3.9") that tags and Requires-Python allow.

    `named` are those in the classifiers, which limit a wheel that has no Requires-Python.
    """
    listed = () if requires else tuple(named)
    try:
        allowed = SpecifierSet(requires)
    except InvalidSpecifier:
        allowed = SpecifierSet()
    result = []
    for minor in range(6, 15):
        if not allowed.contains(f"3.{minor}.99") or (listed and f"3.{minor}" not in listed):
            continue
        for tag in tags:
            interpreter, abi = tag.split("-")[:2]
            if any(_takes(name, abi, minor) for name in interpreter.split(".")):
                result.append(f"3.{minor}")
                break
    return tuple(result)


def _takes(name: str, abi: str, minor: int) -> bool:
    """Tell whether CPython 3.`minor` takes an interpreter tag ("cp311", "py3")."""
    kind, digits = name[:2], name[2:]
    if kind not in ("cp", "py") or not digits.startswith("3"):
        return False
    number = int(digits[1:] or 0) if digits[1:].isdigit() or len(digits) == 1 else -1
    return number <= minor if abi == "abi3" or kind == "py" else number == minor
