"""docs/programs.md: the commands of the image's programs and of the board's, by their parsers."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
from collections.abc import Iterator

from mediapipe_jetson.__main__ import COMMANDS

from jetson_kit.ansible_driver import board_program

HEAD = """\
# Programs in the image and on boards

Generated from the programs' own command lines:
`.venv/bin/python -m jetson_kit.guides.check --write` renews this page.
`./inv` has a page of its own: [reference.md](reference.md). Exit codes:
[exit-codes.md](exit-codes.md); environment variables:
[reference.md](reference.md#environment-variables-in-the-image-and-on-boards).
"""
IMAGE = """\
## In the image: `python3 -m mediapipe_jetson COMMAND`

`docker run IMAGE COMMAND` starts the same; where the wheel is installed, so does
`mediapipe-jetson COMMAND`.
"""
BOARD = """\
## On the board: `mediapipe-image COMMAND`

The role `image` brings it ([fleet.md](fleet.md)). All but `version` need root.
Each command has `--json`.
"""


class _HelpError(Exception):
    """Brings the parser whose help was requested."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def page() -> str:
    """Return the page."""
    parts = [HEAD, IMAGE]
    for name in COMMANDS:
        parts += _parts(name, _parser_of(name))
    parts.append(BOARD)
    for name, (about, _, options) in board_program.module("cli").COMMANDS.items():
        parser = argparse.ArgumentParser(description=f"{about[0].upper()}{about[1:]}.")
        for flags, how in options:
            parser.add_argument(*flags, **how)
        parts += _parts(name, parser)
    return "\n".join(parts)


def _parser_of(command: str) -> argparse.ArgumentParser:
    """Return the parser that a command of the image makes when its help is requested."""

    def raised(self: argparse.ArgumentParser, *_: object) -> None:
        raise _HelpError(self)

    main = importlib.import_module(f"mediapipe_jetson.{command}").main
    printed = argparse.ArgumentParser.print_help
    argparse.ArgumentParser.print_help = raised  # type: ignore[method-assign,assignment]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            main(["--help"])
    except _HelpError as error:
        return error.parser
    finally:
        argparse.ArgumentParser.print_help = printed  # type: ignore[method-assign]
    # It has no options.
    return argparse.ArgumentParser(description=main.__doc__)


def _parts(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the section of a command, and those of its own commands."""
    about = parser.description or ""
    rows = []
    own: dict[str, argparse.ArgumentParser] = {}
    # As sphinx-argparse does it: argparse has no public list of what was added.
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            own = dict(action.choices)
        elif not isinstance(action, argparse._HelpAction):
            rows.append(f"| `{_flags(action)}` | {_meaning(action)} |")
    table = ["| option | meaning |", "|---|---|", *rows, ""] if rows else []
    yield "\n".join([f"### `{name}`", "", about, "", *table])
    for child, its in own.items():
        yield from _parts(f"{name} {child}", its)


def _flags(action: argparse.Action) -> str:
    value = action.metavar or "\\|".join(map(str, action.choices or ())) or action.dest.upper()
    if action.nargs == 0:
        return ", ".join(action.option_strings)
    if not action.option_strings:
        return f"{value}..." if action.nargs in ("*", "+") else str(value)
    return ", ".join(f"{flag} {value}" for flag in action.option_strings)


def _meaning(action: argparse.Action) -> str:
    text = (action.help or "").replace("%%", "%").replace("|", "\\|")
    default = action.default
    if isinstance(default, float) and default.is_integer():
        default = int(default)
    if isinstance(default, bool) or not default or "default" in text:
        return text
    return f"{text} (default: {default})".strip()
