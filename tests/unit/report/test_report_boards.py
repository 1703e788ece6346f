"""Reports of several folders, some with equal names: each board is its own file's."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from jetson_kit import report
from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.report import boards, judgement_cache, read, serve
from jetson_kit.report.summary import Summary
from tests.unit.report import samples as sample

NOW = time.time()


def put(path: Path, verdict: str, host: str = "host") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**sample.real(verdict), "time_s": NOW - 60, "host": host}))
    return path


def shown(paths: list[Path]) -> tuple[tuple[Summary, ...], serve.Evidence]:
    lines = boards.named(judgement_cache.lines(paths, NOW), paths)
    return lines, report.evidence_of(lines, paths)


def names(*paths: str) -> list[tuple[str, str]]:
    listed = [Path(path) for path in paths]
    lines = [Summary("verify", "", path.stem) for path in listed]
    return [(line.site, line.host) for line in boards.named(lines, listed)]


def test_boards_of_equal_names_show_each_its_own_evidence(tmp_path: Path) -> None:
    paths = [put(tmp_path / "a/cam.json", "software"), put(tmp_path / "b/cam.json", "cpu")]
    lines, evidence = shown(paths)
    assert [(line.site, line.host) for line in lines] == [("a", "cam"), ("b", "cam")]
    for line, path in zip(lines, paths, strict=True):
        assert line.evidence == read.read(path).sha256
        assert line.evidence in evidence(line.site, line.host)
    with pytest.raises(BadInputError, match="no board cam"):
        evidence("", "cam")


def test_a_report_that_names_another_file_s_board_keeps_a_name_of_its_own(tmp_path: Path) -> None:
    paths = [put(tmp_path / "cam.json", "software"), put(tmp_path / "report.json", "cpu", "cam")]
    lines, evidence = shown(paths)
    assert [line.host for line in lines] == ["cam (cam.json)", "cam (report.json)"]
    assert all(line.evidence in evidence("", line.host) for line in lines)


@pytest.mark.parametrize(
    ("paths", "boards_"),
    [
        (("x/a.json", "x/b.json"), [("", "a"), ("", "b")]),
        (("/x/1/a.json", "/y/1/a.json"), [("/x/1", "a"), ("/y/1", "a")]),
        (("/x/../y/a.json", "/x/b.json"), [("y", "a"), ("x", "b")]),
        (("/a.json", "/y/a.json"), [("/", "a"), ("y", "a")]),
    ],
)
def test_folders_are_sites_where_there_are_several(
    paths: tuple[str, ...], boards_: list[tuple[str, str]]
) -> None:
    assert names(*paths) == boards_


def test_no_folder_s_name_is_one_that_an_address_skips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    assert names("a.json", "../a.json") == [("in", "a"), (tmp_path.name, "a")]


def test_long_names_that_are_cut_stay_apart() -> None:
    long = "x" * 200
    paths = [Path(f"f/{long}{number}.json") for number in range(3)]
    lines = [Summary("verify", "", long[:160])] * 3
    assert len({line.host for line in boards.named(lines, paths)}) == 3


def test_a_file_that_changed_is_not_shown_as_its_line_s(tmp_path: Path) -> None:
    path = put(tmp_path / "cam.json", "software")
    _, evidence = shown([path])
    put(path, "cpu")
    with pytest.raises(IntegrityError, match="has changed since the page was made"):
        evidence("", "cam")


def test_a_report_that_comes_while_others_are_judged_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        put(tmp_path / f"{name}.json", "software")
    listed = report.judgement_cache.lines

    def slowly(*args: object) -> tuple[Summary, ...]:
        put(tmp_path / "aa.json", "cpu")
        return listed(*args)  # type: ignore[arg-type]

    seen = []
    monkeypatch.setattr(report, "MOST_WHOLE", 1)
    monkeypatch.setattr(report.judgement_cache, "lines", slowly)
    monkeypatch.setattr(
        report.serve, "run", lambda text, evidence, port: seen.append(evidence("", "b"))
    )
    report.serve_page([tmp_path], 0)
    assert read.read(tmp_path / "b.json").sha256 in seen[0]


@pytest.mark.parametrize(
    ("paths", "folder", "files"),
    [
        (("x/a.json", "x/b.json"), "x/", ["a.json", "b.json"]),
        (("x/1/report.json", "x/2/a.json"), "x/", ["1/report.json", "2/a.json"]),
        (("a.json", "x/a.json"), "./", ["a.json", "x/a.json"]),
        (("/a.json", "x/a.json"), "", ["/a.json", "x/a.json"]),
        (("/a.json", "/x/a.json"), "/", ["a.json", "x/a.json"]),
    ],
)
def test_each_board_s_file_is_named_in_the_command_for_it(
    paths: tuple[str, ...], folder: str, files: list[str]
) -> None:
    listed = [Path(path) for path in paths]
    lines = boards.named([Summary("verify", "", "cam") for _ in listed], listed)
    below, names_ = boards.relative(lines, listed)
    assert (below, list(names_.values())) == (folder, files)
