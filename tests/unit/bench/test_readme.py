"""Pages say what the benchmarks measured; the README stays short."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import pages as readme
from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.paths import ROOT

TEXT = readme.BENCHMARKS.read_text(encoding="utf-8")
README = ROOT / "README.md"


@pytest.mark.parametrize("page", readme.PAGES, ids=lambda page: page.name)
def test_its_tables_are_those_of_the_last_measurements(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert readme.rendered(text, tables=readme.PAGES[page]) == text


def test_a_lost_mark_is_said() -> None:
    with pytest.raises(IntegrityError, match="lacks the marks"):
        readme.rendered(TEXT.replace("<!-- /bench.build -->", ""))


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 130


def test_the_table_of_virtual_devices(tmp_path: Path) -> None:
    kinds = ("container", "vm_amd64", "vm_arm64")
    facts = {f"{kind}_s": 10.0 * number for number, kind in enumerate(kinds, 1)}
    facts |= {f"{kind}_running_s": 10.04 * number for number, kind in enumerate(kinds, 1)}
    facts |= {f"{kind}_memory_mib": 100.4 * number for number, kind in enumerate(kinds, 1)}
    (tmp_path / "devices.json").write_text(json.dumps({"cores": 2, "quiet": True, **facts}))
    marks = "<!-- bench.devices -->\nold\n<!-- /bench.devices -->"
    assert readme.rendered(marks, tmp_path) == (
        "<!-- bench.devices -->\n"
        "| `./inv bench.devices`, on 2 x86 cores | ssh after | all services after | memory |\n"
        "|---|---|---|---|\n"
        "| container | 10.0 s | 10.0 s | 100 MiB |\n"
        "| QEMU machine, amd64 | 20.0 s | 20.1 s | 201 MiB |\n"
        "| QEMU machine, arm64 | 30.0 s | 30.1 s | 301 MiB |\n"
        "<!-- /bench.devices -->"
    )
    busy = {"cores": 2, "quiet": False, "load_at_start": 4.42, **facts}
    (tmp_path / "devices.json").write_text(json.dumps(busy))
    assert "x86 cores busy with other work (load 4.4) |" in readme.rendered(marks, tmp_path)
