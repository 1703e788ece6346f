"""Invoke's tasks and arguments, with a reader for every option that has a value."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from invoke.parser.argument import Argument
from invoke.program import Program
from invoke.tasks import Task

from jetson_kit.command_line.options import Reader, RefusedError
from jetson_kit.core import text
from jetson_kit.core.errors import BadInputError

Body = Callable[..., Any]


class TypedArgument(Argument):
    """An argument whose words go through a reader; what it refuses is a BadInputError."""

    reader: Reader

    def set_value(self, value: Any, cast: bool = True) -> None:  # noqa: ANN401
        """Take a word from the command line; without `cast` the value is a flag's without one."""
        if not cast:
            super().set_value(value, cast=False)
            return
        self.raw_value = value
        try:
            read = self.reader(value)
        except RefusedError as error:
            raise BadInputError(
                f"{self._flag} {text.shown(value)} {error.problem}", error.hint
            ) from error
        self._value = [*self.value, read] if self.kind is list else read

    @property
    def _flag(self) -> str:
        name = re.sub(r"\d*$", "", self.names[0]) if self.positional else self.names[0]
        if self.positional and len(name) > 1:
            return name.upper()
        return f"{'-' if len(name) == 1 else '--'}{name.replace('_', '-')}"


class KitTask(Task[Body]):
    """A task whose options are read by `readers`, by the names of the body's parameters.

    `variadic` names the parameter that takes all further words: Invoke itself knows no such thing.
    Invoke fixes the number of positional arguments before it parses, so this counts the words on
    the command line, declares as many, and hands them over as one list.
    """

    readers: Mapping[str, Reader]
    variadic: str = ""

    def with_readers(self, readers: Mapping[str, Reader], variadic: str) -> KitTask:
        """Set both; raise TypeError unless the readers are those of the options with a value."""
        self.readers, self.variadic = readers, variadic
        valued = {
            name
            for name, parameter in self.argspec(self.body).parameters.items()
            if not isinstance(parameter.default, bool)
        }
        if valued != set(readers):
            wrong = ", ".join(sorted(valued ^ set(readers)))
            raise TypeError(f"{self.body.__name__}: a reader for each option with a value: {wrong}")
        return self

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Return the arguments, each with its reader and its help, however often."""
        texts = dict(self.help)
        plain = super().get_arguments(ignore_unknown_help)
        self.help = texts  # Invoke takes the texts out of it
        arguments = [self._typed(argument) for argument in plain]
        if not self.variadic:
            return arguments
        first, *flags = arguments
        count = _count_positionals(flags)
        positionals = [self._word(first, number, positional=number < count)
                 for number in range(max(count, 1))]  # fmt: skip
        return [*positionals, *flags]

    def _typed(self, plain: Argument) -> Argument:
        parameter = str(plain.name).replace("-", "_")
        if parameter not in self.readers:
            return plain
        typed_argument = TypedArgument(
            names=plain.names,
            kind=plain.kind,
            default=plain.default,
            help=plain.help,
            positional=plain.positional,
            optional=plain.optional,
            attr_name=plain.attr_name,
        )
        typed_argument.reader = self.readers[parameter]
        return typed_argument

    def _word(self, first: Argument, number: int, *, positional: bool) -> TypedArgument:
        typed_argument = TypedArgument(
            names=(f"{first.name}{number or ''}",),
            positional=positional,
            help=first.help if not number else None,
        )
        typed_argument.reader = self.readers[self.variadic]
        return typed_argument

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Gather the words into one list and call the body."""
        if self.variadic in kwargs:
            named = re.compile(rf"{re.escape(self.variadic)}\d*")
            result = [kwargs.pop(name) for name in list(kwargs) if named.fullmatch(name)]
            kwargs[self.variadic] = [word for word in result if word]
        return super().__call__(*args, **kwargs)


def _count_positionals(flags: list[Argument]) -> int:
    """Return how many positional arguments follow the task's name."""
    known = [*Program().core_args(), *Program().task_args(), *flags]
    valued = {
        f"{'-' if len(name) == 1 else '--'}{name}"
        for flag in known
        if flag.takes_value
        for name in flag.names
    }
    given = sys.argv[1 : sys.argv.index("--") if "--" in sys.argv else None]
    positionals = [
        word
        for previous, word in zip(["", *given], given, strict=False)
        if not word.startswith("-") and previous not in valued
    ]
    return max(len(positionals) - 1, 0)
