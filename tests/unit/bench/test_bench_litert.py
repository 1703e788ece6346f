"""What `bench.litert` takes from a board."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import litert_gpu
from jetson_kit.core.errors import BadInputError


@pytest.mark.parametrize("text", ["", "[", "[]", "null", "1", '"x"', "{}", "[" * 100_000])
def test_what_is_no_result_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(litert_gpu, "OUT", tmp_path / "out.json")
    (tmp_path / "taken.json").write_text(text)
    with pytest.raises(BadInputError, match="is no result of bench"):
        litert_gpu.run(take=tmp_path / "taken.json")
    assert not (tmp_path / "out.json").exists()
