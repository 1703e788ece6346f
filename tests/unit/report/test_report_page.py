"""The page: one file that asks for nothing, takes no word of a report as markup, stays small."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from jetson_kit import report
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from jetson_kit.report import pictures, read, rejudge, render, rows
from tests.unit.report import samples as sample

NOW = time.time()
HOSTILE = (
    "</script><script>alert(1)</script><img src=https://evil.example/x onerror=alert(2)>"
    "\"' onload='alert(3)' {{ 7*7 }} {% raw %} &lt; \u202e \ud800 \x00 ]]> <!-- "
    "url(https://evil.example) javascript:alert(4)"
)


def made(folder: Path, *reports: Path, title: str = "Fleet") -> sample.Page:
    text = render.page(report.devices(reports or [folder], NOW), title, NOW)
    return sample.Page(text)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the real reports, a board's, and some that are no evidence."""
    folder = tmp_path_factory.mktemp("reports")
    for name in sample.REAL:
        sample.put(folder, name, sample.real(name), NOW)
    sample.put(folder, "board", sample.board(), NOW)
    sample.put(folder, "old", sample.another_run(sample.board()), NOW, 3 * 86400)
    lies = {**sample.another_run(sample.real("software")), "verdict": "gpu"}
    sample.put(folder, "liar", lies, NOW)
    (folder / "cut.json").write_text((folder / "cpu.json").read_text()[:5000])
    return folder


def test_what_a_reader_finds(fleet: Path) -> None:
    page = made(fleet)
    for phrase in (
        "stale", "contradicted", "unreadable", "says gpu, shows broken", "it is 3 d old",
        "its JSON ends after 5000 bytes", "expected gpu", "Driver withheld", "Not observed:",
        "no-egl-display", "GL dispatches a frame", "Median frame", "since the process began",
        "GPU load, %", "mean distance",
    ):  # fmt: skip
        assert phrase in page.text, phrase
    tables = [held for tag, held in page.tags if tag == "tbody" and "data-verdict" in held]
    verdicts = [held["data-verdict"] for held in tables]
    # What needs a look comes first.
    assert verdicts == ["unknown", "unknown", "unknown", "broken", "broken", "gpu", "cpu"]
    assert [held["data-expected"] for held in tables].count("yes") == 2
    # A pass of another day is not drawn as one.
    text = render.page(report.devices([fleet / "old.json"], NOW), "Fleet", NOW)
    assert "v-gpu" not in text[text.index("<tbody") : text.index("</table>")]


def test_one_file_that_asks_for_nothing(fleet: Path) -> None:
    page = made(fleet)
    policies = [
        held["content"]
        for tag, held in page.tags
        if tag == "meta" and held.get("http-equiv") == "Content-Security-Policy"
    ]
    text = render.page(report.devices([fleet], NOW), "Fleet", NOW)
    (policy,) = policies
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    for value in page.values("href", "src", "srcset", "action", "data", "poster", "xlink:href"):
        assert re.match(r"#|data:(image/jpeg;base64,|,)", value), value[:80]
    names = {name for _, held in page.tags for name in held}
    assert not {name for name in names if name.startswith("on") or name == "style"}
    # A photograph is there once, however often it is shown.
    assert len(page.values("href")) > len(pictures.photographs()) * 2
    assert sum(value.startswith("data:image") for value in page.values("href")) == len(
        pictures.photographs()
    )


@pytest.mark.parametrize("name", ["software", "board"])
def test_no_word_of_a_report_becomes_markup(fleet: Path, tmp_path: Path, name: str) -> None:
    """Every free text of a report says something hostile, its file's name too."""
    plain = sample.board() if name == "board" else sample.real(name)
    allowed = {"FaceLandmarker", "HandLandmarker", "none", "cpu", "withheld", "GPU", "CPU", "1.2.2"}
    allowed |= {plain["schema"], plain["level"], plain["expected"], *rows.VERDICTS}
    allowed |= {"start", "import", "create", "infer", "done", "gl", "webgpu", *rows.known_tasks()}
    allowed |= {item.split(".")[0] for item in allowed}

    def change(text: str) -> str:
        known = text in allowed or re.fullmatch("[0-9a-f]{64}", text)
        return text if known else HOSTILE

    before = made(fleet)
    path = tmp_path / "<b onclick=alert(5)>\"'.json"
    document = sample.everywhere(plain, change)
    document |= {"emulated": True, "emulated_reasons": [HOSTILE]}
    path.write_text(json.dumps({**document, "time_s": NOW}))
    page = made(tmp_path, path, title=HOSTILE)
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in before.tags}
    for tag in ("script", "style", "meta", "link", "image"):
        count = [item for item, _ in page.tags].count(tag)
        assert count == [item for item, _ in before.tags].count(tag), tag
    names = {name for _, held in page.tags for name in held}
    assert names <= {name for _, held in before.tags for name in held} | {"title"}
    for value in page.values("href", "src", "d", "viewbox", "class", "id", "data-packed"):
        assert "evil" not in value
    # It is there to be read, as text; what hides or turns is not there.
    assert "evil.example" in page.text
    assert "\u202e" not in page.text
    assert "49" not in page.text[: page.text.index("page made")]


