"""Reaches hosts by Ansible: a playbook for each step, each host judged by its own deciding task."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit import inventory
from jetson_kit.files import write_text
from jetson_kit.fleet import ansible, board_program
from jetson_kit.fleet.events import Event, HostResult
from jetson_kit.fleet.release import Release
from jetson_kit.fleet.rollout_plan import Plan
from jetson_kit.fleet.transport import (
    BUSY,
    DONE,
    FAILED,
    HELD,
    LOST,
    REFUSED,
    TIMED_OUT,
    UNPROVISIONED,
    UNREACHABLE,
    Device,
    Replies,
    Reply,
)

# The exit codes of mediapipe-image that are no plain failure.
KINDS = {2: REFUSED, 5: REFUSED, 6: REFUSED, 8: HELD, 9: BUSY, 10: REFUSED}
# The shell's, where there is no such program.
NO_PROGRAM = 127
# Around what an engine itself says its client puts the call and its kind.
ENGINE = re.compile(r" - \d{3} (?:Server|Client) Error for http\+docker://.*?\(\"(?P<said>.*)\"\)$")
# systemd's words for a unit that is up, and docker's for a container without a check of its own.
UP, NO_CHECK, STARTING = "active", "", "starting"


@dataclass(frozen=True)
class Site:
    """What stays the same for all steps."""

    inventory: Path
    log: Path
    """Gets Ansible's JSON lines."""
    reports: Path
    """Folder of the verification reports, one file a host."""
    hold: tuple[int, ...] = ()
    """File descriptors that Ansible holds too: the controller's lock."""
    listener: Callable[[Event], None] | None = None


