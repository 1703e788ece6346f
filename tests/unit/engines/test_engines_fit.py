"""Which engine fits: by model, GPU, TensorRT and precision; what does not is refused with why."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.engines import fit, manifest, places
from mediapipe_jetson.engines.errors import NoEngineError
from mediapipe_jetson.engines.identity import Identity, LocalRuntime, later_runs, refusal, short

from tests.unit.engines.engine_files import SOURCE, engine, folder_of

HERE = LocalRuntime("8.7", "10.3.0", lean=False)


def why(folder: Path, here: LocalRuntime = HERE, source: str = SOURCE) -> str:
    with pytest.raises(NoEngineError) as caught:
        fit.find("face_detector", source, here, [folder])
    return "; ".join(caught.value.reasons)


def test_the_file_name_tells_all() -> None:
    plain = Identity("face_detector", "b4578f35940b" + 52 * "0", "11.0", "10.13.3.9", "fp16")
    assert plain.file == "face_detector-b4578f35940b-sm110-trt10.13.3-fp16.engine"
    lean = Identity("face_detector", "b4578f35940b" + 52 * "0", "8.7", "10.3.0.30", "fp32", True)
    assert lean.file == "face_detector-b4578f35940b-sm87-trt10.3.0-fp32-vc.engine"
    assert short("8.6") == "8.6.0"


@pytest.mark.parametrize(
    ("built", "running", "runs"),
    [
        ("10.3.0", "10.3.0", True),
        ("10.3.0.30", "10.15.1.29", True),
        ("10.16.2.10", "11.0.0.114", True),
        ("10.16.2.10", "10.16.1.11", False),
        ("10.16.2.10", "10.16.2", True),
        ("11.0.0", "10.16.1", False),
        ("8.6.2", "10.3.0", True),
        ("8.6.2", "11.0.0", False),
        ("8.5.2", "8.6.2", False),
        ("", "10.3.0", False),
    ],
)
def test_what_a_later_version_runs(built: str, running: str, runs: bool) -> None:
    assert later_runs(built, running) is runs


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        (LocalRuntime("11.0", "10.3.0", lean=False), "SM 8.7, this one has SM 11.0"),
        (LocalRuntime("8.7", "10.3.1", lean=False), "for TensorRT 10.3.0.30 alone, here is 10.3.1"),
        (LocalRuntime("8.7", "10.3.0.26", lean=False), "for TensorRT 10.3.0.30 alone"),
        (LocalRuntime("8.7", "10.3", lean=False), "for TensorRT 10.3.0.30 alone"),
        (LocalRuntime("8.7", "10.3.0", lean=True), "not version-compatible"),
    ],
)
def test_each_mismatch_has_its_own_words(tmp_path: Path, here: LocalRuntime, expected: str) -> None:
    folder_of(tmp_path, engine(tmp_path))
    assert expected in why(tmp_path, here)


def test_a_version_compatible_engine(tmp_path: Path) -> None:
    folder_of(tmp_path, engine(tmp_path, lean=True))
    for here in (
        LocalRuntime("8.7", "10.15.1.29", lean=True),
        LocalRuntime("8.7", "11.0.0", lean=False),
    ):
        assert fit.find("face_detector", SOURCE, here, [tmp_path]).identity.version_compatible
    assert "can't run" in why(tmp_path, LocalRuntime("8.7", "10.2.0", lean=True))


def test_the_model_is_told_by_its_hash_not_by_its_name(tmp_path: Path) -> None:
    folder_of(tmp_path, engine(tmp_path))
    assert "another model of this name" in why(tmp_path, source="f" * 64)
    assert fit.find("some other name", SOURCE, HERE, [tmp_path]).identity.source_sha256 == SOURCE


def test_an_engine_of_the_same_weights_serves_too(tmp_path: Path) -> None:
    """A legacy file and a bundle's part differ in their bytes alone."""
    folder_of(tmp_path, engine(tmp_path))
    result = fit.find("x", "f" * 64, HERE, [tmp_path], twins=(SOURCE,))
    assert result.identity.source_sha256 == SOURCE
    with pytest.raises(NoEngineError, match="none is there"):
        fit.find("x", "f" * 64, HERE, [tmp_path], twins=("e" * 64,))


@pytest.mark.parametrize(
    ("changed", "expected"), [({"emulated": True}, "stand-in"), ({"ok": False}, "wrong")]
)
def test_what_is_no_good_engine_is_refused(
    tmp_path: Path, changed: dict[str, bool], expected: str
) -> None:
    folder_of(tmp_path, engine(tmp_path, b"an engine", **changed))
    assert expected in why(tmp_path)


def test_the_faster_precision_and_the_first_folder_win(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    folder_of(first, engine(first, precision="fp32"))
    folder_of(second, engine(second), engine(second, precision="fp32"))
    result = fit.find("face_detector", SOURCE, HERE, [first, second])
    assert (result.folder, result.identity.precision) == (second, "fp16")
    result = fit.find("face_detector", SOURCE, HERE, [first, second], ("fp32",))
    assert result.folder == first


def test_a_damaged_folder_keeps_no_other_from_being_used(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad", tmp_path / "good"
    bad.mkdir()
    (bad / manifest.FILE).write_text("{")
    folder_of(good, engine(good))
    assert fit.find("x", SOURCE, HERE, [bad, good]).folder == good
    assert "no manifest" in why(bad)
    assert why(tmp_path / "nothing") == "none is there"


def test_folders_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {places.VARIABLE: "/a:/b:", places.CACHE_VARIABLE: "/c"}
    assert [str(folder) for folder in places.folders(named)] == ["/a", "/b", "/c", places.IMAGE]
    assert [str(folder) for folder in places.folders({})] == [places.CACHE, places.IMAGE]


def test_the_fingerprint_changes_with_the_engines(tmp_path: Path) -> None:
    before = fit.fingerprint([tmp_path])
    folder_of(tmp_path, engine(tmp_path))
    assert fit.fingerprint([tmp_path]) != before


def test_refusal_is_none_where_it_runs() -> None:
    assert refusal(Identity("a", SOURCE, "8.7", "10.3.0.30", "fp16"), HERE) is None
