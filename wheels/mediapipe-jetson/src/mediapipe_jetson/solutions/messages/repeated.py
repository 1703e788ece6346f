"""Repeated fields: lists of plain values or of messages, with protobuf's methods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array
    from mediapipe_jetson.solutions.messages.fields import Field
    from mediapipe_jetson.solutions.messages.message import Message


class _Repeated(MutableSequence[Any]):
    """What both kinds share. `items` holds the values."""

    __slots__ = ("field", "owner")
    items: list[Any]
    __hash__ = None  # type: ignore[assignment] # protobuf's are unhashable

    def __init__(self, field: Field, owner: Message) -> None:
        self.field = field
        self.owner = owner
        self.items = []

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 # an item or a list of them
        try:
            return self.items[index]
        except TypeError:
            raise TypeError("list indices must be integers") from None

    def __delitem__(self, index: Any) -> None:  # noqa: ANN401
        del self.items[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Repeated):
            return self.items == other.items
        return isinstance(other, list) and self.items == other

    def __repr__(self) -> str:
        return repr(self.items)

    def __deepcopy__(self, memo: Any) -> list[Any]:  # noqa: ANN401
        from copy import deepcopy  # noqa: PLC0415 # rarely needed

        return [deepcopy(item, memo) for item in self.items]

    def sort(self, *, key: Any = None, reverse: bool = False) -> None:  # noqa: ANN401
        """Sort in place."""
        self.items.sort(key=key, reverse=reverse)

    def reverse(self) -> None:
        """Turn the order round."""
        self.items.reverse()

    def MergeFrom(self, other: Iterable[Any]) -> None:  # noqa: N802 # protobuf's name
        """Append copies of another's items."""
        self.extend(other)


class RepeatedScalar(_Repeated):
    """A list of plain values."""

    __slots__ = ("items",)

    def __setitem__(self, index: Any, value: Any) -> None:  # noqa: ANN401
        check = self.field.check
        many = isinstance(index, slice)
        self.items[index] = [check(item) for item in value] if many else check(value)

    def insert(self, index: int, value: Any) -> None:  # noqa: ANN401
        """Insert a value."""
        self.items.insert(index, self.field.check(value))
        self.owner.touch()


class RepeatedMessage(_Repeated):
    """A list of messages; what is put in is copied."""

    __slots__ = ("items",)

    def __setitem__(self, index: Any, value: Any) -> None:  # noqa: ANN401
        raise TypeError("does not support assignment")

    def insert(self, index: int, value: Any) -> None:  # noqa: ANN401
        """Insert a copy of a message."""
        result = self.field.new()
        if type(value) is not type(result):
            raise TypeError(f"Expected a message object, but got {value!r}.")
        result.CopyFrom(value)
        self.items.insert(index, result)
        self.owner.touch()

    def add(self, **values: Any) -> Any:  # noqa: ANN401 # the new message
        """Append a new message with these fields and return it."""
        result = self.field.new(**values)
        self.items.append(result)
        self.owner.touch()
        return result


class RowMessages(RepeatedMessage):
    """Messages of plain fields given as rows of numbers: each is made when it is first read.

    There are hundreds of landmarks in a frame, and most programs read a few. Rows stay an array
    until then: a list for each would wake Python's garbage collector in every frame.
    """

    __slots__ = ("messages", "names", "rows")

    def __init__(self, field: Field, owner: Message, names: Sequence[str], rows: Array) -> None:
        """Take an array (messages, names) that no one writes to any more."""
        self.field = field
        self.owner = owner
        self.names = names
        self.rows: Optional[Array] = rows
        self.messages: list[Any] = [None] * len(rows)

    def _make(self, index: int, row: list[float]) -> Any:  # noqa: ANN401 # a message
        result = self.messages[index] = self.field.new()
        # Without the checks of assignment: the numbers are of single precision.
        result.values.update(zip(self.names, row))  # noqa: B905 # Python 3.9
        return result

    @property
    def items(self) -> list[Any]:  # type: ignore[override]
        """Return all messages; from now on these count, and not the rows."""
        rows = self.rows
        if rows is not None:
            for index, row in enumerate(rows.tolist()):
                if self.messages[index] is None:
                    self._make(index, row)
            # Last: another thread may read.
            self.rows = None
        return self.messages

    def __len__(self) -> int:
        return len(self.messages)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401
        rows = self.rows
        if rows is None or type(index) is not int or not -len(rows) <= index < len(rows):
            return super().__getitem__(index)
        result = self.messages[index]
        return self._make(index, rows[index].tolist()) if result is None else result
