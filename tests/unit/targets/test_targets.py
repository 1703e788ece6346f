"""The table is whole and free of contradictions, and every kind of contradiction is found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.targets import arm_levels
from jetson_kit.targets import check as targets_check
from jetson_kit.targets.facts import differences, facts_rows
from jetson_kit.targets.table import TABLE, build, load, resolve

# Releases that NVIDIA published; the table may have later ones too.
RELEASES = [
    *(f"32.{rest}" for rest in ("7.1", "7.2", "7.3", "7.4", "7.5", "7.6")),
    *(f"34.{rest}" for rest in ("1.0", "1.1")),
    *(
        f"35.{rest}"
        for rest in ("1.0", "2.1", "3.1", "4.1", "5.0", "6.0", "6.1", "6.2", "6.3", "6.4", "6.5")
    ),
    *(f"36.{rest}" for rest in ("2.0", "3.0", "4.0", "4.2", "4.3", "4.4", "4.7", "5.0", "5.2")),
    *(f"38.{rest}" for rest in ("2.0", "2.1", "2.2", "4.0")),
    *(f"39.{rest}" for rest in ("0.0", "2.0", "2.1")),
]

Raw = dict[str, Any]


def test_table_has_no_contradiction_and_no_release_is_lost() -> None:
    assert set(RELEASES) <= {item.l4t for item in load().all}
    assert targets_check.check(targets_check.raw_table()) == []
    assert load().default.name == "r36.4.4"


def set_row(l4t: str, **values: object) -> Callable[[Raw], None]:
    return lambda raw: raw["targets"][l4t].update(values)


def set_in(section: str, key: str, **values: object) -> Callable[[Raw], None]:
    return lambda raw: raw[section][key].update(values)


def swap_rows(raw: Raw) -> None:
    rows = list(raw["targets"].items())
    rows[4], rows[5] = rows[5], rows[4]
    raw["targets"] = dict(rows)


def drop_tier(raw: Raw) -> None:
    del raw["targets"]["36.5.0"]["tier"]


def drop_sm(raw: Raw) -> None:
    del raw["socs"]["tegra234"]["sm"]


def drop_field(raw: Raw) -> None:
    del raw["targets"]["36.4.4"]["kernel"]


def drop_ansible(raw: Raw) -> None:
    del raw["ansible_core"]["2.16"]


def add_preview(raw: Raw) -> None:
    raw["previews"]["36.4.4"] = "6.2.1"


def add_branchless(raw: Raw) -> None:
    raw["targets"]["37.1.0"] = raw["targets"]["36.5.2"]


def no_default(raw: Raw) -> None:
    raw["default"] = "36.4.5"


JETPACK = "nvcr.io/nvidia/l4t-jetpack"
CONTRADICTIONS: list[tuple[Callable[[Raw], None], str]] = [
    (swap_rows, "target 32.7.5: stands after 32.7.6"),
    (set_row("36.4.0", jetpack="6.0"), "JetPack 6.0 is that of 36.3.0"),
    (set_row("36.4.7", jetpack_of=""), "JetPack 6.2.1 is that of 36.4.4"),
    (set_row("36.5.0", jetpack_of="36.4.4"), 'jetpack_of is "36.4.4"'),
    (set_row("36.5.0", jetpack="6.1.9"), "JetPack 6.1.9 is below 6.2.1"),
    (set_row("36.5.0", jetpack="5.9"), "not of the branch's 6"),
    (set_row("36.5.0", jetpack="soon"), 'jetpack "soon" is no version'),
    (set_row("36.5.0", tensorrt="10.2.0.1"), "tensorrt 10.2.0.1 is below that of 36.4.7"),
    (set_row("35.6.4", kernel="5.10.104"), "kernel 5.10.104 is below that of 35.6.3"),
    (set_row("36.5.0", cuda="12.x"), 'cuda "12.x" is no version'),
    (set_row("39.2.1", cudnn="9.12.0"), "cudnn 9.12.0 is below that of 39.2.0"),
    (set_row("36.5.0", modules=["orin", "agx-nova"]), "module agx-nova has no row"),
    (set_row("36.5.0", modules=["orin", "nano"]), "the branch does not run on module nano"),
    (set_row("36.5.0", modules=["agx-orin"]), "target 36.5.0: lacks orin-nano-4gb"),
    (set_row("36.5.0", modules=[]), "has no module"),
    (set_row("36.5.0", confidence="sure"), 'confidence "sure" is none of'),
    (set_row("36.5.0", tier="guessed"), 'tier "guessed" is none of'),
    # What nobody built and audited is not audited because its row says nothing.
    (drop_tier, 'tier "" is none of'),
    (set_row("36.4.0", ngc_base="l4t-jetpack"), '"l4t-jetpack" is no image'),
    (set_row("36.4.0", ngc_base=f"{JETPACK}:r36.3.0"), "r36.3.0 is not the release's own tag"),
    (set_row("36.3.0", ngc_base=f"{JETPACK}:r36.4.0"), "r36.4.0 is of another branch or newer"),
    (set_row("36.5.0", ngc_fallback=f"{JETPACK}:r35.4.1"), "r35.4.1 is of another branch"),
    (set_row("36.5.0", ngc_fallback=""), "needs either ngc_base or ngc_fallback"),
    (set_row("38.2.0", ngc_fallback="ubuntu:22.04"), "does not hold its Ubuntu 24.04"),
    (set_in("ubuntu", "22.04", glibc="2.31"), "ubuntu 22.04: glibc 2.31 is not above"),
    (set_in("ubuntu", "22.04", python="3.13"), "ubuntu 24.04: python 3.12 is not above"),
    (set_in("ubuntu", "24.04", python="3.15"), "no ansible-core drives its Python 3.15"),
    (drop_ansible, "ubuntu 18.04: no ansible-core drives its Python 3.6"),
    (set_in("ansible_core", "2.20", python_min="3.7"), "python_min 3.7 is below that of 2.19"),
    (set_in("branches", "r38", ubuntu="20.04"), "branch r38: ubuntu 20.04 is below"),
    (set_in("branches", "r38", ubuntu="26.04"), "branch r38: ubuntu 26.04 has no row"),
    (set_in("branches", "r36", driver_dirs=["/usr/lib"]), "branch r36: driver_dirs must be"),
    (set_in("branches", "r36", socs=["tegra999"]), "branch r36: soc tegra999 has no row"),
    (set_in("socs", "tegra234", sm="6.1"), "soc tegra234: sm 6.1 is not above"),
    (set_in("socs", "tegra234", sm="sm_87"), '"sm_87" is no compute capability'),
    (set_in("socs", "tegra234", arm_level="armv8.0-a"), "armv8.0-a is below"),
    (set_in("socs", "tegra234", arm_level="v8"), '"v8" is no Arm level'),
    (drop_sm, "'sm'"),
    (set_in("modules", "nano", soc="tegra1"), "module nano: soc tegra1 has no row"),
    (set_in("modules", "nano", part_numbers=["3448"]), '"3448" is no part number'),
    (set_in("modules", "nano", part_numbers=["p2180-1000"]), "p2180-1000 belongs to tx1 too"),
    (set_row("39.2.0", modules=["orin"]), "target 39.2.0: lacks agx-thor, t4000"),
    (drop_field, "'kernel'"),
    (add_preview, "preview 36.4.4: has a row too"),
    (add_branchless, "target 37.1.0: its branch has no row"),
    (no_default, "default 36.4.5: has no row"),
]


@pytest.mark.parametrize(("alter", "expected"), CONTRADICTIONS, ids=[c[1] for c in CONTRADICTIONS])
def test_contradiction_is_found(alter: Callable[[Raw], None], expected: str) -> None:
    raw = targets_check.raw_table()
    alter(raw)
    assert any(expected in line for line in targets_check.check(raw)), targets_check.check(raw)


def test_unused_module_is_found() -> None:
    raw = targets_check.raw_table()
    raw["modules"]["t5"] = {"name": "T5", "part_numbers": ["p9999-0000"], "soc": "tegra264"}
    assert targets_check.check(raw) == ["module t5: no target has it"]


# As people write such tables: several releases in a row, open ends, remarks.
FACTS = """\
|L4T|JetPack|Ubuntu|Python|glibc|kernel|CUDA (nvcc)|cuDNN|TensorRT|modules|conf|
|---|---|---|---|---|---|---|---|---|---|---|
|32.6.1|4.6|18.04|3.6|2.27|4.9.253|10.2.300|8.2.1.32|8.0.1|TX1 Nano TX2 Xavier|H|
|32.7.4 / .5 / .6|4.6.4 / .5 / .6|18.04|3.6|2.27|4.9.337|10.2.300|8.2.1.32|8.2.1|same|H|
|34.1 / 34.1.1|5.0 / 5.0.1 DP|20.04|3.8|2.31|5.10.65|11.4|8.3.x|8.4.0|Xavier, Orin|M|
|35.6.5|5.1.7|20.04|3.8|2.31|5.10.x|11.4.19|8.6.0.166|8.5.2|last for Xavier|M|
|36.4.4 / 36.4.7|6.2.1 (a)|22.04|3.10|2.35|5.15.148|12.6.11|9.3.0.75|10.3.0.30|Orin|H|
|38.2.0/.1/.2|7.0|24.04|3.12|2.39|6.8.12|13.0.0|9.12.0.46|10.13.2 -> 10.13.3.9|Thor|H|
"""


def compared(folder: Path, facts: str) -> list[str]:
    """Return what differs, rows that the excerpt leaves out aside."""
    (folder / "facts.md").write_text(facts)
    result = differences(load(), facts_rows(folder / "facts.md"))
    return [line for line in result if "not in the facts" not in line]


def test_facts_expand_and_agree(tmp_path: Path) -> None:
    assert compared(tmp_path, FACTS) == []
    assert " ".join(facts_rows(tmp_path / "facts.md")) == (
        "32.6.1 32.7.4 32.7.5 32.7.6 34.1.0 34.1.1 35.6.5 36.4.4 36.4.7 38.2.0 38.2.1 38.2.2"
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("3.6|2.27|4.9.337", "3.6|2.28|4.9.337", 'target 32.7.5: glibc is "2.27"'),
        ("18.04|3.6|2.27|4.9.337", "18.04|3.7|2.27|4.9.337", "Python is"),
        ("|22.04|", "|24.04|", 'Ubuntu is "22.04"'),
        ("5.15.148", "5.15.149", 'kernel is "5.15.148", facts: 5.15.149'),
        ("12.6.11", "12.6.1", 'CUDA is "12.6.11"'),
        ("9.3.0.75", "-", 'cuDNN is "9.3.0.75", facts: -'),
        ("10.3.0.30", "10.3.0.3", "TensorRT is"),
        ("6.2.1 (a)", "6.2 (6.2.1)", 'JetPack is "6.2.1"'),
        ("5.0.1 DP", "5.0.1", 'JetPack is "5.0.1 DP"'),
        ("30|Orin|H", "30|Orin|M", "confidence is H"),
        ("30|Orin|H", "30|Orin Thor|H", "modules are of"),
        ("3.9|Thor|", "3.9|Orin|", "modules are of ['Thor']"),
        ("36.4.4 /", "36.4.4 / 36.4.5 /", "36.4.5: is in the facts and not in the table"),
    ],
)
def test_difference_from_facts_is_found(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in FACTS
    result = compared(tmp_path, FACTS.replace(old, new))
    assert any(expected in line for line in result), result


def test_check_as_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "targets.toml"
    shutil.copy(TABLE, copy)
    assert targets_check.main(["--table", str(copy)]) == 0
    copy.write_text(copy.read_text().replace('sm = "8.7"', 'sm = "5.7"'))
    assert targets_check.main(["--table", str(copy)]) == 1
    assert "soc tegra234: sm 5.7" in capsys.readouterr().out
    assert targets_check.main(["--facts", str(tmp_path / "none.md")]) == 2
    with pytest.raises(BadInputError):
        targets_check.raw_table(tmp_path / "none.toml")


def test_broken_table_is_an_integrity_error() -> None:
    raw = targets_check.raw_table()
    drop_field(raw)
    with pytest.raises(IntegrityError, match=r"target 36.4.4: 'kernel'"):
        build(raw)


@pytest.mark.parametrize(
    ("text", "l4t"),
    [
        ("36.4.4", "36.4.4"),
        ("r36.4.4", "36.4.4"),
        (" R 36.4.4 ", "36.4.4"),
        ("L4T 36.4.4", "36.4.4"),
        ("l4t-r36.4.4", "36.4.4"),
        ("36.4", "36.4.7"),
        ("jetpack6.2", "36.4.3"),
        ("JetPack 6.2", "36.4.3"),
        ("jp6.2.2", "36.5.0"),
        ("jetpack6.1 rev1", "36.4.2"),
        ("JetPack 7.2 GA", "39.2.0"),
        ("jetpack7.2 EA", "39.0.0"),
    ],
)
def test_resolve(text: str, l4t: str) -> None:
    assert resolve(text).l4t == l4t


def test_a_branch_or_a_jetpack_is_its_newest_release() -> None:
    for item in load().all:
        branch = [target.l4t for target in load().all if target.branch == item.branch]
        assert resolve(item.branch).l4t == branch[-1]
        major = item.jetpack.partition(".")[0]
        same = [target for target in load().all if target.jetpack.partition(".")[0] == major]
        if {target.branch for target in same} == {item.branch}:
            assert resolve(f"jetpack{major}").l4t == same[-1].l4t


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("36.4.5", "r36.4.4"),
        ("r36.44", "r36.4.4"),
        ("6.2", "jetpack6.2"),
        ("jetpak6.2", "jetpack6.2"),
        ("jetpack6.2.1", "name one of r36.4.4, r36.4.7"),
        ("jetpack7", "name one of r38, r39"),
        ("jetpack9", "unknown JetPack"),
        ("36.0.0", "preview with no row"),
        ("32.6.1", "r32.7.1"),
        ("r3", "r3"),
        ("potato", "known are r32, r34, r35, r36, r38, r39"),
        ("", "known are r32"),
    ],
)
def test_resolve_refuses_and_names_the_nearest(text: str, expected: str) -> None:
    with pytest.raises(BadInputError) as caught:
        resolve(text)
    assert expected in caught.value.line()


@pytest.mark.parametrize(
    ("l4t", "level"),
    [
        ("32.7.6", "armv8.0-a"),
        ("35.4.1", "armv8.2-a"),
        ("36.4.4", "armv8.2-a"),
        ("38.4.0", "armv9.2-a"),
        ("39.2.0", "armv8.2-a"),
    ],
)
def test_arm_level_is_the_lowest_of_the_modules(l4t: str, level: str) -> None:
    assert resolve(l4t).arm_level == level


@pytest.mark.parametrize(
    ("have", "need", "runs"),
    [
        ("armv8.0-a", "armv8-a", True),
        ("armv8.0-a", "armv8.1-a", False),
        ("armv8.2-a", "armv8.1-a", True),
        ("armv9.2-a", "armv8.7-a", True),
        ("armv9.2-a", "armv8.8-a", False),
        ("armv8.9-a", "armv9.0-a", False),
    ],
)
def test_arm_runs(have: str, need: str, runs: bool) -> None:
    assert arm_levels.runs(have, need) is runs


@pytest.mark.parametrize(
    ("l4t", "oldest", "newest"),
    [("32.7.1", "2.16", "2.16"), ("35.4.1", "2.16", "2.19"), ("36.4.4", "2.16", "2.21")],
)
def test_ansible_core(l4t: str, oldest: str, newest: str) -> None:
    target = resolve(l4t)
    assert (target.ansible_core_min, target.ansible_core_max) == (oldest, newest)
