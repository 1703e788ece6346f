"""The pages of sites.report: what they name is there, and none takes another's place."""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.inspection import page, result
from jetson_kit.inspection.central import SiteResult
from jetson_kit.report import render, summary
from tests.unit.inspection.test_inspection_intake import GOOD
from tests.unit.report import samples as sample

SITES = Path("sites.toml")


def anchors(text: str) -> tuple[set[str], set[str]]:
    """Return the places that a page leads to, and those that it has."""
    return set(re.findall(r'(?:href|src)="#([^"]+)"', text)), set(re.findall(r'id="([^"]+)"', text))


def of_board(monkeypatch: pytest.MonkeyPatch, name: str) -> str:
    document = {**sample.real(name), "time_s": time.time() - 60}
    content = json.dumps(document).encode()
    line = replace(
        GOOD, verdict=name, evidence=hashlib.sha256(content).hexdigest(), time_s=time.time()
    )
    monkeypatch.setattr(page, "fetch", lambda line, sites: content)
    inspection = result.merged("verify", [line, SiteResult("berlin", 1)])
    return page.evidence(inspection, SITES, line.site, line.host)


@pytest.mark.parametrize("name", sample.REAL)
def test_the_page_of_a_board_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    used, known = anchors(of_board(monkeypatch, name))
    assert used
    assert used <= known


@pytest.mark.parametrize("kind", [summary.VERIFY, summary.DOCTOR, summary.STATUS])
def test_the_index_has_a_sign_for_every_verdict(kind: str) -> None:
    verdicts = {
        summary.VERIFY: ("gpu", "software", "cpu", "broken", "unknown", "none"),
        summary.DOCTOR: ("well", "ill", "none"),
        summary.STATUS: ("well", "drifted", "none"),
    }[kind]
    boards = [
        replace(GOOD, kind=kind, host=f"b{number}", verdict=verdict)
        for number, verdict in enumerate(verdicts)
    ]
    inspection = result.merged(kind, [*boards, SiteResult("berlin", len(boards))])
    used, known = anchors(page.page(inspection, SITES, "Boards"))
    assert used | {f"v-{verdict}" for verdict in verdicts} <= known


def test_what_was_left_out_is_where_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "BUDGET", 0)
    text = of_board(monkeypatch, "cpu")
    assert "report.html" not in text
    place = f"evidence/verify/{GOOD.host}.json in the folder of {GOOD.site}, at the site"
    assert f"All of it: <code>{place}</code>" in text


def test_a_board_s_page_takes_no_other_one_s_place() -> None:
    boards = ("berlin/b1", "berlin/b2", "tokyo/b1", "berlin/../../x", "berlin/ü:1")
    places = [page.place_of(board) for board in boards]
    assert len({*places, Path("dist/sites.html")}) == len(boards) + 1
    assert all(str(place.parent) == "dist" for place in places)
