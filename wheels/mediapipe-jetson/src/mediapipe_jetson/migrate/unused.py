"""Leaves out imports of protobuf that the new code no longer needs: MediaPipe brings none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

import libcst as cst
from libcst.helpers import get_full_name_for_node

PROTOBUF = "google.protobuf"


class _Names(cst.CSTVisitor):
    """Collects the names that are used."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def visit_Name(self, node: cst.Name) -> None:
        """Note a name."""
        self.used.add(node.value)

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        """Look at the value alone."""
        node.value.visit(self)
        return False

    def visit_Import(self, node: cst.Import) -> bool:
        """Leave imports out."""
        del node
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        """Leave imports out."""
        del node
        return False


class _Without(cst.CSTTransformer):
    """Leaves out imports whose names are not used."""

    def __init__(self, used: set[str]) -> None:
        super().__init__()
        self.used = used

    def leave_ImportFrom(
        self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom
    ) -> Union[cst.ImportFrom, cst.RemovalSentinel]:
        """Leave out names of protobuf's modules."""
        del original_node
        names = updated_node.names
        module = get_full_name_for_node(updated_node.module) if updated_node.module else ""
        if isinstance(names, cst.ImportStar) or not (module or "").startswith(PROTOBUF):
            return updated_node
        remaining = self._used_aliases(names)
        if len(remaining) == len(names):
            return updated_node
        return updated_node.with_changes(names=remaining) if remaining else cst.RemoveFromParent()

    def leave_Import(
        self, original_node: cst.Import, updated_node: cst.Import
    ) -> Union[cst.Import, cst.RemovalSentinel]:
        """Leave out protobuf's modules."""
        del original_node
        remaining = self._used_aliases(updated_node.names, PROTOBUF)
        if len(remaining) == len(updated_node.names):
            return updated_node
        return updated_node.with_changes(names=remaining) if remaining else cst.RemoveFromParent()

    def _used_aliases(
        self, names: Sequence[cst.ImportAlias], start: str = ""
    ) -> list[cst.ImportAlias]:
        remaining = [
            alias
            for alias in names
            if (alias.evaluated_alias or alias.evaluated_name.split(".")[0]) in self.used
            or not alias.evaluated_name.startswith(start)
        ]
        if remaining:
            remaining[-1] = remaining[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return remaining


def without(module: cst.Module) -> cst.Module:
    """Return a module without protobuf's imports that nothing in it uses."""
    names = _Names()
    module.visit(names)
    return module.visit(_Without(names.used))
