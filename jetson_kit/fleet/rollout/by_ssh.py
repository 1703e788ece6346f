"""Reaches hosts by ssh itself for what needs no more than a command, and by Ansible for the rest.

Ansible takes 30 ms of the controller for each command and nearly a second for each step; ssh takes
5 ms (docs/scale.md). Who decides is the same: the board's program, its exit code and its answer.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import shlex
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jetson_kit.ansible_driver import board_program, inventory, logs
from jetson_kit.ansible_driver.events import Event, words_of_ssh
from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.ansible_driver.program_environment import BECOME_SECRET
from jetson_kit.core import files, ssh
from jetson_kit.core.reasons import why
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.rollout import processes
from jetson_kit.fleet.rollout.answers import (
    KINDS,
    NO_PROGRAM,
    document,
    parts,
    seen,
    unprovisioned,
    unreadable,
    version,
    with_step_results,
)
from jetson_kit.fleet.rollout.by_ansible import Ansible
from jetson_kit.fleet.rollout.transport import (
    DONE,
    FAILED,
    REFUSED,
    TIMED_OUT,
    UNREACHABLE,
    Replies,
    Reply,
)

HOME = "/var/lib/mediapipe-jetson"
# As ansible.cfg has them.
OPTIONS = (
    *(*ssh.STRICT, *ssh.LASTING), *("-o", "ControlMaster=auto", "-o", "ControlPersist=60s"),
)  # fmt: skip
# Variables by which Ansible alone can reach a host or become root there.
ANSIBLE_ONLY = (
    "ansible_password", "ansible_ssh_pass", "ansible_become_password", "ansible_become_pass",
    "ansible_become_method", "ansible_become_exe", "ansible_become_flags", "ansible_become_user",
    "ansible_ssh_executable", "ansible_ssh_args", "ansible_sudo_pass",
)  # fmt: skip
LOST = 255
# rsync's exit codes for a connection that ended: of its protocol, and after no byte for a minute.
CUT = (LOST, 10, 12, 30, 35)
NO_ANSWER = "no answer before the limit"


Work = Callable[[Host], Awaitable[tuple[Reply, dict[str, Any]]]]


class Ssh(Ansible):
    """The transport of rollouts; hosts that ssh alone can't serve go by Ansible."""

    def __init__(self, *arguments: Any, **more: Any) -> None:  # noqa: ANN401 # the base's
        super().__init__(*arguments, **more)
        self._hosts: Mapping[str, Host] | None = None
        self._sockets = files.scratch("kit-ssh-")

    def look(self, hosts: Sequence[str]) -> Replies:
        """Return what each is on."""

        async def one(host: Host) -> tuple[Reply, dict[str, Any]]:
            reply, body = await self._image(host, "status")
            return seen(reply, body), body

        return self._each("status", hosts, one, super().look)

    def versions(self, hosts: Sequence[str]) -> Replies:
        """Tell whether each device's program is this controller's."""

        async def one(host: Host) -> tuple[Reply, dict[str, Any]]:
            reply, body = await self._image(host, "version")
            return version(reply, body), body

        return self._each("version", hosts, one, super().versions)

    def offer(self, hosts: Sequence[str]) -> Replies:
        """Offer the release to each, and note which layers it lacks."""

        async def one(host: Host) -> tuple[Reply, dict[str, Any]]:
            reply, body = await self._offered(host)
            if isinstance(body.get("layers"), list):
                self._lacks[host.name] = parts(body)
            return reply, body

        return self._each("offer", hosts, one, super().offer)

    def fetch(self, hosts: Sequence[str]) -> Replies:
        """Bring the image to each: from here by ssh, from a registry by Ansible."""
        if self._plan.way != "archive":
            return super().fetch(hosts)

        async def one(host: Host) -> tuple[Reply, dict[str, Any]]:
            if self._plan.jitter_s:
                await asyncio.sleep(random.uniform(0, self._plan.jitter_s))  # noqa: S311
            lacks = self._lacks.pop(host.name, None)
            if lacks is None:
                reply, body = await self._offered(host)
                if reply.kind != DONE:
                    return reply, body
                lacks = parts(body)
            if lacks:
                reply = await self._send(host, lacks)
                if reply.kind != DONE:
                    return reply, {}
            arguments = [f"--image={self._image_id}", f"{HOME}/incoming/release.json"]
            return await self._image(host, "receive", *arguments)

        return self._each("fetch", hosts, one, super().fetch, self._plan.fetch_limit_s)

    def switch(self, hosts: Sequence[str]) -> Replies:
        """Put each on the image, on trial."""
        arguments = [f"--rollout={self._rollout}", f"--why=rollout {self._rollout}"]
        arguments += [f"--trial={self._plan.trial_s}", self._image_id]

        async def one(host: Host) -> tuple[Reply, dict[str, Any]]:
            seen = [f"--seen={self._on[host.name]}"] if host.name in self._on else []
            return await self._image(host, "switch", *seen, *arguments)

        without = self.others(hosts)
        hosts = [name for name in hosts if name not in without]
        return {**without, **self._each("switch", hosts, one, super().switch)}

    def confirm(self, hosts: Sequence[str]) -> Replies:
        """End the trial of each, and let it remove what it does not need any more."""

        async def one(host: Host) -> tuple[Reply, dict[str, Any]]:
            return await self._image(host, "confirm", f"--keep={_keep(host)}", self._image_id)

        return self._each("confirm", hosts, one, super().confirm)

    def rollback(self, hosts: Sequence[str], why: str) -> Replies:
        """Put each back to its previous image."""
        arguments = [f"--why={why}", *([f"--from={self._image_id}"] if self._image_id else [])]

        def otherwise(names: Sequence[str]) -> Replies:
            return Ansible.rollback(self, names, why)

        return self._each("rollback", hosts, self._asking("rollback", *arguments), otherwise)

    def _asking(self, *arguments: str) -> Work:
        async def one(host: Host) -> tuple[Reply, dict[str, Any]]:
            return await self._image(host, *arguments)

        return one

    async def _offered(self, host: Host) -> tuple[Reply, dict[str, Any]]:
        """Offer the release and its signature."""
        if self._release is None:
            return Reply(REFUSED, "there is no release"), {}
        path = self._release.path
        lists = path.with_name(releases.SIGNERS)
        try:
            coded = [_coded(item) for item in (path, path.with_name(path.name + signing.SUFFIX))]
            options = [f"--signers={_coded(lists)}"] if lists.is_file() else []
        except OSError as error:
            return Reply(FAILED, f"cannot read the release: {why(error)}"), {}
        options += ["--allow-downgrade"] if self._plan.allow_downgrade else []
        return await self._image(host, "offer", f"--way={self._plan.way}", *options, *coded)

    async def _image(self, host: Host, *arguments: str) -> tuple[Reply, dict[str, Any]]:
        """Ask the board's program; return the reply, and what it answered."""
        command = [board_program.PATH, arguments[0], "--json", *arguments[1:]]
        if not _root(host):
            command = ["sudo", "-n", *command]
        result = await self._ask(host, command)
        if result.code is None:
            return Reply(TIMED_OUT, NO_ANSWER), {}
        if result.code == LOST:
            return Reply(UNREACHABLE, words_of_ssh(result.err) or result.reason), {}
        # Of sudo and of the shell; the program has the first one for other failures too.
        if result.code in (1, NO_PROGRAM) and not (await self._there(host)):
            return unprovisioned(host.name, self._site.inventory), {}
        if result.code:
            return Reply(KINDS.get(result.code, FAILED), result.reason.removeprefix("error: ")), {}
        with contextlib.suppress(ValueError):
            body = document(result.out)
            return with_step_results(Reply(), body), body
        return Reply(FAILED, unreadable(result.out)), {}

    async def _there(self, host: Host) -> bool:
        """Tell whether the program is on a host; also where that can't be found out."""
        return (await self._ask(host, ["test", "-e", board_program.PATH])).code != 1

    async def _ask(self, host: Host, command: Sequence[str]) -> processes.ProcessResult:
        ssh_command = [*self._login(host), "--", host.address, shlex.join(command)]
        return await processes.run(ssh_command, self._until)

    async def _send(self, host: Host, names: Sequence[str]) -> Reply:
        """Send layers; what came before a cut is kept, and the whole is compared at the end."""
        user, _, name = host.address.rpartition("@")
        place = f"[{name}]" if ":" in name else name
        command = ["rsync", "--recursive", "--partial", "--append-verify", "--timeout=60"]
        command += [f"--bwlimit={self._plan.rate_kib}", "--rsh", shlex.join(self._login(host))]
        command += [] if _root(host) else ["--rsync-path", "sudo -n rsync"]
        command += [f"--include={item}" for item in names]
        command += ["--exclude=*", f"{self._variables['image_layers']}/"]
        command += [
            f"{user}@{place}:{HOME}/blobs/sha256/" if user else f"{place}:{HOME}/blobs/sha256/"
        ]
        tries = int(host.variables.get("image_retries", 5))
        pause = float(host.variables.get("image_retry_delay_s", 5))
        result = processes.ProcessResult(0, "", "")
        for turn in range(max(1, tries)):
            if turn:
                await asyncio.sleep(pause * (1 + random.random()))  # noqa: S311
            result = await processes.run(command, self._until)
            if result.code == 0:
                return Reply()
            if result.code is None:
                return Reply(TIMED_OUT, NO_ANSWER)
        return Reply(UNREACHABLE if result.code in CUT else FAILED, result.reason)

    def _login(self, host: Host) -> list[str]:
        control = ("-o", f"ControlPath={self._sockets.name}/%C")
        return ["ssh", *host.ssh_options(), *OPTIONS, *control]

    def _each(
        self,
        step: str,
        hosts: Sequence[str],
        work: Work,
        otherwise: Callable[[Sequence[str]], Replies],
        limit_s: float | None = None,
    ) -> Replies:
        """Do a step on all hosts, as many at a time as the plan says."""
        if self._hosts is None:
            self._hosts = {host.name: host for host in inventory.load(self._site.inventory)}
        known = self._hosts
        own = [known[name] for name in hosts if name in known and _plain(known[name])]
        rest = [name for name in hosts if name not in {host.name for host in own}]
        result = dict(asyncio.run(self._all(step, own, work, limit_s))) if own else {}
        self._note_image(result)
        return {**result, **(otherwise(rest) if rest else {})}

    async def _all(
        self, step: str, hosts: Sequence[Host], work: Work, limit_s: float | None
    ) -> list[tuple[str, Reply]]:
        places = asyncio.Semaphore(self._plan.concurrency)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(processes.unless_stopped)
        self._until = loop.time() + (limit_s or self._plan.step_limit_s)

        async def one(host: Host) -> tuple[str, Reply]:
            async with places:
                reply, body = await work(host)
            self._note(step, host.name, reply, body)
            return host.name, reply

        return list(await asyncio.gather(*(one(host) for host in hosts)))

    def _note(self, step: str, name: str, reply: Reply, body: Mapping[str, Any]) -> None:
        """Log what became of a step, and tell whoever listens."""
        row = {"at": time.time(), "step": step, "host": name, "kind": reply.kind}
        with logs.log(self._site.log) as log:
            log.write(json.dumps({**row, "words": reply.message, "answer": dict(body)}) + "\n")
        if self._site.listener:
            status = "changed" if body.get("changed") else "ok"
            if reply.kind != DONE:
                status = "unreachable" if reply.kind == UNREACHABLE else "failed"
            self._site.listener(Event(name, f"image : {step}", status, reply.message, body))


def _coded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode("ascii")


def _root(host: Host) -> bool:
    return host.address.startswith("root@")


def _plain(host: Host) -> bool:
    """Tell whether a host is reached by ssh with a key, and root there without a password."""
    if os.environ.get(BECOME_SECRET) or any(name in host.variables for name in ANSIBLE_ONLY):
        return False
    return _by_ssh(host) and host.unreachable() is None and "image_keep" not in host.errors


def _keep(host: Host) -> object:
    return host.variables.get("image_keep", 3)


def _by_ssh(host: Host) -> bool:
    return host.variables.get("ansible_connection", "ssh") in inventory.SSH
