"""The values that an expression may have: a set of all that the code can lead to."""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Iterable
from typing import Any, Optional, Union

WAYS_MOST = 16
PATH_MOST = 200


@dataclasses.dataclass(frozen=True)
class Path:
    """A name from outside the project, by its dotted path; a call adds "()", an item "[]"."""

    text: str


@dataclasses.dataclass(frozen=True)
class Constant:
    """A literal; `kind` distinguishes 1, True and 1.0."""

    value: object
    kind: str


@dataclasses.dataclass(frozen=True)
class Prefix:
    """A text of which only the beginning is known."""

    text: str


@dataclasses.dataclass(frozen=True)
class Unknown:
    """A value that the syntax tree does not show, and why, as people name it.

    `outside`: it certainly comes from code which is not known, so it may be anything.
    """

    why: str
    outside: bool = False


@dataclasses.dataclass(frozen=True)
class Object:
    """An object or a dictionary made in the project; its fields are in the heap."""

    id: int


@dataclasses.dataclass(frozen=True)
class Sequence:
    """A list or a tuple; `items` are its elements in order if `exact`, else what it may hold.

    `origins` are the expressions that made it, as far as they are followed.
    """

    items: tuple[frozenset[Any], ...]
    exact: bool = True
    origins: frozenset[ast.AST] = frozenset()


@dataclasses.dataclass(frozen=True)
class Function:
    """A function of the project, by its number."""

    id: int


@dataclasses.dataclass(frozen=True)
class Bound:
    """A method with the object or class that it belongs to."""

    function: Function
    owner: Union[Object, Class]


@dataclasses.dataclass(frozen=True)
class Class:
    """A class of the project, by its number."""

    id: int


@dataclasses.dataclass(frozen=True)
class Parent:
    """The result of super(): the bases of a class, with the object or class it is called on."""

    of: Class
    owner: Union[Object, Class]


@dataclasses.dataclass(frozen=True)
class Method:
    """A dictionary's own method."""

    owner: Object
    name: str


@dataclasses.dataclass(frozen=True)
class Text:
    """A method of a text that is known, such as upper."""

    value: str
    name: str


@dataclasses.dataclass(frozen=True)
class Module:
    """A module of the project, by its dotted name."""

    name: str


Value = Union[
    Path,
    Constant,
    Prefix,
    Unknown,
    Object,
    Sequence,
    Function,
    Bound,
    Class,
    Parent,
    Method,
    Text,
    Module,
]
Values = frozenset[Value]
Scope = dict[str, Values]


@dataclasses.dataclass(frozen=True)
class Arguments:
    """A call's arguments; `open` is the reason why there may be more, "" if there can't be.

    `places` are the places of arguments, by their number or name, as far as they are known.
    """

    positional: tuple[Values, ...] = ()
    keywords: tuple[tuple[str, Values], ...] = ()
    open: str = ""
    places: tuple[tuple[Union[int, str], Place], ...] = ()

    def values(self) -> list[Values]:
        """Return what is handed over, in order."""
        return [*self.positional, *(values for _, values in self.keywords)]

    def get(self, index: int, name: str) -> Optional[Values]:
        """Return the argument with this place or name."""
        named = dict(self.keywords)
        if name in named:
            return named[name]
        return self.positional[index] if 0 <= index < len(self.positional) else None


@dataclasses.dataclass
class Heap:
    """One object's fields: of a class of the project, or of an external one at `base`, or a dict.

    `created_at` is the depth of branches at which it was made; `open` is the reason why it may have
    fields that are not known; `origin` is the expression that made it, as far as it is followed.
    """

    fields: Scope
    created_at: int
    of: Optional[Class] = None
    base: str = ""
    open: str = ""
    origin: Optional[ast.AST] = None


@dataclasses.dataclass(frozen=True)
class Place:
    """A place in a file; `cell` is a notebook's, 0 elsewhere."""

    file: str
    cell: int
    line: int
    column: int


def unknown(why: str, of: object = None) -> Values:
    """Return the values of what can't be known; a part `of` what is from outside is so too."""
    return frozenset({Unknown(why, isinstance(of, Unknown) and of.outside)})


def foreign(why: str) -> Values:
    """Return the values of what code gives that is not known."""
    return frozenset({Unknown(why, outside=True)})


def constant(value: object) -> Values:
    """Return the values of a literal."""
    return frozenset({Constant(value, type(value).__name__)})


def path(text: str) -> Values:
    """Return the values of an external name."""
    return frozenset({Path(text)}) if len(text) < PATH_MOST else unknown("too long a chain")


def join(many: Iterable[Values]) -> Values:
    """Return all that any of these may be."""
    result: Values = frozenset().union(*many)
    return result if len(result) <= WAYS_MOST else unknown("too many ways lead here")


def origins_of(item: object) -> frozenset[ast.AST]:
    """Return the expressions that made a list."""
    return item.origins if isinstance(item, Sequence) else frozenset()


def text_of(values: Optional[Values]) -> Optional[str]:
    """Return the one text that these values are, or None."""
    if values is None or len(values) != 1:
        return None
    only = next(iter(values))
    return only.value if isinstance(only, Constant) and isinstance(only.value, str) else None


def truth(values: Values) -> Optional[bool]:
    """Return whether these are all true or all false; None where that is not known."""
    reported = {bool(item.value) if isinstance(item, Constant) else None for item in values}
    return reported.pop() if len(reported) == 1 else None


@functools.lru_cache(maxsize=1 << 16)
def source(node: ast.AST) -> str:
    """Return an expression as it is written, in one short line."""
    try:
        written = " ".join(ast.unparse(node).split())
    except (ValueError, RecursionError, AttributeError):
        return "an expression"
    return written if len(written) <= 60 else f"{written[:57]}..."
