"""What Invoke's parser refuses, in the words of the command line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from invoke.exceptions import ParseError
from invoke.parser.context import ParserContext

from jetson_kit.core.errors import BadInputError

LISTS = "./inv --list shows the tasks, ./inv --help TASK its options"
UNKNOWN = re.compile(r"No idea what (['\"])(?P<word>.*)\1 is!", re.DOTALL)
NO_VALUE = re.compile(r"Flag <\w+: (?P<name>[\w-]+)")
MISSING = re.compile(r"'(?P<task>.*)' did not receive required positional arguments: (?P<names>.*)")


def refusal(error: ParseError, argv: Sequence[str], tasks: Iterable[str]) -> BadInputError:
    """Return the error of a command line; `tasks` are the names that there are.

    Invoke's messages hold its own objects, and name no option or task that is near.
    """
    text, context = str(error), error.context
    if match := UNKNOWN.match(text):
        return _unknown(match["word"], context, argv, tasks)
    if match := NO_VALUE.match(text):
        name = match["name"].rstrip("_-")
        dashes = "-" if len(name) == 1 else "--"
        return BadInputError(f"{dashes}{name} needs a value", _help(context))
    if match := MISSING.match(text):
        listed = match["names"].replace("'", "").split(", ")
        names = ", ".join(f"-{name}" if len(name) == 1 else name.upper() for name in listed)
        return BadInputError(f"{match['task']} needs {names}", f"./inv --help {match['task']}")
    return BadInputError(text, LISTS)


def _unknown(
    word: str, context: ParserContext | None, argv: Sequence[str], tasks: Iterable[str]
) -> BadInputError:
    flags = [*context.flags, *context.inverse_flags] if context else []
    name = (context and context.name) or ""
    at = list(argv).index(word) if word in argv else 0
    if word.startswith("-"):
        what = f"{word} is no option of {name}" if name else f"{word} is no option"
        return BadInputError(what, _near(word.partition("=")[0], flags) or _help(context))
    if at and argv[at - 1] in flags and argv[at - 1] in argv[: at - 1]:
        return BadInputError(f"{argv[at - 1]} is given more than once", "give it once")
    names = list(tasks)
    if any(item.startswith(f"{word}.") for item in names):
        return BadInputError(f"{word} is a group of tasks", f"./inv --list {word} shows them")
    inside = [item for item in names if item.endswith(f".{word}")]
    if near := f"did you mean {inside[0]}?" if inside else _near(word, names):
        return BadInputError(f"{word} is no task", near)
    if name:
        return BadInputError(f"{name} does not take {word!r}", _help(context))
    return BadInputError(f"{word} is no task", LISTS)


def _near(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1, 0.7)
    return f"did you mean {near[0]}?" if near else ""


def _help(context: ParserContext | None) -> str:
    return f"./inv --help {context.name} shows its options" if context and context.name else LISTS
