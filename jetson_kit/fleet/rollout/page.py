"""The page of a rollout: its facts and each board's end, then what the boards verified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from jetson_kit import report
from jetson_kit.ansible_driver.ansible import RELEASE_VARIABLE
from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core.errors import KitError
from jetson_kit.core.text import counted, printable, short_digests
from jetson_kit.fleet.check import MODULE_VARIABLE
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout import live
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.report.head import BoardEnd, Head

FILE = "report.html"
OUTCOMES: Mapping[str, str] = {
    journals.ALL: "Every board is on the image, healthy and confirmed",
    journals.SOME: "Not every board is on the image",
    "": "It did not come to its end",
}
# Those that need a look come first.
ORDER = (
    *journals.ENDED_BADLY, journals.HELD, *journals.ON_TRIAL, journals.PENDING, journals.FETCHED,
    journals.CONFIRMED,
)  # fmt: skip


def head(record: Record, hosts: Iterable[Host]) -> Head:
    """Return the facts of a rollout; what a board is comes from the inventory."""
    release = record.header["release"]
    variables = {host.name: host.variables for host in hosts}
    waves = {name: wave.name for wave in record.waves for name in wave.hosts}
    outcome = OUTCOMES.get(record.ended, "")
    if record.stop is not None:
        outcome = f"Stopped: {short_digests(printable(record.stop))}"
    boards = [
        BoardEnd(
            name,
            host.state + (" (unsure)" if host.unsure else ""),
            host.state == journals.CONFIRMED and not host.unseen,
            _reason(host),
            waves.get(name, ""),
            str(variables.get(name, {}).get(MODULE_VARIABLE) or "-"),
            str(variables.get(name, {}).get(RELEASE_VARIABLE) or ""),
        )
        for name, host in record.hosts.items()
    ]
    boards.sort(key=lambda board: (board.good, ORDER.index(record.hosts[board.name].state)))
    listed = ", ".join(f"{wave.name}: {counted(len(wave.hosts), 'board')}" for wave in record.waves)
    facts = (
        ("Release", str(release["name"])),
        ("Number", str(release.get("number", "-"))),
        ("Image", short_digests(record.image_id)),
        ("For L4T", str(release["l4t"] or "any")),
        ("Boards", live.counts(record)),
        ("Waves", f"{listed} ({record.waves_done} of {len(record.waves)} done)"),
        ("Begun", _moment(record.begun)),
        ("Ended", _moment(record.at)),
        ("Inventory", str(record.header["inventory"])),
    )
    return Head(outcome, record.ended == journals.ALL, facts, boards)


def write(record: Record, place: Path, hosts: Iterable[Host], view: live.View) -> None:
    """Write the page into a rollout's folder; where that can't be, one line says why."""
    try:
        written = report.write_rollout(
            place / "reports", place / FILE, f"Rollout {record.id}", head(record, hosts)
        )
    except KitError as error:
        view.say(f"there is no page of this rollout: {error.message}")
    else:
        view.say(f"page of this rollout: {written.path}")


def _reason(host: journals.Host) -> str:
    if host.unseen:
        return "it gave no answer at the end"
    return short_digests(printable(host.why))


def _moment(text: str) -> str:
    return text[:19].replace("T", " ") + " UTC"
