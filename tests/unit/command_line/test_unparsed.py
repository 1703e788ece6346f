"""A command line that no task takes: what is wrong with it, and what to write."""

from __future__ import annotations

import sys

import pytest

from jetson_kit.command_line import program
from jetson_kit.core.errors import BadInputError
from tasks import ns

LINES = {
    "biuld --jetson": ("biuld is no task", "did you mean build?"),
    "build --jetsn": ("--jetsn is no option of build", "did you mean --jetson?"),
    "build --jetsn=1": ("--jetsn is no option of build", "did you mean --jetson?"),
    "build --module a --module b": ("--module is given more than once", "give it once"),
    "build --module": ("--module needs a value", "./inv --help build shows its options"),
    "build --l4t --jetson": ("--l4t needs a value", "./inv --help build shows its options"),
    "fleet.rollout x -i": ("-i needs a value", "./inv --help fleet.rollout shows its options"),
    "app.new": ("app.new needs NAME", "./inv --help app.new"),
    "app.new a b": ("app.new does not take 'b'", "./inv --help app.new shows its options"),
    "fleet": ("fleet is a group of tasks", "./inv --list fleet shows them"),
    "audit": ("audit is no task", "did you mean wheels.audit?"),
    "--lst": ("--lst is no option", "did you mean --list?"),
    "a'b": ("a'b is no task", "./inv --list shows the tasks, ./inv --help TASK its options"),
}


@pytest.mark.parametrize("line", LINES)
def test_it_is_said_in_the_words_of_the_command_line(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What takes any number of words counts them there.
    monkeypatch.setattr(sys, "argv", ["inv", *line.split()])
    front = program.Front(namespace=ns, binary="inv", version="0")
    with pytest.raises(BadInputError) as caught:
        front.run_all(sys.argv)
    assert (caught.value.message, caught.value.cure) == LINES[line]


TASKS = sorted({name for known, others in ns.task_names.items() for name in (known, *others)})


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("name", TASKS)
def test_help_behind_any_task_is_its_help(
    name: str, flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    front = program.Front(namespace=ns, binary="./inv", version="0")
    front.run_all(["inv", name, flag])
    assert f"Usage: ./inv [--core-opts] {name} " in capsys.readouterr().out


def test_words_of_all_tasks_behind_one_that_takes_words() -> None:
    assert program._early(["inv", "sites.status", "-v", "-i", "F"], ns) == [
        "inv", "-v", "sites.status", "-i", "F"]  # fmt: skip
    # Its own -v is of a volume, and what follows -- is of the container.
    own = ["inv", "emulate", "image", "-v", "/a:/b", "--", "ls", "--help", "-q"]
    assert program._early(own, ns) == own


@pytest.mark.parametrize("name", sorted(ns.task_names))
def test_the_list_shows_an_example_of_each_task(name: str) -> None:
    summary = (ns[name].__doc__ or "").strip().partition("\n")[0]
    assert "Example: ./inv " in summary
