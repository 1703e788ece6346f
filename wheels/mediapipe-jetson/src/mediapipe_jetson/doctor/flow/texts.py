"""Texts put together from parts that are known, or that may be one of a few."""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Sequence
from typing import Optional

from mediapipe_jetson.doctor.flow import values
from mediapipe_jetson.doctor.flow.values import (
    WAYS_MOST,
    Arguments,
    Constant,
    Prefix,
    Values,
    constant,
    join,
    text_of,
    unknown,
)

CASES = {"upper", "lower", "title", "capitalize", "casefold"}
CUT = {"strip", "lstrip", "rstrip", "replace", "removeprefix", "removesuffix"}
METHODS = CASES | CUT | {"format", "join"}
# Of a text that is put together and longer, only the beginning is kept.
LONGEST = 100_000
PLACE = re.compile(r"(%s)|(%%)|%")


def joined(parts: Sequence[Values], what: str) -> Values:
    """Return what these parts give one behind the other; `what` is how people name that."""
    every = [_texts(part) for part in parts]
    known = [way or [] for way in itertools.takewhile(bool, every)]
    ways = itertools.islice(itertools.product(*known), WAYS_MOST + 1)
    texts = {"".join(way) for way in ways}
    if len(texts) > WAYS_MOST or "" in texts:
        return unknown(what) if texts != {""} or len(known) < len(every) else constant("")
    if len(known) == len(every) and max(map(len, texts)) <= LONGEST:
        return join(map(constant, texts))
    return frozenset(Prefix(text[:LONGEST]) for text in texts)


def percent(form: Values, given: Values, what: str) -> Values:
    """Return what `form % given` gives, for %s alone."""
    text = text_of(form)
    only = next(iter(given)) if len(given) == 1 else None
    several = isinstance(only, values.Sequence)
    fields = only.items if isinstance(only, values.Sequence) and only.exact else (given,)
    places = [*PLACE.finditer(text or "")]
    if text is None or (several and fields == (given,)) or any(m[0] == "%" for m in places):
        return unknown(what)
    if sum(bool(place[1]) for place in places) != len(fields):
        return unknown(what)
    taken = iter(fields)
    parts, at = [], 0
    for place in places:
        parts.append(constant(text[at : place.start()]))
        parts.append(as_text(next(taken)) if place[1] else constant("%"))
        at = place.end()
    return joined([*parts, constant(text[at:])], what)


def formatted(form: str, given: Sequence[Values], what: str) -> Values:
    """Return what `form.format(*given)` gives, for fields that are numbered or counted."""
    parts: list[Values] = []
    counted = itertools.count()
    try:
        for literal, field, spec, conversion in string.Formatter().parse(form):
            parts.append(constant(literal))
            if field is None:
                continue
            at = int(field) if field else next(counted)
            if spec or conversion or at >= len(given):
                return unknown(what)
            parts.append(as_text(given[at]))
    except ValueError:
        return unknown(what)
    return joined(parts, what)


def called(method: values.Text, given: Arguments, what: str) -> Values:
    """Return what a known text's method gives."""
    arguments = [text_of(value) for value in given.positional]
    if given.keywords or given.open:
        return unknown(what)
    if method.name == "format":
        return formatted(method.value, given.positional, what)
    if method.name == "join":
        return _listed(method.value, given.positional, what)
    long = (
        len(method.value) * max((len(argument or "") for argument in arguments), default=1)
        > LONGEST
    )
    if long or None in arguments or len(arguments) > 2 * (method.name in CUT):
        return unknown(what)
    try:
        return constant(getattr(method.value, method.name)(*arguments))
    except TypeError:
        return unknown(what)


def _listed(between: str, given: Sequence[Values], what: str) -> Values:
    """Return what `between.join(given)` gives."""
    only = next(iter(given[0])) if len(given) == 1 and len(given[0]) == 1 else None
    if not isinstance(only, values.Sequence) or not only.exact:
        return unknown(what)
    parts = [part for item in only.items for part in (constant(between), item)]
    return joined(parts[1:], what) if parts else constant("")


def as_text(part: Values) -> Values:
    """Return what values are where a text is formed of them."""
    if all(isinstance(item, Constant) and type(item.value) in (str, int) for item in part):
        return join(constant(str(item.value)) for item in part if isinstance(item, Constant))
    return part


def _texts(part: Values) -> Optional[list[str]]:
    """Return what a part may be as a text; None where that is not known."""
    result = [item.value for item in part if isinstance(item, Constant)]
    texts = [value for value in result if isinstance(value, str)]
    return sorted(texts) if len(texts) == len(part) else None
