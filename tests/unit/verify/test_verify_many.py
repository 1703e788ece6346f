"""Many reports judged again in one process; what a report holds so that it can be drawn."""

from __future__ import annotations

import hashlib
import io
import json
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mediapipe_jetson.landmarks import DATA
from mediapipe_jetson.verify import hardware, many, report, runner, session

from tests.unit.device_wheel_trees import schema
from tests.unit.report import samples as report_samples
from tests.unit.verify import samples as sample


def answers(*paths: Path) -> list[dict[str, Any]]:
    out = io.StringIO()
    many.main([json.dumps(str(path)) + "\n" for path in paths], out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_each_line_has_its_answer(tmp_path: Path) -> None:
    good, lies = tmp_path / "good.json", tmp_path / "lies\n.json"
    good.write_text(report.as_json(sample.report_on(FaceLandmarker=sample.orin())))
    claimed = sample.report_on(FaceLandmarker=sample.mesa())
    claimed["verdict"] = claimed["tasks"]["FaceLandmarker"]["verdict"] = "gpu"
    lies.write_text(report.as_json(claimed))
    broken = tmp_path / "broken.json"
    broken.write_text('{"schema": "mediapipe-jetson/verify/1", "level": 3, "observations": {}}')
    result = answers(good, lies, broken, tmp_path / "none.json", tmp_path)
    assert [item.get("verdict") for item in result] == ["gpu", "software", None, None, None]
    assert result[0]["sha256"] == hashlib.sha256(good.read_bytes()).hexdigest()
    task = result[1]["tasks"]["FaceLandmarker"]
    assert (task["verdict"], task["rule"]) == ("software", "run-not-gpu")
    assert all(item["error"] for item in result[2:])


def test_real_reports_show_what_they_say() -> None:
    for name in report_samples.REAL:
        content = json.dumps(report_samples.real(name)).encode()
        jsonschema.validate(json.loads(content), schema("verify"))
        result, message = many.answer(content), json.loads(content)
        assert result["verdict"] == message["verdict"]
        for task, recorded in message["tasks"].items():
            recorded.pop("facts")
            # Its maker looked at less: what it lacks is missing too.
            for item, old in (
                (result["tasks"][task], recorded),
                *controls(result["tasks"][task], recorded),
            ):
                assert set(old["missing"]) <= set(item["missing"])
                old["missing"] = item["missing"]
                # Advice may be worded anew; verdict, rule and reason may not change.
                old["remedy"] = item["remedy"]
            assert result["tasks"][task] == near(recorded), (name, task)


def controls(new: Any, old: Any) -> list[tuple[Any, Any]]:
    return [(new["controls"][name], was) for name, was in old["controls"].items() if was]


def near(value: Any) -> Any:
    """Return what equals `value`, floats within rounding: an older Python summed them up."""
    if isinstance(value, dict):
        return {key: near(item) for key, item in value.items()}
    if isinstance(value, list):
        return [near(item) for item in value]
    return pytest.approx(value, rel=1e-12, abs=0) if isinstance(value, float) else value


def test_a_report_that_takes_too_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "good.json"
    path.write_text(report.as_json(sample.report_on(FaceLandmarker=sample.orin())))

    def endless(*_: Any) -> None:
        time.sleep(30)

    monkeypatch.setattr(many, "SECONDS", 0.2)
    with monkeypatch.context() as patched:
        patched.setattr(session, "judge_task", endless)
        assert "TimeoutError" in answers(path)[0]["error"]
    assert answers(path)[0]["verdict"] == "gpu"


def test_an_observation_names_its_photograph(tmp_path: Path) -> None:
    picture = DATA / "hand.jpg"
    task = {"name": "HandLandmarker"}
    request = runner.ChildRequest(task, tmp_path / "no-model", picture, ("CPU",), timeout_s=60)
    (result,) = runner.run(request)
    digest = hashlib.sha256(picture.read_bytes()).hexdigest()
    assert result["picture"] == {"name": "hand.jpg", "sha256": digest}
    assert runner.photograph(tmp_path / "none.jpg") is None


def test_sample_times_are_short(tmp_path: Path) -> None:
    load = tmp_path / "sys/devices/gpu.0/load"
    load.parent.mkdir(parents=True)
    load.write_text("305")
    sampler = hardware.Sampler(tmp_path, hertz=100)
    begin = time.monotonic()
    sampler.start()
    time.sleep(0.2)
    (values,) = sampler.stop()["samples"].values()
    assert len(values) > 5
    assert all(len(repr(at).partition(".")[2]) <= 4 and value == 30.5 for at, value in values)
    assert begin - 0.001 <= values[0][0] <= values[-1][0] <= time.monotonic() + 0.001


def test_a_full_report_is_small() -> None:
    whole = report.as_json(report_samples.real("software"))
    assert len(whole) < 1_000_000
    # With counters, which this recording lacks: 12 s at 25 Hz for the run and the control.
    curve = [[11610.7992 + at / 25, 99.9] for at in range(300)]
    assert len(whole) + 12 * len(json.dumps(curve, indent=1)) < 1_000_000
