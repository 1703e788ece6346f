"""A message with the methods of protobuf's that programs call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Optional

from mediapipe_jetson.solutions.messages import text, wire
from mediapipe_jetson.solutions.messages.fields import MESSAGE, REPEATED, Descriptor, Field
from mediapipe_jetson.solutions.messages.repeated import RepeatedMessage, RepeatedScalar

if TYPE_CHECKING:
    from typing_extensions import Self


class Message:
    """The base of all messages; a subclass has a DESCRIPTOR and a property for each field.

    Plain fields that were set are in `values`, messages and lists that were read as well; one that
    was only read is empty and counts as unset. A sub-message of an unset field has its `parent`,
    which takes it in when it is changed.
    """

    __slots__ = ("parent", "values")
    DESCRIPTOR: ClassVar[Descriptor]
    __hash__ = None  # type: ignore[assignment] # protobuf's are unhashable

    def __init__(self, **values: Any) -> None:  # noqa: ANN401
        """Set fields by name; None leaves a field unset. Raises ValueError and TypeError."""
        self.values: dict[str, Any] = {}
        self.parent: Optional[tuple[Message, str]] = None
        for name, value in values.items():
            field = self._field(name)
            if value is None:
                continue
            if field.label == REPEATED:
                _fill(getattr(self, name), value)
            elif field.type == MESSAGE:
                inner = getattr(self, name)
                inner.MergeFrom(type(inner)(**value) if isinstance(value, dict) else value)
                inner.touch()
            else:
                setattr(self, name, value)

    def _field(self, name: str) -> Field:
        try:
            return self.DESCRIPTOR.fields_by_name[name]
        except KeyError:
            raise ValueError(
                f'Protocol message {self.DESCRIPTOR.name} has no "{name}" field.'
            ) from None

    def touch(self) -> None:
        """Mark as set in the message that it is part of."""
        if self.parent is not None:
            owner, name = self.parent
            self.parent = None
            owner.values[name] = self
            owner.touch()

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401
        try:
            object.__setattr__(self, name, value)
        except AttributeError:
            if name in self.DESCRIPTOR.fields_by_name:
                raise
            raise AttributeError(
                f'Protocol message {self.DESCRIPTOR.name} has no "{name}" field.'
            ) from None

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._set() == other._set()

    def _set(self) -> dict[str, Any]:
        """Return what is set, by name."""
        return {
            name: value
            for name, value in self.values.items()
            if not (isinstance(value, (RepeatedScalar, RepeatedMessage)) and not value.items)
        }

    def __str__(self) -> str:
        return text.of(self)

    __repr__ = __str__

    def __deepcopy__(self, memo: Any) -> Self:  # noqa: ANN401
        result = type(self)()
        result.CopyFrom(self)
        return result

    __copy__ = lambda self: self.__deepcopy__(None)  # noqa: E731 # as protobuf copies

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (), {"serialized": self.SerializeToString()}

    def __setstate__(self, state: dict[str, bytes]) -> None:
        self.ParseFromString(state["serialized"])

    # Protobuf's names from here on.
    def HasField(self, name: str) -> bool:  # noqa: N802
        """Return whether a single field is set; raise ValueError for another."""
        field = self._field(name)
        if field.label == REPEATED:
            raise ValueError(f"Field {self.DESCRIPTOR.full_name}.{name} does not have presence.")
        return name in self.values

    def ListFields(self) -> list[tuple[Field, Any]]:  # noqa: N802
        """Return the fields that are set with their values, by number."""
        result = self._set()
        return [
            (field, result[field.name]) for field in self.DESCRIPTOR.fields if field.name in result
        ]

    def ClearField(self, name: str) -> None:  # noqa: N802
        """Unset a field."""
        self._field(name)
        self.values.pop(name, None)

    def Clear(self) -> None:  # noqa: N802
        """Unset every field."""
        self.values.clear()

    def CopyFrom(self, other: Message) -> None:  # noqa: N802
        """Become a copy of another message of this type."""
        if other is self:
            return
        self._expect_same(other, "CopyFrom")
        self.Clear()
        self.MergeFrom(other)

    def MergeFrom(self, other: Message) -> None:  # noqa: N802
        """Take what is set in another: plain values replace, lists are appended."""
        self._expect_same(other, "MergeFrom")
        for field, value in other.ListFields():
            if field.label == REPEATED:
                getattr(self, field.name).extend(value)
            elif field.type == MESSAGE:
                inner = getattr(self, field.name)
                inner.MergeFrom(value)
                inner.touch()
            else:
                self.values[field.name] = value
        self.touch()

    def _expect_same(self, other: object, method: str) -> None:
        if type(other) is not type(self):
            raise TypeError(
                f"Parameter to {method}() must be instance of same class: expected "
                f"{self.DESCRIPTOR.full_name} got {type(other).__name__}."
            )

    def SetInParent(self) -> None:  # noqa: N802
        """Count as set, though empty."""
        self.touch()

    def IsInitialized(self) -> bool:  # noqa: N802
        """Return True: no field is required."""
        return True

    def FindInitializationErrors(self) -> list[str]:  # noqa: N802
        """Return nothing: no field is required."""
        return []

    def WhichOneof(self, name: str) -> None:  # noqa: N802
        """Raise ValueError: no field is one of several."""
        raise ValueError(f'Protocol message {self.DESCRIPTOR.name} has no "{name}" field.')

    def DiscardUnknownFields(self) -> None:  # noqa: N802
        """Do nothing: unknown fields are not kept."""

    def ByteSize(self) -> int:  # noqa: N802
        """Return the number of bytes that it takes."""
        return len(self.SerializeToString())

    def SerializeToString(self, **_: Any) -> bytes:  # noqa: ANN401, N802
        """Return it in protobuf's wire format."""
        return wire.encode(self)

    SerializePartialToString = SerializeToString

    def ParseFromString(self, data: bytes) -> int:  # noqa: N802
        """Become what bytes in the wire format say; raise ValueError."""
        self.Clear()
        return self.MergeFromString(data)

    def MergeFromString(self, data: bytes) -> int:  # noqa: N802
        """Take what bytes in the wire format say; raise ValueError."""
        wire.merge(self, bytes(data))
        self.touch()
        return len(data)

    @classmethod
    def FromString(cls, data: bytes) -> Self:  # noqa: N802
        """Return a message of bytes in the wire format; raise ValueError."""
        result = cls()
        result.ParseFromString(data)
        return result


