"""`auto`: which backend wins, why, and how the choice is stored."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mediapipe_jetson import models
from mediapipe_jetson.choice import auto, choice_store, trials
from mediapipe_jetson.choice.trials import Trial
from mediapipe_jetson.engines import places
from mediapipe_jetson.observe import packages
from mediapipe_jetson.pipeline import landmarkers

SIZE = (1280, 720)


def trial(backend: str, threads: int, median_ms: float, *, ok: bool = True) -> Trial:
    why = "" if ok else "of this test"
    return Trial(backend, threads, SIZE, ok, why, 100.0, median_ms, median_ms * 2, median_ms, 60)


def test_the_fastest_right_one_wins() -> None:
    result = [
        trial("onnx", 1, 5.0, ok=False),
        trial("litert", 1, 8.0),
        trial("mediapipe-cpu", 0, 9),
    ]
    winner = auto.best(result)
    assert winner is not None
    assert winner.backend == "litert"
    assert auto.best(result[:1]) is None
    assert auto.best([]) is None


def test_more_threads_must_be_worth_it() -> None:
    single, two = trial("litert", 1, 5.4), trial("litert", 2, 5.0)
    assert auto.best([two, single]) == single
    assert auto.best([two, replace(single, median_ms=5.6)]) == two


SQUARE = [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.5], [0.0, 0.5]]]


def moved(far: float) -> trials.Points:
    return [[[x + far, y] for x, y in SQUARE[0]]]


def test_distances_are_parts_of_the_objects_size() -> None:
    assert trials.distance(SQUARE, SQUARE) == 0.0
    assert trials.distance(moved(0.05), SQUARE) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "wrong",
    [[], SQUARE * 2, [SQUARE[0][:3]], [[[float("nan"), 0.0], *SQUARE[0][1:]]]],
)
def test_other_things_have_no_distance(wrong: trials.Points) -> None:
    assert trials.distance(wrong, SQUARE) is None
    result = trials.compared(trial("litert", 1, 5.0), wrong, SQUARE, 0.02)
    assert not result.ok
    assert "mediapipe-cpu" in result.why


def test_landmarks_too_far_away_are_not_right() -> None:
    reference = trial("litert", 1, 5.0)
    right = trials.compared(reference, moved(0.009), SQUARE, 0.02)
    assert right.ok
    assert right.worst == pytest.approx(0.018)
    wrong = trials.compared(reference, moved(0.011), SQUARE, 0.02)
    assert (wrong.ok, wrong.why) == (
        False,
        "a landmark is 2.20% of the size off mediapipe-cpu's, allowed 2%",
    )


def test_without_a_reference_nothing_is_right() -> None:
    assert not trials.compared(trial("litert", 1, 5.0), SQUARE, [], 0.02).ok


def test_long_messages_keep_both_ends() -> None:
    text = trials.shortened("first " + "node " * 500 + "the cause")
    assert len(text) < 260
    assert text.startswith("first ")
    assert text.endswith("the cause")


def test_a_backend_without_its_library_is_told_so() -> None:
    result, points = trials.run(trials.TrialRequest("face", "/no/model", "tensorrt"))
    assert (result.ok, points) == (False, [])
    assert result.why


def test_a_child_that_cannot_work_gives_its_reason() -> None:
    result, points = trials.run(trials.TrialRequest("face", "/no/model", "mediapipe-cpu"))
    assert (result.ok, points) == (False, [])
    # This environment has neither OpenCV nor MediaPipe.
    assert "ModuleNotFoundError" in result.why


Measured = Callable[[], int]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(choice_store.FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(places.VARIABLE, str(tmp_path))
    path = tmp_path / "face_landmarker.task"
    path.write_bytes(b"a model")
    return path


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Return how often was measured: what is tested here is what happens around that."""
    count = 0

    def measure(*_words: Any) -> tuple[Trial, ...]:
        nonlocal count
        count += 1
        return trial("mediapipe-cpu", 0, 9.0), trial("litert", 1, 5.0)

    monkeypatch.setattr(auto, "measure", measure)
    return lambda: count


