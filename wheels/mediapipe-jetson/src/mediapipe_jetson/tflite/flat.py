"""FlatBuffers, as far as a TFLite file needs them: tables, vectors, and patches in place.

Written to FlatBuffers' binary format; every offset is checked against the file's length.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import numpy as np

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

Data = Union[bytes, bytearray]
OFFSET = 4


class DamagedError(ValueError):
    """The bytes are no FlatBuffers file, or point outside of it."""


def number(data: Data, at: int, form: str) -> int:
    """Return an integer at a place; `form` is struct's letter. Raises DamagedError."""
    try:
        return int(struct.unpack_from(f"<{form}", data, at)[0])
    except struct.error as error:
        raise DamagedError(f"an offset of {at} points outside of the file") from error


@dataclass(frozen=True)
class Table:
    """A table at a place of the file."""

    data: Data
    at: int

    def slot(self, field: int) -> int:
        """Return where the table's layout has the place of a field; 0 where it has none."""
        layout = self.at - number(self.data, self.at, "i")
        if layout < 0:
            raise DamagedError("a table's layout lies before the file")
        place = 4 + 2 * field
        return layout + place if place < number(self.data, layout, "H") else 0

    def place(self, field: int) -> int:
        """Return where a field's value is; 0 where the table leaves it out."""
        slot = self.slot(field)
        offset = number(self.data, slot, "H") if slot else 0
        return self.at + offset if offset else 0

    def integer(self, field: int, form: str = "i", default: int = 0) -> int:
        """Return a scalar field."""
        place = self.place(field)
        return number(self.data, place, form) if place else default

    def target(self, field: int) -> int:
        """Return where the thing is that a field points at; 0 where it points at none."""
        place = self.place(field)
        return place + number(self.data, place, "I") if place else 0

    def table(self, field: int) -> Table:
        """Return the table that a field points at. Raises DamagedError without one."""
        target = self.target(field)
        if not target:
            raise DamagedError("a table that is needed is missing")
        return Table(self.data, target)

    def tables(self, field: int) -> list[Table]:
        """Return the tables of a vector; none where it is left out."""
        vector = self.target(field)
        if not vector:
            return []
        count = number(self.data, vector, "I")
        if count > len(self.data) // OFFSET:
            raise DamagedError(f"a vector of {count} tables")
        places = (vector + OFFSET * (index + 1) for index in range(count))
        return [Table(self.data, place + number(self.data, place, "I")) for place in places]

    def vector(self, field: int, kind: Any = np.int32) -> Array:  # noqa: ANN401 # numpy's types
        """Return a vector of numbers, a view of the file; an empty one where it is left out."""
        vector = self.target(field)
        if not vector:
            return np.empty(0, kind)
        count = number(self.data, vector, "I")
        try:
            return np.frombuffer(self.data, kind, count, vector + OFFSET)
        except ValueError as error:
            raise DamagedError(f"a vector of {count} numbers passes the file's end") from error

    def text(self, field: int) -> str:
        """Return a string; "" where it is left out."""
        return bytes(self.vector(field, np.uint8)).decode("utf-8", "replace")


def root(data: Data, identifier: bytes) -> Table:
    """Return the file's first table. Raises DamagedError for a file of another kind."""
    if len(data) < 2 * OFFSET or bytes(data[OFFSET : OFFSET + len(identifier)]) != identifier:
        raise DamagedError(f"it is no file of the kind {identifier.decode()}")
    return Table(data, number(data, 0, "I"))
