"""A mapping that never changes, of which a copy with one other value is cheap.

A journal of 100,000 boards makes half a million such copies; a dict's each take all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

Value = TypeVar("Value")
CHUNK = 256


class Hosts(Mapping[str, Value]):
    """Names to values in a fixed order; names are given once, values are replaced."""

    __slots__ = ("_chunks", "_index")

    def __init__(self, rows: Iterable[tuple[str, Value]] = ()) -> None:
        items = list(dict(rows).items())
        self._index = {name: number // CHUNK for number, (name, _) in enumerate(items)}
        self._chunks = tuple(
            dict(items[start : start + CHUNK]) for start in range(0, len(items), CHUNK)
        )

    def replaced(self, name: str, value: Value) -> Hosts[Value]:
        """Return a copy with another value for a name. Raises KeyError for one it has not."""
        number = self._index[name]
        result: Hosts[Value] = Hosts.__new__(Hosts)
        result._index = self._index
        result._chunks = (
            *self._chunks[:number], {**self._chunks[number], name: value},
            *self._chunks[number + 1 :],
        )  # fmt: skip
        return result

    def all_replaced(self, rows: Mapping[str, Value]) -> Hosts[Value]:
        """Return a copy with other values for several names. Raises KeyError as replaced does."""
        if rows.keys() - self._index.keys():
            raise KeyError(next(iter(rows.keys() - self._index.keys())))
        if len(rows) < CHUNK:
            result = self
            for name, value in rows.items():
                result = result.replaced(name, value)
            return result
        return Hosts((name, rows.get(name, value)) for name, value in self.items())

    def __getitem__(self, name: str) -> Value:
        return self._chunks[self._index[name]][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)

    def __repr__(self) -> str:
        return f"Hosts({dict(self)!r})"