def test_a_choice_is_measured_once_and_can_be_asked_why(model: Path, measured: Measured) -> None:
    first = auto.choose("face", model)
    second_choice = auto.choose("face", model)
    assert measured() == 1
    assert (first.fresh, second_choice.fresh) == (True, False)
    assert (second_choice.backend, second_choice.threads, second_choice.trials) == (
        "litert",
        1,
        first.trials,
    )
    assert "measured now" in first.explain()[0]
    message = "\n".join(second_choice.explain())
    assert "kept since" in message
    assert "* litert        1 thread       5.00 ms" in message
    assert auto.choose("face", model, remeasure=True).fresh


def test_another_model_task_size_engine_or_library_is_measured_anew(
    model: Path, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    auto.choose("face", model)
    auto.choose("face", model, (1200, 800))
    assert measured() == 1, "sizes near each other count as one"
    auto.choose("face", model, (640, 480))
    auto.choose("hand", model)
    model.with_name("x.engine").write_bytes(b"")
    auto.choose("face", model)
    monkeypatch.setattr(packages, "version", lambda name: f"{name} 2")
    auto.choose("face", model)
    model.write_bytes(b"another model")
    auto.choose("face", model)
    assert measured() == 6


def test_what_was_chosen_can_be_asked_for_without_measuring(
    model: Path, measured: Measured
) -> None:
    digest = models.sha256(model)
    assert auto.remembered("face", digest) is None
    auto.choose("face", model, (640, 480))
    choice = auto.remembered("face", digest)
    assert choice is not None
    assert (choice.backend, choice.fresh) == ("litert", False)
    assert auto.remembered("hand", digest) is None
    assert measured() == 1


def damaged(path: Path) -> list[bytes]:
    good = path.read_bytes()
    document = json.loads(good)
    slow = json.loads(good)
    slow["trials"][0]["median_ms"] = 1.0
    wrong = json.loads(good)
    wrong["trials"][1]["ok"] = False
    return [
        b"",
        good[: len(good) // 2],
        b"\xff\xfe",
        b"[]",
        b"[" * 100000,
        json.dumps({**document, "schema": "other/1"}).encode(),
        json.dumps({**document, "backend": "tensorrt"}).encode(),
        json.dumps({**document, "trials": "none"}).encode(),
        json.dumps({**document, "trials": [{"size": [1, 1]}]}).encode(),
        json.dumps({**document, "facts": {}}).encode(),
        json.dumps(slow).encode(),
        json.dumps(wrong).encode(),
    ]


def test_a_damaged_choice_is_measured_anew(model: Path, measured: Measured) -> None:
    auto.choose("face", model)
    (path,) = choice_store.folder().glob("choice-*.json")
    for turn, content in enumerate(damaged(path), start=2):
        path.write_bytes(content)
        assert auto.choose("face", model).fresh, content[:80]
        assert measured() == turn
    assert not auto.choose("face", model).fresh


def test_where_nothing_can_be_kept_it_still_works(
    model: Path, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(choice_store.FOLDER_VARIABLE, "/proc/no/such/folder")
    choice = auto.choose("face", model)
    assert (choice.backend, bool(choice.not_kept)) == ("litert", True)
    assert "not kept" in choice.explain()[0]
    assert measured() == 1


def test_many_at_once_leave_whole_files(model: Path, measured: Measured) -> None:
    threads = [threading.Thread(target=auto.choose, args=("face", model)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert measured() >= 1
    (path,) = choice_store.folder().iterdir()
    assert json.loads(path.read_bytes())["backend"] == "litert"


def test_no_right_backend_is_an_error_with_all_reasons(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "measure", lambda *_: (trial("litert", 1, 5.0, ok=False),))
    with pytest.raises(auto.NoChoiceError, match="litert: of this test"):
        auto.choose("face", model)
    assert not choice_store.folder().exists()


def test_a_model_that_is_not_there_is_an_error(model: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        auto.choose("face", model.with_name("none.task"))


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(choice_store.FOLDER_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert choice_store.folder() == Path("/somewhere/mediapipe-jetson")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/user")
    assert choice_store.folder() == Path("/home/user/.cache/mediapipe-jetson")


def test_candidates_fit_the_cores() -> None:
    candidates = auto.candidates()
    cores = len(os.sched_getaffinity(0))
    assert candidates[0] == ("mediapipe-cpu", 0)
    assert {name for name, _ in candidates} == set(landmarkers.every_backend())
    assert all(threads <= cores for _, threads in candidates)
