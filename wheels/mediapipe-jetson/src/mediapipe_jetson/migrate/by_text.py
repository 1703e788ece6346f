"""Notes where the old code reaches, or may reach, the legacy API by a text."""

from __future__ import annotations

import ast
from typing import Optional

from mediapipe_jetson.doctor.flow.values import Arguments, Path, Values
from mediapipe_jetson.migrate import table, unseen
from mediapipe_jetson.migrate.facts import NOTHING, Facts, Span, things
from mediapipe_jetson.migrate.remembering import Remembering

# What has the same names in Tasks, for each of its attributes.
SAME_NAMES = {"landmark", "plain"}


class ByText(Remembering):
    """Follows a project and notes where texts are names of the legacy API."""

    facts: Facts
    _taker = ""
    """The external function that is being handed something."""
    _any_import = False
    """Whether a module is imported by a name that can't be followed."""

    def span(self, node: ast.expr) -> Span:
        """Return the place of a node, in letters."""
        raise NotImplementedError

    def refuse_at(self, node: ast.AST, why: str) -> None:
        """Note a place where the legacy API may come in unseen."""
        notes = self.facts.guards.setdefault(self.frame.file, [])
        place = (self.place(node).line, why)
        if place not in notes:
            notes.append(place)

    def reached(self, values: Values, node: ast.AST) -> None:
        """Note what a text gives that has another name in Tasks, or is another thing there."""
        other = any(item.kind != "plain" and not _is_same_method(item) for item in things(values))
        python = any(isinstance(item, Path) and item.text in unseen.INNER for item in values)
        if (other or python) and isinstance(node, ast.expr):
            self.facts.by_text.add((self.frame.file, self.span(node)))

    def reflected(self, name: str, given: Arguments, node: ast.AST) -> Values:
        """Note what getattr gives where it is called by a partial function, map and their like."""
        result = super().reflected(name, given, node)
        function = getattr(node, "func", None)
        called = NOTHING
        if isinstance(function, ast.expr):
            called = self.facts.at(self.frame.file, self.span(function))
        if not any(isinstance(item, Path) and item.text == name for item in called):
            self.reached(result, node)
        return result

    def hidden(self, owners: Values, node: ast.AST) -> None:
        """Note what gets a part of MediaPipe by a name that is decided at run time."""
        if unseen.package(owners) or table.kinds(things(owners)) - SAME_NAMES:
            self.refuse_at(node, unseen.AT_RUN_TIME)

    def handed_over(self, given: Arguments, node: ast.AST) -> None:
        """Note texts that name the legacy API where it can't be followed what becomes of them."""
        super().handed_over(given, node)
        for text in unseen.handed(given.values(), self.texts(NOTHING.union(*given.values()))):
            if not unseen.only_named(self._taker):
                self.refuse_at(node, unseen.NOT_FOLLOWED.format(text))
                continue
            notes = self.facts.mentions.setdefault(self.frame.file, [])
            note = (self.place(node).line, text, unseen.given_back(self._taker))
            if note not in notes:
                notes.append(note)

    def external(self, name: str, given: Arguments, node: ast.AST) -> Values:
        """Remember what is called while it is handed something."""
        handed = NOTHING.union(*given.values())
        if name.startswith(unseen.PROTOBUF) and any(things(handed)):
            self._by_others(name, node)
        before, self._taker = self._taker, name
        result = super().external(name, given, node)
        self._taker = before
        return result

    def _by_others(self, name: str, node: ast.AST) -> None:
        """Refuse functions of protobuf that map and its like call with results."""
        function = getattr(node, "func", None)
        called = NOTHING
        if isinstance(function, ast.expr):
            called = self.facts.at(self.frame.file, self.span(function))
        if not any(isinstance(item, Path) and item.text == name for item in called):
            self.refuse_at(node, unseen.NO_MESSAGES)

    def builtin(self, name: str, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Note texts that are run as programs, and imports of names that are not known."""
        if unseen.run(name, self.texts(given.get(0, "") or NOTHING)):
            self.refuse_at(node, unseen.AS_PROGRAM)
        if name in unseen.IMPORTERS and not self.strings(given.get(0, "name")):
            self._any_import = True
        return super().builtin(name, given, node)

    def settle(self) -> None:
        """Refuse what a command line's options may give to an import of any name."""
        for file, notes in self.facts.mentions.items() if self._any_import else ():
            guards = self.facts.guards.setdefault(file, [])
            guards += [
                (line, unseen.NOT_FOLLOWED.format(text)) for line, text, back in notes if back
            ]


def _is_same_method(item: table.OldValue) -> bool:
    return item.kind == "method" and item.name in table.SAME_METHODS
