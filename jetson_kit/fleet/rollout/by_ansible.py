"""Reaches hosts by Ansible: a playbook for each step, each host judged by its own deciding task."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.ansible_driver import ansible, inventory
from jetson_kit.ansible_driver.events import Event, HostResult
from jetson_kit.core.files import write_text
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout import answers
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.transport import DONE, FAILED, LOST, UNPROVISIONED, Replies, Reply

# As the board's program calls it where it is on no image.
NOTHING = "none"


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
        # What each host said last that it is on.
        self._on: dict[str, str] = {}
        # Hosts whose program was this controller's when this run asked.
        self._ours: set[str] = set()

    def look(self, hosts: Sequence[str]) -> Replies:
        """Return what each is on."""
        result = self._play("status", hosts, {})
        return self._note_image(
            {name: answers.seen(reply, body) for name, (reply, body, _) in result.items()}
        )

    def fits(self, hosts: Sequence[str]) -> Replies:
        """Tell whether each takes the release and has the space for it, by this program."""
        programs = self.programs(hosts)
        ready = [name for name in hosts if programs[name].kind == DONE]
        return {**programs, **(self.offer(ready) if ready else {})}

    def programs(self, hosts: Sequence[str]) -> dict[str, Reply]:
        """Bring each device's program to this controller's, where it is another.

        A machine that has several of the names is refused by each, and left as it is.
        """
        replies = self.versions(hosts)
        result = answers.one_each(replies)
        stop = (DONE, UNPROVISIONED, *LOST)
        # One that does not know the question refuses it, too.
        other = [name for name in hosts if replies[name].kind not in stop]
        other = [name for name in other if result[name] is replies[name]]
        if other:
            done = self._play("program", other, {}, result="version")
            result |= {
                name: answers.version(reply, body, brought=True)
                for name, (reply, body, _) in done.items()
            }
        result = answers.one_each(result)
        self._ours |= {name for name in hosts if result[name].kind == DONE}
        return result

    def others(self, hosts: Sequence[str]) -> dict[str, Reply]:
        """Bring this program to hosts that this run did not ask; return those without it."""
        new = [name for name in hosts if name not in self._ours]
        replies = self.programs(new) if new else {}
        return {name: reply for name, reply in replies.items() if reply.kind != DONE}

    def versions(self, hosts: Sequence[str]) -> Replies:
        """Tell whether each device's program is this controller's: done where it is."""
        result = self._play("version", hosts, {})
        return {name: answers.version(reply, body) for name, (reply, body, _) in result.items()}

    def offer(self, hosts: Sequence[str]) -> Replies:
        """Offer the release to each, and note which layers it lacks."""
        result = self._play("preflight", hosts, self._offer(), result="offer")
        for name, (_, body, _) in result.items():
            if isinstance(body.get("layers"), list):
                rows = body["layers"]
                self._lacks[name] = [str(row["digest"])[7:] + ".part" for row in rows]
        return self._note_image({name: reply for name, (reply, _, _) in result.items()})

    def _note_image(self, replies: Replies) -> Replies:
        """Note what hosts are on: nobody else may change that before a switch."""
        for name, reply in replies.items():
            if reply.device is not None:
                self._on[name] = reply.device.image_id or NOTHING
        return replies

    def fetch(self, hosts: Sequence[str]) -> Replies:
        """Bring the image to each."""
        variables = {
            **self._offer(),
            "image_id": self._image_id,
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
        """Put each on the image, on trial; a run that was resumed may find other programs."""
        without = self.others(hosts)
        hosts = [name for name in hosts if name not in without]
        variables = {
            "image_id": self._image_id,
            "image_rollout": self._rollout,
            "image_why": f"rollout {self._rollout}",
            "image_trial_s": self._plan.trial_s,
            "image_seen": {name: self._on[name] for name in hosts if name in self._on},
        }
        return {**without, **(self._replies("switch", hosts, variables) if hosts else {})}

    def verify(self, hosts: Sequence[str]) -> Replies:
        """Verify where inference runs on each; its report is kept."""
        results = self._play(
            "verify",
            hosts,
            # No inventory may open this gate.
            {"verify_level": self._plan.verify, "verify_required": True},
        )
        replies = {}
        for name, (reply, _, result) in results.items():
            report = result.report.get("verify")
            if isinstance(report, dict):
                write_text(self._site.reports / f"{name}.json", json.dumps(report, indent=1))
                replies[name] = Reply(
                    reply.kind, reply.message, latency_ms=answers.latencies(report)
                )
            else:
                # Without a report nothing was verified, whatever the play says.
                kind = FAILED if reply.kind == DONE else reply.kind
                replies[name] = Reply(kind, reply.message or "there is no report")
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
        result = {"image_release": path, "image_way": self._plan.way, **self._variables}
        return {**result, "image_allow_downgrade": self._plan.allow_downgrade}

    def _replies(
        self,
        playbook: str,
        hosts: Sequence[str],
        variables: Mapping[str, Any],
        limit_s: float | None = None,
        skip: Sequence[str] = (),
    ) -> Replies:
        result = self._play(playbook, hosts, variables, limit_s, skip)
        return {name: reply for name, (reply, _, _) in result.items()}

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
        replies = {}
        for name in hosts:
            host = outcome.hosts.get(name, HostResult(name, "unfinished"))
            done = decided.get(name)
            reply = answers.reply_of(host, done, last.get(name), timed_out=outcome.timed_out)
            body = answers.printed(done) if done and reply.kind == DONE else {}
            if reply.kind == UNPROVISIONED:
                reply = answers.unprovisioned(name, self._site.inventory)
            replies[name] = (answers.with_step_results(reply, body), body, host)
        return replies
