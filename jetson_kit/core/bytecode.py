"""No module's bytecode stays in part: each later start would fail at it.

Python before 3.14 takes for whole what a full disk or `ulimit -f` let it write.
"""

from __future__ import annotations

import os
from importlib.machinery import SourceFileLoader

_usual = SourceFileLoader.set_data


def _set_data(self: SourceFileLoader, path: str, data: bytes, *, _mode: int = 0o666) -> None:
    _usual(self, path, data, _mode=_mode)
    try:
        if os.stat(path).st_size < len(data):  # noqa: PTH116 # nothing more is imported here
            os.unlink(path)  # noqa: PTH108
    except OSError:  # it was not written at all, or is gone
        pass


def keep_whole() -> None:
    """Have the modules that this process imports from now on leave none."""
    SourceFileLoader.set_data = _set_data  # type: ignore[assignment, method-assign]
