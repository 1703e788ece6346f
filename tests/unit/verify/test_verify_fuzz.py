"""Mutated reports, sensor files and lines: one line of error or a verdict, and no false gpu."""

from __future__ import annotations

import copy
import json
import math
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mediapipe_jetson import verify
from mediapipe_jetson.verify import cycles, hardware, many, process, report, rules, session

from tests.unit.verify import samples as sample

pytestmark = pytest.mark.slow

GARBAGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**400, -3.5, 1e308, math.nan, math.inf, -math.inf, "", "gpu",
    "NVIDIA", "\ud800", "\x1b[2J\n", [], {}, [None], [[]], [[1]], {"a": 1}, [1, "a", None],
    {"present": True}, [[0.0, "x"]], "x" * 5000,
)  # fmt: skip
# What may be lost of a good run, and why gpu stands all the same.
NOT_NEEDED = re.compile(
    "|".join(
        (
            # Told for the reader; a version and a name are told by the controls and the log too.
            r"(run|cpu)\.(log|stderr|times_s\.(import|create)|picture|soak|warmup)",
            r"(run|cpu)\.times_s\.frames(\.\d)?$",
            r"(run|cpu)\.context|cpu\.control$|cpu\.mediapipe$",
            # No error, in other words; how it ended is told by the stage.
            r"(run|cpu)\.outcome\.(error|exit_code|signal|timed_out)$",
            # The quick level has no control without the driver.
            r"withheld",
            # One of several: counts of creation, a warm-up, another library, node or sample.
            r"run\.work\.create|run\.work\.frames\.\d+(\.\w+)?$",
            r"run\.driver\.(start|before)|run\.driver\.during\.(libraries\.[0145]$|devices\.1)",
            r"run\.driver\.during\.devices\.0\.(driver|kernel|table|minor)$",
            # What is not there can't be a contradiction.
            r"run\.driver\.during\.(threads|mounts\.\d|files\.[02]|files\.1\.needed)",
            r"(run|cpu)\.hardware\.(present|hertz|clocks|power|samples\..*\.\d+\.\d$)",
            r"(run|cpu)\.result\.(count|scores\.0)$|(run|cpu)\.(began|rest_from)_s$",
            # The control needs no counter where no driver is mapped, and no samples at `quick`.
            r"cpu\.(work|bursts$|hardware$)|cpu\.driver",
        )
    )
)


def made(observed: dict[str, Any], name: str = "FaceLandmarker") -> dict[str, Any]:
    tasks = {name: session.judge_task(observed, session.tasks()[name], "full", sample.ORIN)}
    observations = {"device": sample.ORIN, "tasks": {name: observed}}
    return report.document(tasks, observations, session.Settings(level="full"), "gpu")


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the path of everything in a document; of long lists the two ends."""
    if path:
        yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from places(value, (*path, key))
    elif isinstance(node, list):
        for index in sorted({0, 1, len(node) - 1} & set(range(len(node)))):
            yield from places(node[index], (*path, index))


def put(document: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value


def read(document: Any, path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the verdict of `verify --read`, or `refused`; every face is written too."""
    path.write_text(json.dumps(document))
    outputs = [word for name in ("json", "junit", "prometheus")
               for word in (f"--{name}", str(path.with_suffix(f".{name}")))]  # fmt: skip
    try:
        code = verify.main(["--read", str(path), *outputs])
    except SystemExit as error:
        reported = capsys.readouterr()
        assert error.code == 2
        assert reported.err.startswith("error: ") and reported.err.count("\n") == 1, reported.err
        return "refused"
    reported = capsys.readouterr()
    assert "\x1b" not in reported.out
    verdict = reported.out.split()[0]
    assert verdict in rules.VERDICTS
    assert code == (0 if verdict == "gpu" else 11 if verdict == "broken" else 1)
    return verdict


@pytest.mark.parametrize("seed", range(6))
def test_no_mutation_of_a_report_is_a_traceback(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(seed)  # noqa: S311 # a fixed seed, no secret
    base = made(sample.orin() if seed % 2 else sample.mesa())
    result = set()
    for _ in range(60):
        document = copy.deepcopy(base)
        for _ in range(draw.choice((1, 1, 2, 5))):
            path = draw.choice(list(places(document)))
            put(document, path, copy.deepcopy(draw.choice(GARBAGE)))
        result.add(read(document, tmp_path / "report", capsys))
    assert len(result) > 1, result


@pytest.mark.parametrize("seed", range(4))
def test_what_is_not_gpu_does_not_become_it(seed: int) -> None:
    """Single changes, of each value by each kind of garbage, to runs that are no gpu."""
    draw = random.Random(seed)  # noqa: S311 # a fixed seed, no secret
    cpu = {**sample.orin(), "run": {**sample.cpu_run(), "delegate": "GPU"}}
    for base in (sample.mesa(), cpu, {**sample.orin(), "cpu": sample.gpu_run()}):
        every = list(places(base))
        for path in draw.sample(every, min(80, len(every))):
            document = copy.deepcopy(base)
            put(document, path, copy.deepcopy(draw.choice(GARBAGE)))
            assert verdict(document) != "gpu", path


def verdict(observed: Any) -> str:
    document = {
        "schema": report.SCHEMA, "level": "full", "time_s": time.time(),
        "boot_id": report.boot_id(),
        "observations": {"device": sample.ORIN, "tasks": {"FaceLandmarker": observed}},
    }  # fmt: skip
    try:
        return str(report.rejudge(document, 60.0)["verdict"])
    except ValueError:
        return "refused"


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda item: repr(item)[:20])
def test_gpu_needs_every_part_of_its_evidence(garbage: Any) -> None:
    base = sample.orin()
    assert verdict(base) == "gpu"
    for path in places(base):
        document = copy.deepcopy(base)
        put(document, path, copy.deepcopy(garbage))
        name = ".".join(str(key) for key in path)
        if verdict(document) == "gpu":
            assert NOT_NEEDED.match(name), (name, garbage)


