"""What is printed of the cache."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence

from jetson_kit.cache.usage import DAY_S, Entry, folder
from jetson_kit.core.reasons import why
from jetson_kit.core.text import counted


def show(entries: Sequence[Entry], *, as_json: bool) -> None:
    """Print a row for each kind, the largest first."""
    now = time.time()
    by_kind: dict[str, list[Entry]] = {}
    for entry in entries:
        by_kind.setdefault(entry.kind.name, []).append(entry)
    kinds = sorted(by_kind.values(), key=_size, reverse=True)
    if as_json:
        rows = [
            {
                "name": of_kind[0].kind.name,
                "bytes": _size(of_kind),
                "entries": len(of_kind),
                "last_used": int(max(entry.used_at for entry in of_kind)),
                "holds": of_kind[0].kind.holds,
                "again": of_kind[0].kind.again,
            }
            for of_kind in kinds
        ]
        print(json.dumps({"folder": str(folder()), "kinds": rows}, indent=1))
        return
    print(folder())
    print(f"{'':20} {'size':>10}  {'entries':>7}  {'last used':>12}")
    for of_kind in kinds:
        kind = of_kind[0].kind
        days = max(0, int((now - max(entry.used_at for entry in of_kind)) / DAY_S))
        used = "today" if days == 0 else f"{counted(days, 'day')} ago"
        print(
            f"{kind.name:20} {_mb(_size(of_kind)):>10}  {len(of_kind):7}  {used:>12}"
            f"  {kind.holds}; {kind.again} again"
        )
    print(f"{'in all':20} {_mb(_size(entries)):>10}")
    if _size(entries):
        print("next: ./inv cache.prune --plan")


def plan(chosen: Sequence[Entry], keep: Collection[str]) -> None:
    """Print what would be removed."""
    for entry in chosen:
        print(f"{_mb(entry.size):>10}  {entry.path.relative_to(folder())}")
    print(f"would remove {_mb(_size(chosen))}{_exempt_note(keep)}")


def removed(chosen: Sequence[Entry], keep: Collection[str]) -> None:
    """Print what was removed."""
    print(f"removed {_mb(_size(chosen))}{_exempt_note(keep)}")


def _exempt_note(keep: Collection[str]) -> str:
    return f"; {', '.join(keep)} stays, virtual devices are up" if keep else ""


def _size(entries: Sequence[Entry]) -> int:
    return sum(entry.size for entry in entries)


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def not_removed(left: Mapping[Entry, OSError]) -> tuple[str, str]:
    """Return what to say of what could not be removed, and what to do."""
    entry, error = next(iter(left.items()))
    more = f", and {len(left) - 1} more" if len(left) > 1 else ""
    return f"{entry.path} can't be removed: {why(error)}{more}", "remove it as the user who owns it"