class Ansible:
    """The transport of real rollouts."""

    def __init__(
        self,
        site: Site,
        plan: Plan,
        release: Release | None = None,
        *,
        variables: Mapping[str, Any] | None = None,
        rollout: str = "",
    ) -> None:
        """Prepare it; `variables` say how the image comes (image_layers or image_reference)."""
        self._site = site
        self._plan = plan
        self._release = release
        self._variables = dict(variables or {})
        self._rollout = rollout
        self._releases: dict[str, str] = {}
        # Files of the layers that each host lacks by its own word, until they are sent.
        self._lacks: dict[str, list[str]] = {}

    def look(self, hosts: Sequence[str]) -> Replies:
        """Return what each is on."""
        found = self._play("status", hosts, {})
        return {name: _device(reply, body) for name, (reply, body, _) in found.items()}

    def fits(self, hosts: Sequence[str]) -> Replies:
        """Tell whether each takes the release and has the space for it, by this program."""
        found = self.programs(hosts)
        ready = [name for name in hosts if found[name].kind == DONE]
        return {**found, **(self.offer(ready) if ready else {})}

    def programs(self, hosts: Sequence[str]) -> dict[str, Reply]:
        """Bring each device's program to this controller's, where it is another."""
        found = dict(self.versions(hosts))
        stop = (DONE, UNPROVISIONED, *LOST)
        other = [name for name in hosts if found[name].kind not in stop]
        if other:
            done = self._play("program", other, {}, result="version")
            found |= {name: version(reply, body) for name, (reply, body, _) in done.items()}
        return found

    def versions(self, hosts: Sequence[str]) -> Replies:
        """Tell whether each device's program is this controller's: done where it is."""
        found = self._play("version", hosts, {})
        return {name: version(reply, body) for name, (reply, body, _) in found.items()}

    def offer(self, hosts: Sequence[str]) -> Replies:
        """Offer the release to each, and note which layers it lacks."""
        found = self._play("preflight", hosts, self._offer(), result="offer")
        for name, (_, body, _) in found.items():
            if isinstance(body.get("layers"), list):
                rows = body["layers"]
                self._lacks[name] = [str(row["digest"])[7:] + ".part" for row in rows]
        return {name: reply for name, (reply, _, _) in found.items()}

    def fetch(self, hosts: Sequence[str]) -> Replies:
        """Bring the image to each."""
        variables = {
            **self._offer(),
            "image_rate_kib": self._plan.rate_kib,
            "image_jitter_s": self._plan.jitter_s,
        }
        # Once: what is tried again is asked again.
        known = {name: self._lacks.pop(name) for name in hosts if name in self._lacks}
        skip = [] if self._plan.jitter_s else ["jitter"]
        if len(known) == len(hosts):
            variables["image_known"] = known
            skip.append("offer")
        limit_s = self._plan.fetch_limit_s
        return self._replies("fetch", hosts, variables, limit_s, skip)

    def switch(self, hosts: Sequence[str]) -> Replies:
        """Put each on the image, on trial."""
        variables = {
            "image_id": self._image_id,
            "image_rollout": self._rollout,
            "image_why": f"rollout {self._rollout}",
            "image_trial_s": self._plan.trial_s,
        }
        return self._replies("switch", hosts, variables)

    def verify(self, hosts: Sequence[str]) -> Replies:
        """Verify where inference runs on each; its report is kept."""
        found = self._play(
            "verify",
            hosts,
            # No inventory may open this gate.
            {"verify_level": self._plan.verify, "verify_required": True},
        )
        replies = {}
        for name, (reply, _, result) in found.items():
            report = result.report.get("verify")
            if isinstance(report, dict):
                write_text(self._site.reports / f"{name}.json", json.dumps(report, indent=1))
                replies[name] = Reply(reply.kind, reply.words, latency_ms=latencies(report))
            else:
                # Without a report nothing was verified, whatever the play says.
                kind = FAILED if reply.kind == DONE else reply.kind
                replies[name] = Reply(kind, reply.words or "there is no report")
        return replies

    def confirm(self, hosts: Sequence[str]) -> Replies:
        """End the trial of each, and let it remove what it does not need any more."""
        return self._replies("confirm", hosts, {"image_id": self._image_id})

    def rollback(self, hosts: Sequence[str], why: str) -> Replies:
        """Put each back to its previous image."""
        return self._replies("rollback", hosts, {"image_why": why, "image_leave": self._image_id})

    @property
    def _image_id(self) -> str:
        return self._release.image_id if self._release else ""

    def _offer(self) -> dict[str, Any]:
        path = str(self._release.path) if self._release else ""
        found = {"image_release": path, "image_way": self._plan.way, **self._variables}
        return {**found, "image_allow_downgrade": self._plan.allow_downgrade}

    def _replies(
        self,
        playbook: str,
        hosts: Sequence[str],
        variables: Mapping[str, Any],
        limit_s: float | None = None,
        skip: Sequence[str] = (),
    ) -> Replies:
        found = self._play(playbook, hosts, variables, limit_s, skip)
        return {name: reply for name, (reply, _, _) in found.items()}

    def _play(
        self,
        playbook: str,
        hosts: Sequence[str],
        variables: Mapping[str, Any],
        limit_s: float | None = None,
        skip: Sequence[str] = (),
        *,
        result: str = "",
    ) -> dict[str, tuple[Reply, dict[str, Any], HostResult]]:
        """Run a playbook; return each host's reply, what its task printed, and all the rest.

        The task that decides is the one with the id `result`, "" stands for the playbook's name.
        """
        decided: dict[str, Event] = {}
        last: dict[str, Event] = {}

        def listen(event: Event) -> None:
            if event.status in ("failed", "unreachable"):
                last[event.host] = event
            elif event.id == (result or playbook) and event.status != "skipped":
                decided[event.host] = event
            if self._site.listener:
                self._site.listener(event)

        # Read once: for hundreds of hosts that takes as long as a step.
        if not self._releases:
            self._releases = ansible.releases_of(inventory.load(self._site.inventory))
        job = ansible.Job(
            playbook,
            self._site.inventory,
            hosts=tuple(hosts),
            releases=self._releases,
            variables=variables,
            skip_tags=tuple(skip),
            forks=self._plan.concurrency,
            timeout_s=limit_s or self._plan.step_limit_s,
            log=self._site.log,
        )
        outcome = ansible.run(job, listen, self._site.hold)
        found = {}
        for name in hosts:
            host = outcome.hosts.get(name, HostResult(name, "unfinished"))
            done = decided.get(name)
            reply = _reply(host, done, last.get(name), timed_out=outcome.timed_out)
            body = _printed(done) if done and reply.kind == DONE else {}
            if reply.kind == UNPROVISIONED:
                reply = unprovisioned(name, self._site.inventory)
            found[name] = (told(reply, body), body, host)
        return found