def test_a_report_of_a_later_version_is_not_called_damaged() -> None:
    document = made(sample.orin())
    document["observations"]["tasks"]["EarLandmarker"] = sample.orin()
    with pytest.raises(ValueError, match="its task 'EarLandmarker' is not known here"):
        report.rejudge(document, 60.0)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"schema"', '"host": "one", "host": "two", "schema"', "'host' stands twice in it"),
        ('"level": "full"', '"level": "full", "x": NaN', "NaN is no number"),
        ('"level": "full"', '"level": "full", "x": -Infinity', "-Infinity is no number"),
        ('"level": "full"', '"level": "full", "x": 1e999', "1e999 is no finite number"),
    ],
)
def test_what_can_be_read_in_two_ways_is_no_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, why: str
) -> None:
    path = tmp_path / "report"
    text = json.dumps(made(sample.orin()))
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SystemExit):
        verify.main(["--read", str(path)])
    assert why in capsys.readouterr().err
    assert why in many.answer(path.read_bytes())["error"]


def test_a_name_that_stands_twice_is_found_at_once() -> None:
    names = ", ".join(f'"{number}": 1' for number in range(300000))
    begin = time.monotonic()
    with pytest.raises(ValueError, match="stands twice"):
        report.parse(f'{{{names}, "299999": 2}}'.encode())
    assert time.monotonic() - begin < 5


def test_a_board_without_a_name_needs_its_counter_too() -> None:
    observed = sample.changed(
        sample.orin(), run__hardware={"present": False, "samples": {}}, cpu__hardware=None
    )
    task = session.tasks()["FaceLandmarker"]
    observed["run"]["context"] = {"gl_renderer": "NVIDIA A10G/PCIe/SSE2"}
    observed["run"]["log"]["lines"] = []
    result = session.judge_task(observed, task, "full", sample.PC)
    assert (result["verdict"], result["rule"]) == ("unknown", "counter-expected")


def test_deep_and_long_documents_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report"
    for text in ("[" * 100000, '{"a":' * 100000, "1" * 5000, '"' + "x" * 10**6):
        path.write_text(text)
        with pytest.raises(SystemExit) as stopped:
            verify.main(["--read", str(path)])
        assert stopped.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def words(draw: random.Random, alphabet: str, most: int) -> str:
    return "".join(draw.choice(alphabet) for _ in range(draw.randrange(most)))


def each(parse: Callable[[str], Any], alphabet: str) -> None:
    draw = random.Random(7)  # noqa: S311 # a fixed seed, no secret
    for _ in range(400):
        parse(words(draw, alphabet, 60))


def test_sensors_read_garbage_as_nothing(tmp_path: Path) -> None:
    load = tmp_path / "load"

    def percent(text: str) -> None:
        load.write_text(text)
        value = hardware.load_percent(load)
        assert value is None or 0 <= value <= 100

    each(percent, "0123456789.-+einfa \n\0x")
    load.write_bytes(b"\xff\xfe\x80")
    assert hardware.load_percent(load) is None

    def line(text: str) -> None:
        value = hardware.tegrastats_percent(f"GR3D_FREQ {text}")
        assert value is None or value >= 0

    each(line, "0123456789%@[], ")
    (tmp_path / "proc/1").mkdir(parents=True)

    def maps(text: str) -> None:
        (tmp_path / "proc/1/maps").write_text(text)
        assert process.mapped(tmp_path, "1") is not None

    each(maps, "0af-rwxp /.so\n\t:\0é")


def test_curves_of_garbage_do_not_rise() -> None:
    draw = random.Random(11)  # noqa: S311 # a fixed seed, no secret
    for _ in range(300):
        values = [[at, draw.choice((None, math.nan, math.inf, -5.0, 1e9, draw.random() * 100))]
                  for at, _ in sample.samples()]  # fmt: skip
        run = {**sample.gpu_run(), "hardware": sample.curve(values)}
        assert cycles.of_observation(run)["hardware"] != "rises"
