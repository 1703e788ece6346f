"""The limits of the controller's own records: how many runs stay, and how much their logs fill."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from jetson_kit.ansible_driver.logs import OLDER
from jetson_kit.core.errors import KitError
from jetson_kit.fleet import controller
from jetson_kit.fleet.rollout import journal as journals

MOST_RUNS = 200
"""Rollouts and rollbacks that stay; one that is open, or says last of a host, stays besides."""
MOST_PROVISIONS = 50
LOGS_BYTES = 2**30
"""Of all rollouts' logs together: the oldest go first, journals and results stay."""
LOGS = ("log", "ansible.jsonl")


def trim(folder: Path) -> None:
    """Remove the oldest of the records in a state folder; whoever calls holds the lock."""
    paths = sorted(controller.rollouts(folder).glob("*.jsonl"))
    spare = paths[:-MOST_RUNS]
    needed = _needed(paths) if spare else set()
    for path in spare:
        if path not in needed:
            shutil.rmtree(path.with_suffix(""), ignore_errors=True)
            path.unlink(missing_ok=True)
    for path in sorted((folder / "provision").glob("*.jsonl"))[:-MOST_PROVISIONS]:
        path.unlink(missing_ok=True)
        path.with_name(path.name + OLDER).unlink(missing_ok=True)
    _trim_logs(paths)


def _trim_logs(paths: Iterable[Path]) -> None:
    total = 0
    for path in sorted(paths, reverse=True):
        place = path.with_suffix("")
        for item in (place / f"{name}{older}" for name in LOGS for older in ("", OLDER)):
            total += item.stat().st_size if item.exists() else 0
            if total > LOGS_BYTES:
                item.unlink(missing_ok=True)


def _needed(paths: Iterable[Path]) -> set[Path]:
    """Return the journals that are open, or that say last of a host; a damaged one is neither."""
    result: dict[tuple[str, str], Path] = {}
    open_ = set()
    for path in paths:
        try:
            record = journals.read(path)
        except KitError:
            continue
        if not record.ended or record.open:
            open_.add(path)
        for host in record.hosts.values():
            if host.image_id:
                result[str(record.header["inventory"]), host.name] = path
    return {*result.values(), *open_}
