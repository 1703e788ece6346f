"""Fields of messages: their types, what may be stored in them, and how they are described.

The checks and error types are those of Google's protobuf for Python (upb, 4.25), which the legacy
MediaPipe uses. Protobuf itself is not needed.
"""

from __future__ import annotations

import operator
import struct
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Callable, Optional, Union

# Numbers of descriptor.proto: FieldDescriptorProto.Type and FieldDescriptor.CppType.
DOUBLE, FLOAT, INT64, INT32, STRING, MESSAGE, ENUM = 1, 2, 3, 5, 9, 11, 14
CPP_TYPES = {FLOAT: 6, INT64: 2, INT32: 1, STRING: 9, MESSAGE: 10, ENUM: 8}
OPTIONAL, REPEATED = 1, 3
BITS = {INT32: 31, INT64: 63, ENUM: 31}
SINGLE = struct.Struct("<f")
NO_OPTIONS = SimpleNamespace(map_entry=False)

Scalar = Union[int, float, str]


def single(value: Any) -> float:  # noqa: ANN401 # whatever a user assigns
    """Return a number as single precision holds it; raise TypeError."""
    try:
        (rounded,) = SINGLE.unpack(SINGLE.pack(value))
    except struct.error:
        raise TypeError(f"must be real number, not {type(value).__name__}") from None
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return float(rounded)


def integer(value: Any, bits: int) -> int:  # noqa: ANN401
    """Return a whole number of so many bits beside the sign; raise TypeError or ValueError."""
    number = operator.index(value)
    if not -(1 << bits) <= number < 1 << bits:
        raise ValueError(f"Value out of range: {number}")
    return number


def text(value: Any) -> str:  # noqa: ANN401
    """Return a text, given as str or UTF-8 bytes; raise TypeError or ValueError."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if not isinstance(value, str):
        raise TypeError(f"bad argument type for built-in operation: {type(value).__name__}")
    return value


CHECKS: dict[int, Callable[[Any], Scalar]] = {
    FLOAT: single,
    INT32: lambda value: integer(value, BITS[INT32]),
    INT64: lambda value: integer(value, BITS[INT64]),
    STRING: text,
}


@dataclass(frozen=True)
class EnumValue:
    """A name of an enumeration with its number."""

    name: str
    number: int


@dataclass(frozen=True)
class EnumType:
    """An enumeration."""

    full_name: str
    values: tuple[EnumValue, ...]

    @property
    def name(self) -> str:
        """Return the last part of the full name."""
        return self.full_name.rpartition(".")[2]

    @property
    def values_by_number(self) -> dict[int, EnumValue]:
        """Return the values by their numbers."""
        return {value.number: value for value in self.values}

    @property
    def values_by_name(self) -> dict[str, EnumValue]:
        """Return the values by their names."""
        return {value.name: value for value in self.values}

    def check(self, value: Any) -> int:  # noqa: ANN401
        """Return the number of a value given as number or name; raise ValueError."""
        for item in self.values:
            if value in (item.name, item.number):
                return item.number
        raise ValueError(f"invalid enumerator {value!r} for {self.full_name}")


@dataclass(frozen=True, eq=False)
class Field:
    """One field; the attributes are those of protobuf's FieldDescriptor that programs read."""

    LABEL_OPTIONAL = OPTIONAL
    LABEL_REPEATED = REPEATED
    TYPE_MESSAGE = MESSAGE

    number: int
    name: str
    type: int
    label: int = OPTIONAL
    kind: Optional[Callable[[], Any]] = None
    """Returns the message class; for a message only."""
    enum_type: Optional[EnumType] = None
    is_extension: bool = False
    containing_oneof: None = None
    has_options: bool = False
    camelcase_name: str = field(init=False)
    containing_type: Any = field(init=False, default=None)
    """The descriptor of the message that has the field."""
    index: int = field(init=False, default=0)
    """Its place among the message's fields."""

    def __post_init__(self) -> None:
        first, *rest = self.name.split("_")
        object.__setattr__(self, "camelcase_name", first + "".join(map(str.capitalize, rest)))

    @property
    def full_name(self) -> str:
        """Return the name behind its message's."""
        return f"{self.containing_type.full_name}.{self.name}"

    @property
    def json_name(self) -> str:
        """Return the name in JSON."""
        return self.camelcase_name

    @property
    def cpp_type(self) -> int:
        """Return the number of the type in C++."""
        return CPP_TYPES[self.type]

    @property
    def is_repeated(self) -> bool:
        """Return whether it holds many values."""
        return self.label == REPEATED

    @property
    def has_presence(self) -> bool:
        """Return whether HasField can be asked for it."""
        return self.label != REPEATED

    @property
    def message_type(self) -> Any:  # noqa: ANN401 # the class's Descriptor
        """Return the descriptor of the message in it; None for a plain value."""
        return self.kind().DESCRIPTOR if self.kind is not None else None

    @property
    def default_value(self) -> Scalar:
        """Return what an unset plain field reads as."""
        if self.type == STRING:
            return ""
        return 0.0 if self.type == FLOAT else 0

    def new(self, **values: Any) -> Any:  # noqa: ANN401 # a message
        """Return a new message for the field; raise TypeError for a field of plain values."""
        if self.kind is None:
            raise TypeError(f"{self.name} holds no messages")
        return self.kind()(**values)

    def check(self, value: Any) -> Scalar:  # noqa: ANN401
        """Return a plain value as it is stored; raise TypeError or ValueError."""
        if self.enum_type is not None:
            return self.enum_type.check(value)
        return CHECKS[self.type](value)


@dataclass(frozen=True, eq=False)
class Descriptor:
    """A message type; the attributes are those of protobuf's Descriptor that programs read."""

    full_name: str
    fields: tuple[Field, ...]
    file: Any
    fields_by_name: dict[str, Field] = field(init=False)
    fields_by_number: dict[int, Field] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields_by_name", {item.name: item for item in self.fields})
        object.__setattr__(self, "fields_by_number", {item.number: item for item in self.fields})
        for index, entry in enumerate(self.fields):
            object.__setattr__(entry, "containing_type", self)
            object.__setattr__(entry, "index", index)

    @property
    def name(self) -> str:
        """Return the last part of the full name."""
        return self.full_name.rpartition(".")[2]

    @property
    def has_options(self) -> bool:
        """Return False: none of these messages has options."""
        return False

    def GetOptions(self) -> SimpleNamespace:  # noqa: N802 # protobuf's name
        """Return that it is no entry of a map."""
        return NO_OPTIONS