def version(reply: Reply, body: Mapping[str, Any]) -> Reply:
    """Return a reply to the question for the program: failed where it is another one."""
    if reply.kind == DONE and not board_program.same(body):
        return Reply(FAILED, "its program is not this controller's, and could not be brought to it")
    return reply


def unprovisioned(name: str, inventory: Path) -> Reply:
    """Return the reply of a host without the program: what it is, and how to mend it."""
    cure = f"./inv fleet.provision -i {shlex.quote(str(inventory))} --limit {shlex.quote(name)}"
    return Reply(UNPROVISIONED, f"it is not provisioned; {cure}")


def _reply(result: HostResult, done: Event | None, bad: Event | None, *, timed_out: bool) -> Reply:
    """Return what became of a host: done only where its deciding task was done."""
    if result.status == "unreachable":
        return Reply(UNREACHABLE, bad.message if bad else "")
    # A play that another host held up until the limit is no failure of a host that was done.
    if done is not None and (result.good or (timed_out and result.status == "unfinished")):
        return Reply()
    if result.status == "unfinished" and not (bad and not timed_out):
        return Reply(TIMED_OUT if timed_out else UNREACHABLE, "no answer before the limit")
    if bad is None:
        return Reply(FAILED, f"it ended as {result.status}, without a word")
    code = bad.result.get("rc")
    kind = KINDS.get(code, FAILED) if isinstance(code, int) else FAILED
    if bad.id and code == NO_PROGRAM:
        kind = UNPROVISIONED
    return Reply(kind, plain(bad.message))


def plain(words: str) -> str:
    """Return a task's words without what only its programs need."""
    return ENGINE.sub(r": \g<said>", words.removeprefix("error: "))


def _printed(event: Event) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        body = json.loads(str(event.result.get("stdout", "")))
        if isinstance(body, dict):
            return body
    return {}


def told(reply: Reply, body: Mapping[str, Any]) -> Reply:
    """Return a reply with what a step's answer tells besides: its seconds, the status after it."""
    seconds, seen, stay = body.get("seconds"), body.get("status"), body.get("old_stay")
    return dataclasses.replace(
        reply,
        words=f"old images stay: {stay}" if stay else reply.words,
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        device=device(seen) if isinstance(seen, dict) else None,
    )


def _device(reply: Reply, body: Mapping[str, Any]) -> Reply:
    if reply.kind != DONE:
        return reply
    if "current" not in body:
        return Reply(FAILED, "its status can't be read")
    return Reply(device=device(body))


def device(body: Mapping[str, Any]) -> Device:
    """Return what `mediapipe-image status --json` says."""
    current = body["current"] or {}
    running = body["running"]
    return Device(
        image_id=current.get("image_id", ""),
        trial=current.get("state") == "trial",
        rollout=current.get("rollout", ""),
        since=current.get("since", ""),
        why=current.get("why", ""),
        previous=(body["previous"] or {}).get("image_id", ""),
        running=running["image_id"] if running else "",
        healthy=_healthy(running),
        settled=bool(body["settled"]),
        held=body["held"],
        problem=body["problem"],
        left=tuple(
            (row["image_id"], row["rollout"])
            for row in body["history"]
            if row["event"] == "rollback"
        ),
    )


def _healthy(running: Mapping[str, Any] | None) -> bool | None:
    if running is None or (running["container"] and running["health"] == STARTING):
        return None
    up = running["unit"] == UP and running["container"]
    return bool(up and running["health"] in (NO_CHECK, "healthy"))


def latencies(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the latency of each task of a report, by the delegate that was asked for."""
    found = {}
    for name, task in report.get("tasks", {}).items():
        median = task.get("latency_ms", {}).get("gpu")
        if isinstance(median, int | float):
            found[name] = float(median)
    return found
