"""What a wheel is worth on a target and on one of its SoCs; the rules and records behind it."""

from __future__ import annotations

import json

import pytest

from jetson_kit.audit import record, rules, verdict
from jetson_kit.emulation import cpus
from jetson_kit.targets import table as targets
from jetson_kit.wheels import pins as wheels


def test_shipped_records_are_whole_and_mean_what_they_say() -> None:
    bodies = {p.name: json.loads(p.read_text()) for p in record.SHIPPED.glob("*.json")}
    assert {
        f"{p.filename.removesuffix('.whl')}.json" for p in wheels.pins() if p.arch == "arm64"
    } <= set(bodies)
    for name, body in bodies.items():
        ran = {run["cpu"]: run["ok"] for run in body["emulation"]["runs"]}
        assert set(ran) == {cpu.name for cpu in cpus.load()}, name
        assert (body["emulation"]["min_arm"] == "armv8.0-a") == ran["cortex-a57"], name
        assert name == f"{body['wheel'].removesuffix('.whl')}.json"


def measured_facts(version: str, gpu_paths: tuple[str, ...]) -> verdict.Facts:
    """Return facts with the measurement that is shipped for an official wheel."""
    path = next(record.SHIPPED.glob(f"mediapipe-{version}-*.json"))
    emulation = record.parse(json.loads(path.read_text())).emulation
    return verdict.Facts(
        "aarch64", "linux", gpu_paths, 0, "2.27", False, ("3.11",), emulation, (), True
    )


def test_each_soc_is_judged_by_what_it_has() -> None:
    facts = measured_facts("1.2.2", ("gl", "webgpu"))
    socs = {soc.id: soc for soc in targets.load().socs}
    release = targets.resolve("35.6.4")
    nano, xavier, orin = (
        verdict.for_soc(facts, release, socs[name]) for name in ("tegra210", "tegra194", "tegra234")
    )
    assert (nano.verdict, xavier.verdict, orin.verdict) == ("no", "no", "gpu")
    assert "LSE atomics" in nano.reason
    assert "LSE atomics" not in xavier.reason
    assert "dotprod" in xavier.reason
    whole = verdict.for_target(facts, release)
    assert whole.verdict == "gpu"
    assert "Not on Xavier" in whole.reason


def test_old_boards_keep_the_cpu() -> None:
    facts = measured_facts("0.10.18-cp311", ())
    verdicts = {verdict.for_target(facts, target).verdict for target in targets.load().all}
    assert verdicts == {"cpu"}


def test_rules_name_only_what_exists() -> None:
    known = rules.features()
    assert all(op.feature in known for op in rules.opcodes())
    assert all(set(cpu.hwcap or ()) <= set(known) for cpu in cpus.load())
    assert {s for cpu in cpus.load() for s in cpu.socs} == {s.id for s in targets.load().socs}
    assert len({feature.bit for feature in known.values()}) == len(known)


@pytest.mark.parametrize(
    ("tags", "requires", "named", "want"),
    [
        (["cp311-cp311-x"], "", [], ("3.11",)),
        (["cp310-abi3-x"], "<3.13", [], ("3.10", "3.11", "3.12")),
        (["py3-none-x"], ">=3.13", ["3.9"], ("3.13", "3.14")),
        (["py3-none-x"], "", ["3.9", "3.10"], ("3.9", "3.10")),
        (["py2.py3-none-any"], ">=3.14", [], ("3.14",)),
        (["pp310-pypy310_pp73-x"], "", [], ()),
    ],
)
def test_pythons(tags: list[str], requires: str, named: list[str], want: tuple[str, ...]) -> None:
    assert verdict.pythons(tags, requires, named) == want
