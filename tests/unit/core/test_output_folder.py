"""A folder that runs replace: each run's is whole, also where two write it at once."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jetson_kit.core import output_folder
from jetson_kit.core.errors import BadInputError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))


def test_two_runs_replace_one_folder(tmp_path: Path) -> None:
    place = tmp_path / "place"

    def write(number: int) -> None:
        with output_folder.replaced(place) as aside:
            for name in ("a", "b"):
                (aside / name).write_text(str(number))
                time.sleep(0.05)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert sorted(path.name for path in place.iterdir()) == ["a", "b"]
    assert (place / "a").read_text() == (place / "b").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "place"]


def test_what_fails_leaves_the_old_folder(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with output_folder.replaced(place) as aside:
        (aside / "old").touch()
    with pytest.raises(RuntimeError), output_folder.replaced(place) as aside:
        (aside / "new").touch()
        raise RuntimeError
    assert [path.name for path in place.iterdir()] == ["old"]
    with output_folder.replaced(place) as aside:
        (aside / "new").touch()
    assert [path.name for path in place.iterdir()] == ["new"]


def test_a_place_that_cannot_be_written_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output_folder.check(tmp_path / "dist" / "r36")
    monkeypatch.setattr(os, "access", lambda place, _mode: place != tmp_path)  # root may write any
    with pytest.raises(BadInputError, match=f"can't write into {tmp_path}"):
        output_folder.check(tmp_path / "dist" / "r36")
    (tmp_path / "dist").mkdir()
    output_folder.check(tmp_path / "dist" / "r36")
