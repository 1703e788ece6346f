"""The doctor on every host of an inventory, over ssh: a table, a document, one exit code."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from jetson_kit.ansible_driver import board_program
from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core import ssh
from jetson_kit.core.console import console
from jetson_kit.core.errors import CheckFailedError, KitError
from jetson_kit.core.text import counted, verb
from jetson_kit.doctor import local as doctor
from jetson_kit.doctor.local import Diagnosis
from jetson_kit.fleet import check

SCHEMA = "mediapipe-jetson-kit/fleet-doctor/1"
# A doctor's work is the board's; here a thread only waits for it.
AT_A_TIME = 16
REACH_LIMIT_S = 30.0


@dataclass(frozen=True)
class Examined:
    """A host, and its diagnosis or why there is none."""

    host: str
    diagnosis: Diagnosis | None
    error: str = ""
    unprovisioned: str = ""
    """How to provision it, "" where it was or where that was not found out."""

    @property
    def well(self) -> bool:
        """Tell whether the host was examined and no cause is at work."""
        return self.diagnosis is not None and not self.diagnosis.bad

    @property
    def causes(self) -> tuple[str, ...]:
        """Return the ids of the causes at work, what to mend first on top."""
        return self.diagnosis.bad if self.diagnosis else ()

    @property
    def cure(self) -> str:
        """Return what to do first."""
        if self.diagnosis is None:
            return self.error
        entries = {item["id"]: item for item in self.diagnosis.document["causes"]}
        return str(entries[self.causes[0]]["cure"] or "") if self.causes else self.unprovisioned


@dataclass(frozen=True)
class Round:
    """All hosts of an inventory, in its order."""

    hosts: tuple[Examined, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the document of schemas/fleet-doctor.schema.json."""
        return {
            "schema": SCHEMA,
            "hosts": {
                host.host: {
                    "error": host.error or None,
                    "diagnosis": host.diagnosis.document if host.diagnosis else None,
                    "unprovisioned": host.unprovisioned or None,
                }
                for host in self.hosts
            },
        }

    def show(self) -> None:
        """Print a row for each host: what it is, the causes, what to do first."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("host", "L4T"):
            table.add_column(name, no_wrap=True)
        for name in ("causes", "to do first"):
            table.add_column(name, overflow="fold")
        for host in self.hosts:
            document = host.diagnosis.document if host.diagnosis else {}
            message = Text(", ".join(host.causes) or ("none" if host.well else "not examined"))
            message.stylize("green" if host.well else "red")
            table.add_row(Text(host.host), document.get("l4t") or "-", message, Text(host.cure))
        console().print(table)

    def check(self) -> None:
        """Raise CheckFailedError unless every host was examined and is well."""
        bad = [host.host for host in self.hosts if not host.well]
        if bad:
            raise CheckFailedError(
                f"{len(bad)} of {counted(len(self.hosts), 'host')} "
                f"{verb(len(bad), 'need')} care: {', '.join(bad)}",
                "mend the first cause of each and run it again",
            )


def run(
    path: Path,
    code: Path | None = None,
    limit: str = "",
    *,
    each: Callable[[Examined], None] = lambda _: None,
) -> Round:
    """Examine every host of the inventory at `path`, several at a time.

    `code` is a folder of this machine, sent to each. A host that can't be examined has the reason
    in its row. `each` gets a host's row when it is done, in a thread of its own. Raises
    BadInputError for an inventory that is wrong.
    """
    hosts = check.without_passwords(path).limited(limit)
    for error in filter(None, (host.unreachable() for host in hosts)):
        raise error
    doctor.payload(code)  # A wrong folder is reported once, before any host is contacted.

    def examine(host: Host) -> Examined:
        result = examined(host)
        each(result)
        return result

    def examined(host: Host) -> Examined:
        try:
            diagnosis = doctor.remote(host.address, code, host.ssh_options())
            test = f"test -e {board_program.PATH}"
            there = ssh.run(host.address, test, b"", host.ssh_options(), REACH_LIMIT_S)
        except KitError as error:
            return Examined(host.name, None, error.line().removeprefix("error: "))
        absent = there.returncode == 1
        unprovisioned = board_program.unprovisioned(host.name, path) if absent else ""
        return Examined(host.name, diagnosis, unprovisioned=unprovisioned)

    with ThreadPoolExecutor(min(AT_A_TIME, len(hosts))) as pool:
        return Round(tuple(pool.map(examine, hosts)))
