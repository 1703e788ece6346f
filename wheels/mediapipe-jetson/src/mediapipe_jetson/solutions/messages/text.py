"""Protobuf's text format, as `str(message)` of the legacy MediaPipe shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mediapipe_jetson.solutions.messages.fields import (
    FLOAT,
    MESSAGE,
    REPEATED,
    STRING,
    Field,
    single,
)

if TYPE_CHECKING:
    from mediapipe_jetson.solutions.messages.message import Message


def of(message: Message) -> str:
    """Return a message's fields, one a line."""
    return "".join(f"{line}\n" for line in _lines(message))


def _lines(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        for item in value if field.label == REPEATED else (value,):
            if field.type == MESSAGE:
                yield f"{field.name} {{"
                yield from (f"  {line}" for line in _lines(item))
                yield "}"
            else:
                yield f"{field.name}: {_plain(field, item)}"


def _plain(field: Field, value: Any) -> str:  # noqa: ANN401
    if field.type == FLOAT:
        return shortest(value)
    if field.type == STRING:
        return json.dumps(value, ensure_ascii=False)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return str(value)


def shortest(value: float) -> str:
    """Return a single-precision number with six digits if they suffice, else with nine."""
    short = f"{value:.6g}"
    return short if single(float(short)) == value else f"{value:.9g}"
