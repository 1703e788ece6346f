"""Bind the names in the patterns of a match statement."""

from __future__ import annotations

from typing import Any, Optional

from mediapipe_jetson.doctor.flow.calls import Calls
from mediapipe_jetson.doctor.flow.values import Constant, Sequence, Values, join, unknown


class Patterns(Calls):
    """Follows patterns; they are Python 3.10's."""

    def bind(self, name: str, values: Values) -> None:
        """Bind a name in its scope."""
        raise NotImplementedError

    def case_of(self, cases: list[Any], values: Values) -> Optional[int]:
        """Return which case a literal takes, their number for none, None where that is open."""
        for number, case in enumerate(cases):
            taken = self.matches(case.pattern, values)
            if taken is None or (taken and case.guard is not None):
                return None
            if taken:
                return number
        return len(cases)

    def matches(self, node: Any, values: Values) -> Optional[bool]:  # noqa: ANN401 # Python 3.10's
        """Return whether a literal is one of a pattern, None where that is not known."""
        kind = type(node).__name__
        if kind == "MatchAs":
            return True if node.pattern is None else self.matches(node.pattern, values)
        if kind == "MatchOr":
            ways = [self.matches(item, values) for item in node.patterns]
            return True if True in ways else None if None in ways else False
        subject = next(iter(values)) if len(values) == 1 else None
        if not isinstance(subject, Constant) or kind not in ("MatchValue", "MatchSingleton"):
            return None
        if kind == "MatchSingleton":
            return subject.value is node.value
        expected = self.eval(node.value)
        other = next(iter(expected)) if len(expected) == 1 else None
        return subject == other if isinstance(other, Constant) else None

    def pattern(self, node: Any, values: Values) -> None:  # noqa: ANN401 # Python 3.10's
        """Bind the names of a pattern to what they get of these values."""
        inner = list(getattr(node, "patterns", ()))
        kind = type(node).__name__
        if kind == "MatchValue":
            self.eval(node.value)
        elif kind == "MatchSequence":
            star = any(type(item).__name__ == "MatchStar" for item in inner)
            for at, item in enumerate(inner):
                each = (self.part(value, at, -1 if star else len(inner)) for value in values)
                self.pattern(item, join(each))
        elif kind == "MatchMapping":
            for key, item in zip(node.keys, inner):  # noqa: B905 # Python 3.9 has no strict
                key_values = self.eval(key)
                self.pattern(item, join(self.item(value, key_values, key) for value in values))
        elif kind == "MatchClass":
            self.eval(node.cls)
            for name, item in zip(node.kwd_attrs, node.kwd_patterns):  # noqa: B905
                self.pattern(item, join(self.attribute(value, name, node.cls) for value in values))
            for item in inner:
                self.pattern(item, unknown("a part of several"))
        else:  # a name for all of it, or several ways
            below = getattr(node, "pattern", None)
            for item in [*inner, *([below] if below is not None else [])]:
                self.pattern(item, values)
        name = getattr(node, "name", None) or getattr(node, "rest", None)
        if name is not None:
            rest = frozenset({Sequence((values,), exact=False)})
            self.bind(name, rest if kind == "MatchStar" else values)
