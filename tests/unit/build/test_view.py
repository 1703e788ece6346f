"""What `build` prints is what it was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.app import settings
from jetson_kit.build import plan as planning
from jetson_kit.build import view


@pytest.mark.parametrize("word", ["[ -f x ]", "[bold]", "[/x]", ":smile:"])
def test_a_command_with_brackets_is_printed_as_it_is(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "jetson.toml").write_text(f'name = "it"\ncommand = ["sh", "-c", "{word}"]\n')
    view.show_plan(planning.make(planning.Request(jetson=True, app=settings.load(tmp_path))))
    assert f"it: sh -c {word}" in capsys.readouterr().out
