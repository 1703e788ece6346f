"""Protobuf's wire format, both ways, for the field types that the messages have.

Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from mediapipe_jetson.solutions.messages.fields import (
    FLOAT,
    MESSAGE,
    REPEATED,
    SINGLE,
    STRING,
    Field,
)

if TYPE_CHECKING:
    from mediapipe_jetson.solutions.messages.message import Message

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MASK64 = (1 << 64) - 1
LONGEST_VARINT = 10


class WireError(ValueError):
    """Bytes are not a message in the wire format."""


def encode(message: Message) -> bytes:
    """Return a message's bytes, fields by number."""
    out = bytearray()
    for field, value in message.ListFields():
        if field.label != REPEATED:
            out += _encode_value(field, value)
        elif field.type in (STRING, MESSAGE):
            out += b"".join(_encode_value(field, item) for item in value)
        else:
            # MediaPipe's lists of numbers are packed.
            data = b"".join(_number(field, item) for item in value)
            out += _varint(field.number << 3 | BYTES) + _varint(len(data)) + data
    return bytes(out)


def _encode_value(field: Field, value: Any) -> bytes:  # noqa: ANN401
    if field.type in (STRING, MESSAGE):
        data = encode(value) if field.type == MESSAGE else value.encode("utf-8")
        return _varint(field.number << 3 | BYTES) + _varint(len(data)) + data
    kind = FIXED32 if field.type == FLOAT else VARINT
    return _varint(field.number << 3 | kind) + _number(field, value)


def _number(field: Field, value: Any) -> bytes:  # noqa: ANN401
    return SINGLE.pack(value) if field.type == FLOAT else _varint(value & MASK64)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def merge(message: Message, data: bytes) -> None:
    """Put what bytes say into a message; fields that it does not have are passed over.

    Raises WireError, with what was read before in the message.
    """
    place = 0
    while place < len(data):
        key, place = _read_varint(data, place)
        raw, place = _read_value(data, place, key & 7)
        field = message.DESCRIPTOR.fields_by_number.get(key >> 3)
        if field is not None:
            _store(message, field, raw, key & 7)


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    number = 0
    for index in range(LONGEST_VARINT):
        if place + index >= len(data):
            break
        byte = data[place + index]
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number & MASK64, place + index + 1
    raise WireError("Error parsing message: a number is cut short")


def _read_value(data: bytes, place: int, kind: int) -> tuple[Any, int]:
    if kind == VARINT:
        return _read_varint(data, place)
    if kind == BYTES:
        size, place = _read_varint(data, place)
    elif kind in (FIXED32, FIXED64):
        size = 4 if kind == FIXED32 else 8
    else:
        raise WireError(f"Error parsing message: unknown wire type {kind}")
    if place + size > len(data):
        raise WireError("Error parsing message: it is cut short")
    return data[place : place + size], place + size


def _store(message: Message, field: Field, raw: Any, kind: int) -> None:  # noqa: ANN401
    repeated = field.label == REPEATED
    if field.type == MESSAGE and kind == BYTES:
        inner = getattr(message, field.name)
        inner = inner.add() if repeated else inner
        merge(inner, raw)
        inner.touch()
        return
    # A list of numbers may be packed into one field.
    packed = repeated and kind == BYTES and field.type != STRING
    for value in _unpacked(field, raw) if packed else (_plain(field, raw, kind),):
        if repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)


def _unpacked(field: Field, raw: bytes) -> list[Any]:
    if field.type == FLOAT:
        if len(raw) % SINGLE.size:
            raise WireError("Error parsing message: a list of numbers is cut short")
        return [value for (value,) in SINGLE.iter_unpack(raw)]
    values, place = [], 0
    while place < len(raw):
        number, place = _read_varint(raw, place)
        values.append(_signed(number))
    return values


def _plain(field: Field, raw: Any, kind: int) -> Any:  # noqa: ANN401
    try:
        if field.type == FLOAT:
            return SINGLE.unpack(raw)[0]
        if field.type == STRING:
            return raw.decode("utf-8")
    except (struct.error, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise WireError(f"Error parsing message: field {field.name}: {error}") from error
    if kind != VARINT:
        raise WireError(f"Error parsing message: field {field.name} is no number")
    return _signed(raw)


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number
