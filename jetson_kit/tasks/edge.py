"""The edge between Invoke and the kit: errors become one line, extra words become arguments."""

from __future__ import annotations

import functools
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

from invoke.collection import Collection
from invoke.parser.argument import Argument
from invoke.program import Program
from invoke.tasks import Task, task

from jetson_kit import needs
from jetson_kit.errors import KitError
from jetson_kit.files import disk_guard

Body = Callable[..., Any]

# Invoke prints these itself, outside of any task body: a reader that leaves early ends us quietly.
if {"--list", "-l", "--help", "-h", "--version", "-V"} & set(sys.argv[1:]):
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


# Tasks' bodies and their full names ("fleet.rollout"), by which ci/needs.table knows them.
NAMES: dict[Body, str] = {}


def name_tasks(collection: Collection) -> None:
    """Learn the tasks' full names from the collection that holds all of them."""
    for name, others in collection.task_names.items():
        # A collection's default task goes by the collection's name.
        group = name.rpartition(".")[0]
        NAMES[collection[name].body] = group if group in others else name


def _guarded(body: Body, exit_offset: int) -> Body:
    @functools.wraps(body)
    def inner(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        try:
            if name := NAMES.get(inner):
                parts = needs.table().of_task(name, kwargs)
                needs.require(parts, f"./inv {name}", exit_offset=exit_offset)
            with disk_guard():
                return body(*args, **kwargs)
        except KitError as error:
            print(error.line(), file=sys.stderr)
            sys.exit(error.exit_code + exit_offset)
        except KeyboardInterrupt:
            print("error: stopped; run it again to go on from here", file=sys.stderr)
            sys.exit(130)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except OSError as error:
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
            sys.exit(KitError.exit_code)

    return inner


class VariadicTask(Task[Body]):
    """A task whose first argument takes every further word: Invoke itself knows no such thing.

    Invoke fixes the number of positional arguments before it parses, so this counts the words on
    the command line, declares as many, and hands them over as one list.
    """

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Return one positional argument for each word, then the flags."""
        first, *flags = super().get_arguments(ignore_unknown_help)
        count = _words(flags)
        words = [
            Argument(
                names=(f"{first.name}{number or ''}",),
                positional=number < count,
                help=first.help if not number else None,
            )
            for number in range(max(count, 1))
        ]
        return [*words, *flags]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Gather the words into one list and call the body."""
        first = next(iter(self.argspec(self.body).parameters))
        if first in kwargs:
            named = re.compile(rf"{re.escape(first)}\d*")
            found = [kwargs.pop(name) for name in list(kwargs) if named.fullmatch(name)]
            kwargs[first] = [word for word in found if word]
        return super().__call__(*args, **kwargs)


def _words(flags: list[Argument]) -> int:
    """Return how many words, flags and their values aside, follow the task's name."""
    program = Program()
    known = [*program.core_args(), *program.task_args(), *flags]
    valued = {
        f"{'-' if len(name) == 1 else '--'}{name}"
        for flag in known
        if flag.takes_value
        for name in flag.names
    }
    before = ["", *sys.argv[1:]]
    words = [
        word
        for previous, word in zip(before, sys.argv[1:], strict=False)
        if not word.startswith("-") and previous not in valued
    ]
    return max(len(words) - 1, 0)


def kit_task(
    *,
    variadic: str = "",
    exit_offset: int = 0,
    **options: Any,  # noqa: ANN401 # Invoke's own
) -> Callable[[Body], Task[Body]]:
    """Make an Invoke task whose failures print one line and end in their fixed exit code.

    What it needs of this machine is there before its body starts. `variadic` names the argument
    that takes all remaining words; `exit_offset` is added to all exit codes.
    """

    def wrap(body: Body) -> Task[Body]:
        if variadic:
            options["klass"] = VariadicTask
            options["positional"] = [variadic]
        made: Task[Body] = task(**options)(_guarded(body, exit_offset))
        return made

    return wrap
