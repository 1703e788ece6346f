"""Python's own modules."""

from __future__ import annotations

import sys


def names() -> frozenset[str]:
    """Return the names of the standard library."""
    known: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())
    return known or frozenset(sys.builtin_module_names) | _listed()


def _listed() -> frozenset[str]:
    """Return the modules in the standard library's folder, for Python 3.9."""
    from pathlib import Path  # noqa: PLC0415 # for Python 3.9 alone

    folder = Path(str(sys.modules["os"].__file__)).parent
    return frozenset(path.stem for path in folder.iterdir() if path.name != "site-packages")
