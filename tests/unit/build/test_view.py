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


@pytest.mark.parametrize(
    ("request_", "command"),
    [
        (
            planning.Request(jetson=True),
            "docker save {} | gzip | ssh user@board 'gunzip | docker load'",
        ),
        (planning.Request(), "./inv verify --image {}"),
        (planning.Request(variant="emulated"), "./inv verify --image {} --expect software"),
    ],
)
def test_a_build_ends_with_the_next_command(request_: planning.Request, command: str) -> None:
    plan = planning.make(request_)
    facts = {"plan": plan.as_json(), "image": {"tag": plan.tag}}
    assert view.next_command(facts) == command.format(plan.tag)
