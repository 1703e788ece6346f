"""The way from a legacy solution to MediaPipe Tasks, name by name (data/legacy.json)."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any, Optional

DATA = Path(__file__).resolve().parent.parent / "data" / "legacy.json"
ROOT = "mediapipe.solutions"


@dataclasses.dataclass(frozen=True)
class Migration:
    """The table, looked up by dotted paths; a call adds "()", an item of a list "[]"."""

    table: dict[str, Any]

    def legacy(self, path: Optional[str]) -> bool:
        """Return whether a path is one of the legacy API."""
        if not path:
            return False
        return any(path == top or path.startswith((f"{top}.", f"{top}()")) for top in self.roots)

    @property
    def roots(self) -> tuple[str, ...]:
        """Return what is gone as a whole."""
        return (ROOT, *self.table["modules"])

    @property
    def distinct(self) -> frozenset[str]:
        """Return the attributes whose names nothing else has."""
        return frozenset(self.table["distinct"])

    def class_of(self, path: Optional[str]) -> Optional[dict[str, Any]]:
        """Return the solution whose class this path is, or None."""
        for name, solution in self.table["solutions"].items():
            if "class" in solution and path == f"{ROOT}.{name}.{solution['class']}":
                return dict(solution)
        return None

    def names_of(self, module: str) -> list[str]:
        """Return the names that a star-import of this module brings."""
        solution = self.table["solutions"].get(module[len(ROOT) + 1 :], {})
        own = [solution["class"]] if "class" in solution else []
        return own + list(solution.get("names", {}))

    def argument(self, solution: dict[str, Any], name: str) -> str:
        """Return what to write instead of a class's argument."""
        former = solution.get("former", {})
        known = solution["arguments"].get(name) or former.get(name, self.table["no_argument"])
        return str(self.table["mode"] if known == "@mode" else known)

    def all_arguments(self, solution: dict[str, Any]) -> str:
        """Return what to write instead of every argument of a class."""
        pairs = (f"{name}: {self.argument(solution, name)}" for name in solution["arguments"])
        return "; ".join(pairs) or str(solution["to"])

    def attribute(self, name: str) -> str:
        """Return what to write instead of an attribute that only the legacy API has."""
        for solution in self.table["solutions"].values():
            if name in solution.get("results", {}):
                return str(solution["results"][name])
        return str(self.table["unknown"])

    def gone(self, path: str) -> bool:
        """Return whether a path names what no MediaPipe has had since 2021."""
        module, _, name = path[len(ROOT) + 1 :].partition(".")
        return name.split(".")[0] in self.table["solutions"].get(module, {}).get("gone", {})

    def instead(self, path: str) -> str:
        """Return what to write instead of a legacy path."""
        tops = [top for top in self.table["modules"] if path == top or path.startswith(f"{top}.")]
        if tops:
            return str(self.table["modules"][max(tops, key=len)])
        parts = path[len(ROOT) + 1 :].split(".") if path != ROOT else []
        if not parts:
            return str(self.table["root"])
        solution = self.table["solutions"].get(parts[0])
        if solution is None:
            return str(self.table["unknown"])
        return self._within(solution, parts[1:])

    def _within(self, solution: dict[str, Any], parts: list[str]) -> str:
        if not parts or parts[0].rstrip("()") == solution.get("class"):
            parts = parts[1:]
        elif parts[0] in solution["names"]:
            return str(solution["names"][parts[0]])
        elif parts[0] in solution.get("gone", {}):
            return str(solution["gone"][parts[0]])
        if not parts:
            return str(solution["to"])
        plain = [part.replace("()", "").replace("[]", "") for part in parts]
        methods = {**self.table["methods"], **solution.get("methods", {})}
        if len(plain) == 1:
            return str(methods.get(plain[0], solution["to"]))
        results = solution.get("results", {})
        if len(plain) == 2 and plain[1] in results:
            return str(results[plain[1]])
        return str(self.table["items"].get(plain[-1], self.table["unknown"]))

    def tells(self, path: str) -> bool:
        """Return whether a path into a result is worth reporting: coordinates stay as they are."""
        if "()." not in path:
            return True
        after = path.split("().", 1)[1].split(".")
        plain = [part.replace("()", "").replace("[]", "") for part in after]
        if len(plain) == 1:
            return plain[0] == "process"
        known = {
            key for item in self.table["solutions"].values() for key in item.get("results", {})
        }
        return plain[-1] in known or plain[-1] in self.table["items"]


@functools.lru_cache(maxsize=1)
def load() -> Migration:
    """Return the table."""
    return Migration(json.loads(DATA.read_text(encoding="utf-8")))
