"""Which reports count: whole ones, of today, that say what their own observations show."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path

import pytest

from jetson_kit import report
from jetson_kit.core.errors import BadInputError
from jetson_kit.report import boards, judgement_cache, read, rejudge, rows, values
from tests.unit.report import samples as sample
from tests.unit.verify import samples as verify_samples

NOW = time.time()


def shown(path: Path, now_s: float = NOW, expect: str = "") -> rows.Device:
    (device,) = report.devices([path], now_s, expect)
    return device


@pytest.mark.parametrize(
    ("name", "verdict"), [("software", "broken"), ("cpu", "cpu"), ("broken", "broken")]
)
def test_a_real_report_is_sound(tmp_path: Path, name: str, verdict: str) -> None:
    device = shown(sample.put(tmp_path, name, sample.real(name), NOW))
    assert (device.state, device.verdict, device.alerts) == ("sound", verdict, ())
    assert device.as_expected == (name == "cpu")
    for task in device.tasks.values():
        assert task.reported_verdict == task.verdict
        assert task.judgement.rule
        assert task.families


def test_a_board_s_report_is_gpu(tmp_path: Path) -> None:
    path = sample.put(tmp_path, "board", sample.board(), NOW)
    device = shown(path)
    assert (device.state, device.verdict, device.as_expected) == ("sound", "gpu", True)
    assert not shown(path, expect="software").as_expected
    assert "Orin" in device.model


@pytest.mark.parametrize(
    ("age_s", "state"),
    [(86300, "sound"), (86500, "stale"), (1.5e9, "stale"), (-60, "sound"), (-900, "future")],
)
def test_age(tmp_path: Path, age_s: float, state: str) -> None:
    device = shown(sample.put(tmp_path, "board", sample.board(), NOW, age_s))
    assert device.state == state
    assert (device.verdict == "gpu") == (state == "sound")
    assert device.as_expected == (state == "sound")


def test_a_verdict_that_its_observations_do_not_show(tmp_path: Path) -> None:
    lies = sample.real("software")
    lies.update(verdict="gpu", as_expected=True, expected="gpu")
    device = shown(sample.put(tmp_path, "device", lies, NOW))
    assert (device.state, device.verdict, device.as_expected) == ("contradicted", "unknown", False)
    assert "says gpu, shows broken" in device.alerts[0]

    lies = sample.real("software")
    lies["tasks"]["PoseLandmarker"]["verdict"] = "gpu"
    device = shown(sample.put(tmp_path, "task", lies, NOW))
    assert device.state == "contradicted"
    assert "says gpu, shows software (PoseLandmarker)" in device.alerts[0]

    # A task that is claimed, and one that is passed over in silence.
    lies = sample.board()
    lies["tasks"]["HandLandmarker"] = lies["tasks"]["FaceLandmarker"]
    assert shown(sample.put(tmp_path, "more", lies, NOW)).state == "contradicted"
    lies = sample.real("software")
    del lies["tasks"]["FaceDetector"]
    assert shown(sample.put(tmp_path, "less", lies, NOW)).state == "contradicted"


def test_judgements_are_those_of_the_observations(tmp_path: Path) -> None:
    lies = sample.real("software")
    measured = lies["tasks"]["HandLandmarker"]["latency_ms"]["gpu"]
    for task in lies["tasks"].values():
        task["reason"] = "through NVIDIA's driver"
        task["latency_ms"] = {"gpu": 1.0, "cpu": 99.0}
        task["controls"]["cpu"] = None
    device = shown(sample.put(tmp_path, "device", lies, NOW))
    task = device.tasks["HandLandmarker"]
    assert "NVIDIA" not in task.judgement.reason
    assert task.run_ms == measured
    assert [control.verdict for control in task.controls] == ["cpu", "broken"]


def test_the_modules_of_the_current_folder_judge_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = read.read(sample.put(tmp_path, "device", sample.real("cpu"), NOW))
    answers = rejudge.judge([report])
    (tmp_path / "json.py").write_text("raise SystemExit(99)\n")
    monkeypatch.chdir(tmp_path)
    assert rejudge.judge([report]) == answers


def test_what_can_not_be_judged_is_no_pass(tmp_path: Path) -> None:
    damaged = sample.board()
    damaged["observations"]["tasks"]["FaceLandmarker"]["run"]["hardware"] = {"present": True}
    device = shown(sample.put(tmp_path, "damaged", damaged, NOW))
    assert (device.state, device.verdict) == ("unchecked", "unknown")
    other = sample.board()
    other["observations"]["tasks"]["Holistic"] = copy.deepcopy(
        other["observations"]["tasks"]["FaceLandmarker"]
    )
    assert shown(sample.put(tmp_path, "other", other, NOW)).state == "unchecked"


def test_a_report_that_makes_the_judge_fail_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [sample.put(tmp_path, f"d{at}", sample.real("broken"), NOW) for at in range(3)]
    reports = [read.read(path) for path in paths]
    paths[1].write_text("[" * 200_000)
    result = rejudge.judge(reports)
    assert "RecursionError" in result[paths[1]]["error"]
    assert [result[path].get("verdict") for path in paths] == ["broken", None, "broken"]
    # Another file than the one that was measured against the schema.
    paths[0].write_text(json.dumps(sample.real("cpu")))
    assert rejudge.judge(reports)[paths[0]] == {"error": "the file changed while it was read"}
    monkeypatch.setattr(rejudge, "BATCH_TIMEOUT_S", 0.001)
    assert {answer["error"] for answer in rejudge.judge(reports).values()} == {rejudge.NO_ANSWER}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "truncated"),
        (b'{"schema": "mediapipe-jetson/ver', "truncated"),
        (b'{"schema": "mediapipe-jetson/verify/1"', "truncated"),
        (b"verdict: gpu", "no JSON"),
        (b"\x00\xff", "no JSON"),
        (b"[]", "its schema is 'None'"),
        (b'{"schema": "mediapipe-jetson/verify/2"}', "its schema is 'mediapipe-jetson/verify/2'"),
        (b'{"schema": "mediapipe-jetson/verify/1"}', "does not fit the schema"),
        (b'{"time_s": NaN}', "NaN is no number"),
        (b'{"time_s": 1e999}', "no finite number"),
        (b'{"time_s": 1' + b"0" * 5000 + b"}", "no JSON"),
        (b"[" * 200_000, "nested too deep"),
    ],
)
def test_what_is_no_report_says_why(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "board.json"
    path.write_bytes(content)
    device = shown(path)
    assert (device.state, device.verdict, device.as_expected) == ("unreadable", "unknown", False)
    assert problem in device.alerts[0]


def test_every_cut_of_a_report_is_unreadable(tmp_path: Path) -> None:
    whole = json.dumps(sample.real("broken"))
    path = tmp_path / "cut.json"
    for size in range(0, len(whole) - 1, len(whole) // 23):
        path.write_text(whole[:size])
        assert read.read(path).problem.startswith("it is truncated"), size


def test_the_schema_is_asked_of_long_lists_too(tmp_path: Path) -> None:
    for place, wrong in (("libraries", 7), ("libraries", None), ("devices", "text")):
        document = sample.real("broken")
        run = document["observations"]["tasks"]["FaceLandmarker"]["run"]
        run["driver"]["during"] = {"libraries": [], "devices": []}
        run["driver"]["during"][place] = ["fine"] * 5 * (place == "libraries") + [wrong]
        path = sample.put(tmp_path, "device", document, NOW)
        assert "does not fit the schema" in read.read(path).problem
    document = sample.real("broken")
    document["observations"]["tasks"]["FaceLandmarker"]["run"]["work"] = {"frames": [{"gl": True}]}
    assert (
        "does not fit the schema"
        in read.read(sample.put(tmp_path, "device", document, NOW)).problem
    )


def test_a_missing_place_is_bad_input(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(BadInputError) as caught:
            read.find([place])
        assert "verify --json" in caught.value.cure
    with pytest.raises(BadInputError):
        report.devices([tmp_path], NOW, expect="unknown")


def test_text_that_hides_or_turns_is_made_visible() -> None:
    assert values.shown("a\u202egnp.exe\x00\x1b[31m\ud800\u200b") == "a�gnp.exe��[31m��"
    assert len(values.shown("x" * 10**6)) < 2 * values.LONG


def test_a_report_of_another_board_is_no_evidence(tmp_path: Path) -> None:
    """A copy has the same observations, whatever name, host, time and start it is given."""
    board = sample.board()
    sample.put(tmp_path, "one", board, NOW)
    sample.put(tmp_path, "two", {**board, "host": "two", "boot_id": "another"}, NOW, 900.0)
    sample.put(tmp_path, "three", sample.another_run(board), NOW)
    sample.put(tmp_path, "four", board, NOW, 3 * 86400)
    devices = {device.name: device for device in report.devices([tmp_path], NOW)}
    assert {name: device.state for name, device in devices.items()} == {
        "one": "contradicted", "two": "contradicted", "three": "sound", "four": "stale",
    }  # fmt: skip
    assert [device.verdict for device in devices.values()].count("gpu") == 1
    assert "was copied" in devices["two"].why
    assert not devices["one"].as_expected


def test_boards_that_are_broken_alike_are_no_copies(tmp_path: Path) -> None:
    """Without a model nothing is timed: what is observed is the same everywhere."""
    error = {"stage": "start", "error": {"type": None, "text": "no model"}}
    run = {"task": "FaceLandmarker", "delegate": "GPU", "control": "none", "outcome": error}
    observed = {"run": run, "cpu": None, "withheld": None}
    document = verify_samples.report_on(FaceLandmarker=observed)
    for name in ("one", "two"):
        sample.put(tmp_path, name, document, NOW)
    assert {device.verdict for device in report.devices([tmp_path], NOW)} == {"broken"}


def test_a_run_that_was_put_into_another_report_is_found(tmp_path: Path) -> None:
    board = sample.board()
    more = sample.another_run(board)
    run = copy.deepcopy(board["observations"]["tasks"]["FaceLandmarker"])
    more["observations"]["tasks"]["HandLandmarker"] = run
    sample.put(tmp_path, "one", board, NOW)
    sample.put(tmp_path, "two", more, NOW)
    assert {device.state for device in report.devices([tmp_path], NOW)} == {"contradicted"}


def test_a_report_that_is_given_twice_is_one(tmp_path: Path) -> None:
    """A folder and a file of it, and links: the name given first stays, a file before links."""
    folder = tmp_path / "rep"
    folder.mkdir()
    nano1 = sample.put(folder, "nano1", sample.board(), NOW)
    link = tmp_path / "link"
    link.symlink_to(folder)
    for places in (
        [folder, nano1], [nano1, folder], [folder, folder], [link, nano1], [link / "nano1.json"],
        [folder / "../rep/nano1.json", folder],
    ):  # fmt: skip
        (device,) = report.devices(places, NOW)
        assert (device.name, device.state, device.verdict) == ("nano1", "sound", "gpu"), places
    (folder / "latest.json").symlink_to("nano1.json")
    assert read.find([folder]) == [nano1]
    assert read.find([folder / "latest.json", folder]) == [folder / "latest.json"]
    text, lines = report.page([folder], "Fleet")
    assert "was copied" not in text
    assert [(line.host, line.state) for line in lines] == [("nano1", "sound")]
    # A file of its own is a copy, whatever lies beside it.
    (folder / "nano2.json").write_bytes(nano1.read_bytes())
    assert {device.state for device in report.devices([folder], NOW)} == {"contradicted"}


def test_lines_of_the_same_report_are_evidence_of_no_board(tmp_path: Path) -> None:
    board = sample.board()
    paths = [sample.put(tmp_path, name, board, NOW) for name in ("one", "two")]
    paths.append(sample.put(tmp_path, "three", sample.another_run(board), NOW))
    lines = boards.copies(judgement_cache.lines(paths, NOW))
    assert [(line.state, line.verdict, line.good) for line in lines] == [
        ("contradicted", "unknown", False), ("contradicted", "unknown", False),
        ("sound", "gpu", True),
    ]  # fmt: skip
    assert "two's report" in lines[0].reasons[0]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"verdict"', '"host": "two", "host": "three", "verdict"', "'host' stands twice in it"),
        ('"level": "full"', '"level": NaN', "NaN is no number"),
        ('"uptime_s": ', '"uptime_s": 1e999, "x": ', "1e999 is no finite number"),
        ('"uptime_s": ', '"uptime_s": -1, "x": ', "it does not fit the schema"),
        ("verify/1", "verify/2", "its schema is 'mediapipe-jetson/verify/2'"),
        ("verify/1", "verify/0", "its schema is 'mediapipe-jetson/verify/0'"),
    ],
)
def test_what_can_be_read_in_two_ways_is_no_report(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    path = sample.put(tmp_path, "board", sample.board(), NOW)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    device = shown(path)
    assert (device.state, device.verdict) == ("unreadable", "unknown")
    assert why in device.why
