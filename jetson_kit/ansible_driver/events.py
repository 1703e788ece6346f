"""What a playbook did to each host, read from Ansible's own JSON lines while it runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jetson_kit.core.paths import COLLECTION_NAME

EVENTS = {
    "v2_runner_on_ok": "ok",
    "v2_runner_on_failed": "failed",
    "v2_runner_on_skipped": "skipped",
    "v2_runner_on_unreachable": "unreachable",
}
STATS = "v2_playbook_on_stats"
# Of the collection's plugins/callback/kit_results.py: which task has which id, before its results.
NAMED = "kit_result"
# A task's own words are taken from the first of these that says anything.
MESSAGES = ("msg", "stderr", "module_stderr", "stdout", "reason")
# What the command modules say of every failure: the program's own words tell more.
EMPTY_WORDS = "non-zero return code"
MESSAGE_CHARS = 600
CUT = " ... "
# What ssh says in a dozen lines, most of them a frame of @, and what it comes to.
SSH_WORDS = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its host key has changed: if it was installed anew, correct its line in known_hosts",
    ),
    (
        "Host key verification failed",
        "its host key is not known: connect once by hand and compare it",
    ),
)


@dataclass(frozen=True)
class Event:
    """One task's end on one host."""

    host: str
    task: str
    """"role : name" for a role's task; of a role of the kit without its collection."""
    status: str
    """ok, changed, skipped, failed or unreachable; what is rescued or ignored is failed, too."""
    message: str
    result: Mapping[str, Any]
    """All that the task returned; `diff` is there where it was asked for."""
    id: str = ""
    """Id of a task that decides over a host, whatever its name is; "" of all others."""


@dataclass(frozen=True)
class HostResult:
    """The result of a host: Ansible's own counts, and the messages of what failed."""

    host: str
    status: str
    """"ok", "changed", "failed", "unreachable", or "unfinished" if the run ended before it did."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """ok, changed, failures, unreachable, skipped, rescued, ignored."""
    messages: tuple[str, ...] = ()
    """"task: words" of each task that failed, in order."""
    report: Mapping[str, Any] = field(default_factory=dict)
    """What the playbook told of it by set_stats with per_host."""

    @property
    def good(self) -> bool:
        """Tell whether all was done on it; whoever judges a rollout counts all others as failed."""
        return self.status in {"ok", "changed"}


def parse(line: str) -> tuple[str, Mapping[str, Any]]:
    """Return an event's name and its document; ("", {}) for a line that is none."""
    if not line.startswith("{"):
        return "", {}
    try:
        document = json.loads(line)
    except ValueError:
        return "", {}
    return str(document.get("_event", "")), document


def of(
    name: str, document: Mapping[str, Any], ids: Mapping[str, str] | None = None
) -> tuple[Event, ...]:
    """Return the ends of tasks in a document; `ids` maps Ansible's ids of tasks to ours."""
    if name not in EVENTS:
        return ()
    task = str(document.get("task", {}).get("name", "")).removeprefix(f"{COLLECTION_NAME}.")
    known = (ids or {}).get(str(document.get("task", {}).get("id", "")), "")
    events = []
    for host, result in document.get("hosts", {}).items():
        status = EVENTS[name]
        if status == "ok" and result.get("changed"):
            status = "changed"
        reason = message(result) if status in {"failed", "unreachable"} else ""
        events.append(Event(str(host), task, status, reason, result, known))
    return tuple(events)


def message(result: Mapping[str, Any]) -> str:
    """Return the message of a failed task, in one line; of a loop, those of its failed items."""
    items = result.get("results")
    if isinstance(items, list):
        failed = [item for item in items if isinstance(item, dict) and item.get("failed")]
        if failed:
            return shortened("; ".join(dict.fromkeys(message(item) for item in failed)))
    for key in MESSAGES:
        text = result.get(key)
        if isinstance(text, list):
            text = " ".join(map(str, text))
        if isinstance(text, str) and text.strip() and text != EMPTY_WORDS:
            return words_of_ssh(text) or shortened(" ".join(text.split()))
    return "no reason given"


def shortened(text: str) -> str:
    """Return at most MESSAGE_CHARS of a text: what failed stands first, and why stands last."""
    half = (MESSAGE_CHARS - len(CUT)) // 2
    return text if len(text) <= MESSAGE_CHARS else text[:half] + CUT + text[-half:]


def words_of_ssh(output: str) -> str:
    """Return in one line what ssh reports of a host key in many; "" if it reports nothing."""
    return next((reason for mark, reason in SSH_WORDS if mark in output), "")


def results(
    stats: Mapping[str, Any] | None, seen: Iterable[Event], expected: Iterable[str] = ()
) -> dict[str, HostResult]:
    """Return the result of each host.

    `stats` is the playbook's last document, None if there was none: then no host is finished.
    Hosts that are `expected` and without any event are "unfinished" too.
    """
    messages: dict[str, list[str]] = {}
    order: dict[str, None] = dict.fromkeys(expected)
    lost = set()
    for event in seen:
        order.setdefault(event.host)
        if event.status in {"failed", "unreachable"}:
            messages.setdefault(event.host, []).append(f"{event.task}: {event.message}")
        if event.status == "unreachable":
            lost.add(event.host)
    counts = dict(stats["stats"]) if stats else {}
    reports = dict(stats.get("custom_stats", {})) if stats else {}
    order |= dict.fromkeys(counts)
    return {
        host: HostResult(
            host=host,
            status=_status(counts.get(host), host in lost),
            counts=counts.get(host, {}),
            messages=tuple(messages.get(host, ())),
            report=reports.get(host, {}),
        )
        for host in order
    }


def _status(counts: Mapping[str, int] | None, lost: bool) -> str:
    if counts is None:
        return "unreachable" if lost else "unfinished"
    # A host that was lost does not become well by ignore_unreachable.
    if counts.get("unreachable") or lost:
        return "unreachable"
    if counts.get("failures"):
        return "failed"
    return "changed" if counts.get("changed") else "ok"