def test_numbers_out_of_range_draw_nothing_wrong(tmp_path: Path) -> None:
    document = sample.board()
    run = document["observations"]["tasks"]["FaceLandmarker"]["run"]
    huge = 10**400
    for change in (
        {"result": {"count": 1, "points": [[1e308, -1e308], [huge, 0], ["a", 1], [1], 7]}},
        {"result": {"count": 1, "points": "text", "mask": [1e308] * 256}},
        {"bursts": [[-1e308, 1e308], ["a", "b"]], "began_s": "text"},
        {"hardware": {"samples": {"a": [[1e308, 1e308], [-1e308, -5], [0, None]], "b": 7}}},
        {"times_s": {"frames": [-1, 1e308, "x"], "create": huge}, "warmup": 10**9},
        {"soak": [{"at_s": 1, "median_s": "x"}, {"at_s": 2}, 5]},
    ):
        changed = json.loads(json.dumps(document))
        changed["observations"]["tasks"]["FaceLandmarker"]["run"] = {**run, **change}
        page = made(tmp_path, sample.put(tmp_path, "device", changed, NOW))
        for value in page.values("d", "x", "y", "width", "height", "viewbox"):
            assert not re.search("nan|inf|e[+]", value, re.IGNORECASE), (change, value)


@pytest.mark.slow
def test_two_hundred_devices(tmp_path: Path) -> None:
    """Below 5 MB, every verdict there; who needs a look has all evidence."""
    good, bad = sample.real("cpu"), sample.real("broken")
    for number in range(report.MOST_WHOLE):
        document = sample.another_run(bad if number == 7 else good, number)
        sample.put(tmp_path, f"board-{number:04}", document, NOW)
    written_page = report.write([tmp_path], tmp_path / "page.html")
    assert written_page.size == (tmp_path / "page.html").stat().st_size < 5_000_000
    text = (tmp_path / "page.html").read_text()
    assert text.count("<tbody role") == report.MOST_WHOLE
    assert "devices are shown without raw observations" in text
    first, *others = text.split("<tbody role")[1:]
    assert "board-0007" in first
    assert "data-packed" in first
    # The rest still has each task's judgement, and says where its evidence is.
    assert all("asked-for-cpu" in item or "run-not-gpu" in item for item in others)
    assert f"./inv report.html {tmp_path}/board-0199.json" in others[-1]


def verdicts(written_page: report.WrittenPage) -> Counter[tuple[str, str]]:
    return Counter((line.state, line.verdict) for line in written_page.devices)


def test_of_more_devices_the_page_is_an_index_and_each_report_is_judged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    folder, page = tmp_path / "reports", tmp_path / "page.html"
    folder.mkdir()
    many, broken = report.MOST_WHOLE + 1, sample.real("broken")
    for number in range(many - 2):
        sample.put(folder, f"board-{number:04}", sample.another_run(broken, number), NOW)
    (folder / "cut.json").write_text((folder / "board-0001.json").read_text()[:5000])
    sample.put(folder, "liar", {**sample.real("software"), "verdict": "gpu"}, NOW)
    expected = Counter(
        {
            ("sound", "broken"): many - 2,
            ("unreadable", "unknown"): 1,
            ("contradicted", "unknown"): 1,
        }
    )
    assert verdicts(report.write([folder], page)) == expected
    assert '<script id="data" type="application/json">' in page.read_text()
    (data,) = re.findall(r'<script id="data"[^>]*>(.*?)</script>', page.read_text(), re.DOTALL)
    command = [["./inv"], ["report.html"], [f"{folder}/", {"of": "file"}]]
    assert json.loads(data)["how"] == command
    judged_now: list[str] = []
    judge = rejudge.judge

    def noted(reports: Sequence[read.Report]) -> Mapping[Path, rejudge.Answer]:
        judged_now.extend(item.path.stem for item in reports)
        return judge(reports)

    monkeypatch.setattr(rejudge, "judge", noted)
    # A report that has changed is judged, and what is none is looked at each time.
    sample.put(folder, "board-0005", sample.real("cpu"), NOW, 3 * 86400)
    changed = {("sound", "broken"): many - 3, ("stale", "unknown"): 1}
    assert verdicts(report.write([folder], page)) == {**expected, **changed}
    assert judged_now == ["board-0005", "cut"]


def test_raw_json_is_packed_whole(fleet: Path) -> None:
    page = made(fleet, fleet / "board.json")
    (packed,) = page.values("data-packed")
    document = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert document == json.loads((fleet / "board.json").read_text())


def test_the_page_is_whole_or_not_there(fleet: Path, tmp_path: Path) -> None:
    written_page = report.write([fleet], tmp_path / "new" / "page.html", "Fleet")
    assert written_page.path.read_text().rstrip().endswith("</html>")
    with pytest.raises(BadInputError):
        report.write([fleet], tmp_path)
    with pytest.raises(BadInputError):
        report.write([tmp_path / "none"], tmp_path / "other.html")
    path = sorted(fleet.glob("*.json"))[0]
    before = path.read_bytes()
    with pytest.raises(BadInputError, match="is one of the reports"):
        report.write([fleet], fleet / ".." / fleet.name / path.name)
    assert path.read_bytes() == before
    assert not (tmp_path / "other.html").exists()


def test_a_page_that_nobody_named_is_said_to_be_replaced(tmp_path: Path) -> None:
    sample.put(tmp_path, "one", sample.board(), NOW)

    def page(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, ROOT / "tasks.py", "report.html", "one.json", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert page().startswith("dist/report.html: 1 device (")
    assert page().rstrip().endswith(" MB, in place of the page before")
    assert page("--output", "dist/report.html").rstrip().endswith(" MB")
