"""The tables and pictures of docs/scale.md, of rows that are known."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from bench.simulation import page as simulation_page
from bench.sites import page as sites_page


def outcome(**changes: Any) -> dict[str, Any]:
    return {
        "plan": "flat", "image": "good", "release": "update", "result": "some", "why": "",
        "ended_s": 7200.0, "reached_s": {"50": 600.0, "90": 7200.0, "98": None}, "on_new": 950,
        "ran": 950, "ran_bad": 0, "left_bad": 0, "top_bytes": 4_000_000,
        "top_bytes_per_board": 4000.0, **changes,
    }  # fmt: skip


FACTS = {
    "boards": 1000, "sites": 10, "seed": 1,
    "outcomes": [
        outcome(),
        outcome(plan="sites in waves", ended_s=3600.0, top_bytes=1_000_000),
        outcome(plan="sites in waves", image="bad <here>", result="stopped", ran_bad=9, left_bad=2,
                reached_s={"50": None, "90": None, "98": None}),
    ],
}  # fmt: skip


def test_a_row_for_each_outcome_and_ratios_of_the_good_ones() -> None:
    text = simulation_page.table(FACTS)
    assert (
        "| flat | good | after 2.0 h, 950 boards have it | 10 min / 2.0 h | - | - | 4 kB |" in text
    )
    assert "| never / never | 9 | 2 |" in text
    assert "(2.0 times) and 4 MB (4 times)" in text
    assert "2 boards gave no answer when they were to go back" in text


def test_pictures_are_xml_with_a_bar_for_each_row() -> None:
    pictures = simulation_page.plots(FACTS)
    assert pictures.keys() == {"time", "bad"}
    for name, bars in (("time", 4), ("bad", 1)):
        top = ET.fromstring(pictures[name])  # noqa: S314 # ours
        assert len(top.findall("{http://www.w3.org/2000/svg}rect")) == bars


def test_costs_and_kills() -> None:
    rollout = {"bad_image": False, "kills": ["a link"], "exit_code": 0, "lost": [],
               "false_success": False, "unlike": False}  # fmt: skip
    lost = {**rollout, "bad_image": True, "kills": ["a link", "x"], "lost": ["b1"], "unlike": True,
            "processes": [{"target": "x", "site": "berlin", "pid": 7, "at": ""},
                          {"target": "x", "site": "berlin", "pid": 8, "at": "7 doing soak"}],
            "resumed_at_sites": 1}  # fmt: skip
    cost = {"sites": 4, "boards": 50, "load_at_start": 2.4, "top_cpu_s_per_board": 0.0123,
            "flat_cpu_s_per_board": 0.13, "cpu_ratio": 10.6, "top_bytes_per_board": 16_277,
            "flat_bytes_per_board": 357_460, "bytes_ratio": 22.0,
            "top": {"wall_s": 102.5}, "flat": {"wall_s": 46.71}}  # fmt: skip
    one_site = {**cost, "sites": 1, "boards": 9}
    facts = {"cores": 2, "costs": {"4x50": cost, "1x9": one_site}, "rollouts": [rollout, lost]}
    text = sites_page.table(facts)
    assert "| 130 ms | **10.6x** | 16.3 kB | 357 kB | **22.0x** | 102.5 s | 46.7 s |" in text
    assert "| 4 sites of 50 boards" in text
    assert "| 1 site of 9 boards" in text
    assert "3 kills at random moments of 2 rollouts" in text
    assert "2 of a link, 1 of x" in text
    assert "should: 1; false successes: 0; rollouts with another end than without kills: 1" in text
    assert "Of 2 kills of a site's processes, found by their numbers, 1 came after" in text
    assert "have 1 resumes" in text
    assert sites_page.table({"cores": 2, "costs": {}, "rollouts": []}) == ""
