"""Plans and states as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from jetson_kit.core.console import console
from jetson_kit.core.text import printable, short_digests, shortened
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout.journal import ENDED_BADLY
from jetson_kit.fleet.rollout.plan import Plan, Wave
from jetson_kit.fleet.rollout.status import Row, Status

SCHEMA = "mediapipe-jetson-kit/rollout-plan/1"
SHORT = 12
WHY_MOST = 400


def plan_json(plan: Plan, waves: Sequence[Wave], release: Release | None) -> dict[str, Any]:
    """Return who comes when, as a document."""
    return {
        "schema": SCHEMA,
        "image_id": release.image_id if release else None,
        "bytes": release.size if release else None,
        "plan": plan.as_json(),
        "waves": [{"name": wave.name, "hosts": list(wave.hosts)} for wave in waves],
    }


def plan_table(plan: Plan, waves: Sequence[Wave]) -> None:
    """Print who comes when, and what stops it."""
    table = Table(box=None, pad_edge=False)
    for name in ("wave", "hosts", "who"):
        table.add_column(name, justify="right" if name == "hosts" else "left")
    for wave in waves:
        table.add_row(wave.name, str(len(wave.hosts)), Text(", ".join(wave.hosts)))
    out = console()
    out.print(table)
    stop = f"stops at {plan.stop_at}" + (
        f" of at least {plan.min_tried} tried" if isinstance(plan.stop_at, str) else ""
    )
    window = f"; switched {plan.window}" if plan.window else ""
    out.print(
        f"{stop} failed, or at any canary, and takes back the {plan.scope}; "
        f"each wave is watched {plan.soak_s:.0f} s{window}",
        markup=False,
        highlight=False,
    )


def status_table(status: Status) -> None:
    """Print what each host is on, by both views."""
    table = Table(box=None, pad_edge=False)
    for name in ("host", "device", "state", "controller", "state", "since", "drift"):
        table.add_column(name)
    for row in status.rows:
        # As Text: what boards say may hold brackets, which are markup elsewhere.
        table.add_row(*map(Text, (row.host, *_device(row), *_controller_view(row), _drift(row))))
    out = console()
    out.print(table)
    for row in status.rows:
        if row.known and row.known.state in ENDED_BADLY and row.known.why:
            why = shortened(short_digests(printable(row.known.why)), WHY_MOST)
            out.print(Text(f"{row.host} {row.known.state} ({row.known.rollout}): {why}"))


def _device(row: Row) -> tuple[str, str]:
    device = row.device
    if device is None:
        return "?", "no answer"
    health = {True: "healthy", False: "unhealthy", None: "starting"}[device.healthy]
    labels = ["trial" if device.trial else "good" if device.image_id else "", health]
    if not device.image_id:
        labels = ["nothing was switched to"]
    if device.held:
        labels.append("not now")
    return _short(device.image_id), " ".join(filter(None, labels))


def _controller_view(row: Row) -> tuple[str, str, str]:
    if row.known is None:
        return "-", "-", "-"
    doubt = " (unsure)" if row.known.unsure else ""
    since = row.known.since.partition(".")[0]
    return _short(row.known.image_id), row.known.state + doubt, since


def _drift(row: Row) -> str:
    message = " ".join(row.drift)
    ended = row.device.ended if row.device and "unhealthy" in row.drift else ""
    why = row.answer or ended
    if row.same_machine:
        same = f"the same machine as {', '.join(row.same_machine)}"
        why = f"{why}; {same}" if why else same
    return f"{message}: {why}" if why else message


def _short(image_id: str) -> str:
    return image_id.partition(":")[2][:SHORT] or "-"