def _fill(container: Any, values: Any) -> None:  # noqa: ANN401
    for value in values:
        if isinstance(value, dict):
            container.add(**value)
        else:
            container.append(value)


def scalar_property(field: Field) -> property:
    """Return the property of a plain single field."""
    name, default, check = field.name, field.default_value, field.check

    def read(self: Message) -> Any:  # noqa: ANN401
        return self.values.get(name, default)

    def write(self: Message, value: Any) -> None:  # noqa: ANN401
        self.values[name] = check(value)
        if self.parent is not None:
            self.touch()

    return property(read, write)


def container_property(field: Field, make: Callable[[Message], Any]) -> property:
    """Return the property of a list or a message, which is made when it is first read."""
    name = field.name

    def read(self: Message) -> Any:  # noqa: ANN401
        result = self.values.get(name)
        return make(self) if result is None else result

    def write(self: Message, value: Any) -> None:  # noqa: ANN401
        del value
        raise AttributeError(
            f'Assignment not allowed to message, map, or repeated field "{name}" in protocol '
            "message object."
        )

    return property(read, write)


def field_property(field: Field) -> property:
    """Return the property through which a message class shows a field."""
    if field.label == REPEATED:
        kind = RepeatedMessage if field.type == MESSAGE else RepeatedScalar

        def make_list(owner: Message) -> Any:  # noqa: ANN401
            result = owner.values[field.name] = kind(field, owner)
            return result

        return container_property(field, make_list)
    if field.type == MESSAGE:

        def make_message(owner: Message) -> Any:  # noqa: ANN401
            message = field.new()
            message.parent = (owner, field.name)
            return message

        return container_property(field, make_message)
    return scalar_property(field)
