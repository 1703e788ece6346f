"""The table that plans read agrees with the records that the audit ships, for every wheel."""

from __future__ import annotations

import json

import pytest

from jetson_kit.audit import planned, record
from jetson_kit.targets import table as targets
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.pins import Pin
from jetson_kit.wheels.translate import table

TABLE = json.loads(planned.TABLE.read_text(encoding="utf-8"))
ARM = [pin for pin in wheels.pins() if pin.arch == "arm64"]


def test_it_has_every_pinned_wheel_and_no_other() -> None:
    assert set(TABLE) == {pin.sha256 for pin in wheels.pins()}


def test_translated_wheels_are_audited_for_both_kinds_of_old_cores() -> None:
    rows = json.loads(planned.TRANSLATED.read_text(encoding="utf-8"))
    # A version that was just pinned may have none yet: then it is not offered translated.
    assert rows.keys() <= {f"{pin.sha256} {pin.core}" for pin in wheels.translated()}
    assert {pin.core for pin in wheels.translated()} == set(table.cores())
    for name, row in rows.items():
        core = table.core(name.split()[1])
        runs = {run["cpu"]: run["ok"] for run in row["emulation"]["runs"]}
        assert runs[core.cpu] is True
        assert row["gpu_paths"] == ["gl", "webgpu"]


@pytest.mark.parametrize("pin", ARM, ids=lambda pin: pin.filename)
def test_it_says_what_the_shipped_record_says(pin: Pin) -> None:
    shipped = record.SHIPPED / f"{pin.filename.removesuffix('.whl')}.json"
    assert TABLE[pin.sha256]["emulation"] == json.loads(shipped.read_text())["emulation"]


def test_the_worst_of_the_boards_counts() -> None:
    newest = ARM[0]
    target = targets.load().resolve("35.6.5")
    by_soc = {soc.family: planned.planned_verdict(newest, target, (soc,)) for soc in target.socs}
    assert {name: verdict.verdict for name, verdict in by_soc.items()} == {
        "Xavier": "no",
        "Orin": "gpu",
    }
    assert planned.planned_verdict(newest, target, target.socs) == by_soc["Xavier"]
