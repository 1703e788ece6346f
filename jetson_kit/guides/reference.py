"""docs/reference.md: every task with its options, and every environment variable."""

from __future__ import annotations

import re
from typing import Any

from invoke.collection import Collection
from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext
from invoke.tasks import Task

from jetson_kit.core.errors import IntegrityError
from jetson_kit.guides import environment

HEAD = """\
# Commands and environment variables

Generated from the commands' own help and from
[environment.toml](../jetson_kit/guides/environment.toml):
`.venv/bin/python -m jetson_kit.guides.check --write` renews this page.

`./inv --list` lists the commands, `./inv --help COMMAND` shows one. Several commands may stand on
one line, each with its options behind it. The programs in the image and on boards:
[programs.md](programs.md). Exit codes: [exit-codes.md](exit-codes.md).

`./inv -q COMMAND` prints only results, warnings and errors; `./inv -v COMMAND` also each program
that is started, with the time of day and what it took. `--quiet` and `--verbose` may stand anywhere
before a `--`. `-q` and `-v` behind a command follow its own words; where the command has such an
option of its own (`emulate -v`), they are that.

Shells complete tasks and options: bash after `source <(./inv --print-completion-script bash)`, zsh
the same with `zsh`, fish after `./inv --print-completion-script fish | source`.
"""
FOOT = """\
apt, pip, uv and Ansible read their own variables besides:
[building.md](building.md#slow-networks-and-mirrors) has those that name mirrors. Variables of uv
that choose what is installed are not passed on to it.
"""
GROUPS = {
    "": "Building, testing, looking",
    "app": "Your application",
    "bench": "Benchmarks",
    "data": "Versions",
    "devices": "Virtual Jetsons",
    "docs": "Documentation",
    "engines": "Engines",
    "fleet": "Fleets",
    "models": "Models",
    "release": "Releasing the kit itself",
    "report": "Reports",
    "sites": "Many sites",
    "test": "Tests",
    "verify": "Verifying",
    "wheels": "Wheels",
}
EXAMPLE = re.compile(r"Example: (.+?)\.(?= [A-Z]|$)")
START, END = "<!-- variables -->\n", "<!-- /variables -->"
VARIABLES = {
    "host": "Environment variables of `./inv`",
    "device": "Environment variables in the image and on boards",
}


def page(tasks: Collection) -> str:
    """Return the page of a collection of tasks."""
    parts = [HEAD]
    group = None
    for name in sorted(tasks.task_names, key=lambda item: (_group(item), item)):
        if _group(name) != group:
            group = _group(name)
            parts.append(f"## {GROUPS.get(group, group)}\n")
        parts.append(_task(name, tasks))
    parts += [f"## {title}\n\n{variables(side)}" for side, title in VARIABLES.items()]
    return "\n".join([*parts, FOOT])


def variables(side: str) -> str:
    """Return the table of the variables that one side reads."""
    rows = [
        f"| `{variable.name}` | {variable.meaning} | {variable.default} |"
        for variable in environment.variables()
        if variable.side == side
    ]
    return "\n".join(["| name | meaning | default |", "|---|---|---|", *rows, ""])


def with_variables(text: str) -> str:
    """Return the device wheel's README with its table of variables, without links to docs/.

    Raises IntegrityError for a missing mark.
    """
    head, mark, rest = text.partition(START)
    _, closed, tail = rest.partition(END)
    if not mark or not closed:
        raise IntegrityError(f"README.md lacks {START.strip()} ... {END}", "put them back")
    table = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"the kit's docs/\1", variables("device"))
    return f"{head}{START}{table}{END}{tail}"


def _group(name: str) -> str:
    return name.rpartition(".")[0]


def _task(name: str, tasks: Collection) -> str:
    task = tasks[name]
    group = _group(name)
    # A collection's default task goes by the collection's name.
    title = group if group in tasks.task_names[name] else name
    text = " ".join((task.__doc__ or "").split())
    about = " ".join(EXAMPLE.sub("", text).split())
    lines = [f"### `./inv {title}`", "", about, ""]
    if examples := EXAMPLE.findall(text):
        lines += ["```sh", *examples, "```", ""]
    if rows := _options(task):
        lines += ["| option | meaning |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def _options(task: Task[Any]) -> list[str]:
    """Return a row for each argument of a task, positional ones first."""
    variadic = getattr(task, "variadic", "")
    arguments = [
        argument
        for argument in task.get_arguments()
        # One that takes all further words is declared as often as the command line has words.
        if not (variadic and re.fullmatch(rf"{re.escape(variadic)}\d+", str(argument.name)))
    ]
    positionals = [
        argument
        for argument in arguments
        if argument.name == variadic
        or (argument.positional and len(str(argument.name)) > 1 and argument.kind is not list)
    ]
    rows = [
        f"| `{str(argument.name).upper()}{'...' if argument.name == variadic else ''}` "
        f"| {_cell(argument.help)} |"
        for argument in positionals
    ]
    for argument in arguments:
        argument.help = _with_default(argument)
    options = ParserContext(
        args=[argument for argument in arguments if argument not in positionals]
    )
    return [*rows, *(f"| `{flags}` | {_cell(text)} |" for flags, text in options.help_tuples())]


def _with_default(argument: Argument) -> str:
    """Return an option's help; its default is added where there is one and no word of it."""
    text, value = argument.help or "", argument.default
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or not value:
        return text
    return text if "default" in text else f"{text} (default: {value})"


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")
