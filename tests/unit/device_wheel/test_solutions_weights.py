"""Legacy models that are missing or damaged: the error names the file that is not the right one."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.solutions import weights
from mediapipe_jetson.solutions.errors import ModelMissingError


def files(row: weights.Weights) -> list[str]:
    """Return the names of the files that may hold a model."""
    same = row.same_weights
    return [row.filename, *([same.bundle] if same else [])]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which models are looked for."""
    monkeypatch.setenv("MEDIAPIPE_JETSON_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("name", weights.table())
def test_a_missing_model_is_named(name: str, folder: Path) -> None:
    with pytest.raises(ModelMissingError) as caught:
        weights.load(name)
    assert "is not on this machine; get it: " in str(caught.value)
    assert str(folder) not in str(caught.value)


@pytest.mark.parametrize("name", weights.table())
@pytest.mark.parametrize("content", [b"", b"PK\3\4 half a bundle", None])
def test_a_damaged_file_is_named(name: str, content: bytes | None, folder: Path) -> None:
    for file in files(weights.table()[name]):
        path = folder / file
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)
        with pytest.raises(ModelMissingError) as caught:
            weights.load(name)
        assert f"{path} is damaged or another file" in str(caught.value)
