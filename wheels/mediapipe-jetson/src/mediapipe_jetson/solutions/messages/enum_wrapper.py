"""An enumeration as a class shows it: `LocationData.Format`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from mediapipe_jetson.solutions.messages.fields import EnumType


class EnumWrapper:
    """The numbers of an enumeration as attributes, and protobuf's description of them."""

    def __init__(self, owner: type[Any], described: EnumType) -> None:
        self.DESCRIPTOR = described
        self._owner = owner
        self._numbers = {value.name: value.number for value in described.values}

    def __getattr__(self, name: str) -> int:
        # An object that is not made yet has no attribute to look it up in.
        numbers: dict[str, int] = self.__dict__.get("_numbers", {})
        if name not in numbers:
            raise AttributeError(
                self._no_value(name) if numbers else f"an enumeration has no attribute {name!r}"
            )
        return numbers[name]

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Stand for the class's own, which a copy is and a pickle names."""
        return getattr, (self._owner, self.DESCRIPTOR.name)

    def _no_value(self, name: str) -> str:
        return f"Enum {self.DESCRIPTOR.name} has no value defined for name {name!r}"

    # Protobuf's names from here on.
    def Name(self, number: int) -> str:  # noqa: N802
        """Return the name of a number; raise TypeError and ValueError."""
        if not isinstance(number, int):
            raise TypeError(
                f"Enum value for {self.DESCRIPTOR.name} must be an int, but got "
                f"{type(number)} {number!r}."
            )
        value = self.DESCRIPTOR.values_by_number.get(number)
        if value is None:
            raise ValueError(f"Enum {self.DESCRIPTOR.name} has no name defined for value {number}")
        return value.name

    def Value(self, name: str) -> int:  # noqa: N802
        """Return the number of a name; raise ValueError."""
        if name not in self._numbers:
            raise ValueError(self._no_value(name))
        return self._numbers[name]

    def keys(self) -> list[str]:
        """Return the names."""
        return list(self._numbers)

    def values(self) -> list[int]:
        """Return the numbers."""
        return list(self._numbers.values())

    def items(self) -> list[tuple[str, int]]:
        """Return the names with their numbers."""
        return list(self._numbers.items())
