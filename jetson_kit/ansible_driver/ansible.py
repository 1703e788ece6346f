"""Runs Ansible: one playbook over hosts of one inventory, its results typed and streamed."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jetson_kit.ansible_driver import (
    collections,
    environments,
    events,
    inventory,
    logs,
    program_environment,
)
from jetson_kit.ansible_driver.events import Event, HostResult
from jetson_kit.core import files
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.paths import ANSIBLE, COLLECTION, COLLECTION_NAME
from jetson_kit.core.run import failure

HOME = ANSIBLE
PLAYBOOKS = COLLECTION / "playbooks"
RELEASE_VARIABLE = "mediapipe_l4t"
GRACE_S = 10.0
LAST_LINES = 40
Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Job:
    """What is asked of Ansible."""

    playbook: str
    """Name of a playbook of the collection, or a path."""
    inventory: Path
    hosts: tuple[str, ...] = ()
    """Whom it is for; () is every host of the inventory."""
    releases: Mapping[str, str] = field(default_factory=dict)
    """Each host's L4T release, from whoever has read the inventory before: that takes a second."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Above all others; they go by a file that only we can read, never by an argument."""
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    check: bool = False
    diff: bool = False
    forks: int = 50
    timeout_s: float | None = None
    log: Path | None = None
    """Gets every JSON line and every warning, appended."""


@dataclass(frozen=True)
class Outcome:
    """The result of each host, and of the run."""

    hosts: Mapping[str, HostResult]
    timed_out: bool = False

    @property
    def failed(self) -> tuple[str, ...]:
        """Return the hosts on which not all was done, whatever the reason."""
        return tuple(name for name, host in self.hosts.items() if not host.good)

    @property
    def changed(self) -> int:
        """Return the number of tasks that changed something."""
        return sum(host.counts.get("changed", 0) for host in self.hosts.values())


def run(job: Job, listener: Listener | None = None, hold: Sequence[int] = ()) -> Outcome:
    """Run a playbook; hosts of JetPack 4 by their own ansible-core, after the others.

    `listener` is called for the end of every task while it runs. `hold` are file descriptors (a
    lock) that stay open until Ansible itself has ended, even where this process was killed. A host
    that fails is in the outcome; BadInputError and StepFailedError are for what keeps Ansible from
    starting: an inventory, a playbook, an option.
    """
    known = job.releases or releases_of(inventory.load(job.inventory, ",".join(job.hosts)))
    if job.hosts:
        known = {name: l4t for name, l4t in known.items() if name in job.hosts}
    result: dict[str, HostResult] = {}
    late = False
    for core, names in environments.split(known).items():
        part, over = _run(job, environments.get(core), names, listener, hold)
        result |= part
        late = late or over
    return Outcome({name: result[name] for name in known}, late)


def releases_of(hosts: Iterable[inventory.Host]) -> dict[str, str]:
    """Return the release that an inventory gives each host, "" for none: see environments."""
    return {host.name: str(host.variables.get(RELEASE_VARIABLE) or "") for host in hosts}


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment in which Ansible's programs find settings and collections."""
    return {
        **program_environment.of_user(),
        "ANSIBLE_CONFIG": str(HOME / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(
            [str(HOME / "collections"), str(collections.path())]
        ),
        "ANSIBLE_HOST_KEY_CHECKING": "true",
        "ANSIBLE_NOCOLOR": "1",
        "PYTHONUNBUFFERED": "1",
        **program_environment.secrets(),
        **(extra or {}),
    }


def _run(
    job: Job,
    where: environments.Environment,
    names: Sequence[str],
    listener: Listener | None,
    hold: Sequence[int],
) -> tuple[dict[str, HostResult], bool]:
    with files.scratch("kit-ansible-") as scratch, _log(job.log) as log:
        job = _same(job, where, Path(scratch))
        errors = Path(scratch, "stderr")
        with errors.open("w", encoding="utf-8") as stderr:
            child = subprocess.Popen(
                [*_leash(), *_command(job, where, names, Path(scratch))],
                cwd=HOME,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                errors="replace",
                pass_fds=tuple(hold),
                start_new_session=True,
            )
            stats, seen, late = _follow(child, job.timeout_s, listener, log)
        text = errors.read_text(encoding="utf-8", errors="replace")
        if log:
            log.write(text)
    if stats is None and not late and not seen:
        raise _not_started(job, child.returncode, text)
    return events.results(stats, seen, names), late


def _same(job: Job, where: environments.Environment, scratch: Path) -> Job:
    """Return the job with an inventory that means the same to this ansible-core as to the newest.

    The older one passes over files with other suffixes and renders some templates otherwise.
    """
    if where.core == environments.LOCKED:
        return job
    _inventory(job.inventory.absolute()).write(scratch / "hosts.json")
    return dataclasses.replace(job, inventory=scratch / "hosts.json")


@functools.lru_cache(maxsize=4)
def _inventory(path: Path) -> inventory.Inventory:
    """Read an inventory once: a rollout has many steps, and a script may answer otherwise later."""
    return inventory.read(path)


def _command(
    job: Job, where: environments.Environment, names: Sequence[str], scratch: Path
) -> list[str]:
    """Return the command line; what may be long or secret goes by files in `scratch` (0700)."""
    own = Path(job.playbook).suffix not in {".yml", ".yaml"}
    book = PLAYBOOKS / f"{job.playbook}.yml" if own else Path(job.playbook).absolute()
    if not book.exists():
        raise BadInputError(
            f"there is no playbook {book}", f"see {PLAYBOOKS.relative_to(HOME.parent)}"
        )
    limit, variables = scratch / "limit", scratch / "variables.json"
    limit.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    variables.write_text(json.dumps(dict(job.variables)), encoding="utf-8")
    command = [str(where.program("ansible-playbook")), "-i", str(job.inventory.absolute())]
    command += ["--limit", f"@{limit}", "--extra-vars", f"@{variables}", "--forks", str(job.forks)]
    for option, tags in (("--tags", job.tags), ("--skip-tags", job.skip_tags)):
        if tags:
            command += [option, ",".join(tags)]
    command += [
        word for word, requested in (("--check", job.check), ("--diff", job.diff)) if requested
    ]
    return [*command, f"{COLLECTION_NAME}.{job.playbook}" if own else str(book)]


def _leash() -> list[str]:
    """Return what ends Ansible when this process is killed, so that nothing goes on unwatched."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "TERM"] if program else []


def _follow(
    child: subprocess.Popen[str],
    timeout_s: float | None,
    listener: Listener | None,
    log: logs.Log | None,
) -> tuple[Mapping[str, Any] | None, list[Event], bool]:
    """Read events until the end, or until time is up; the child is gone on return."""
    stats: Mapping[str, Any] | None = None
    seen: list[Event] = []
    ids: dict[str, str] = {}
    with _ended(child, timeout_s) as late:
        for line in child.stdout or ():
            if log:
                log.write(line)
            name, document = events.parse(line)
            if name == events.STATS:
                stats = document
            elif name == events.NAMED:
                ids[str(document.get("task"))] = str(document.get("result"))
            for event in events.of(name, document, ids):
                seen.append(event)
                if listener:
                    listener(event)
        child.wait()
    return stats, seen, late.is_set()


@contextlib.contextmanager
def _ended(child: subprocess.Popen[str], timeout_s: float | None) -> Iterator[threading.Event]:
    """Yield an event that is set when time is up; the child is gone at the end, come what may."""
    late = threading.Event()

    def over() -> None:
        late.set()
        _signal(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)
        _signal(child, signal.SIGKILL)

    timer = threading.Timer(timeout_s, over) if timeout_s else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        yield late
    finally:
        if timer:
            timer.cancel()
        # Reached with the child alive by Ctrl-C and by a listener's error.
        if child.poll() is None:
            _signal(child, signal.SIGTERM)
            try:
                child.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)
                child.wait()


def _signal(child: subprocess.Popen[str], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _log(path: Path | None) -> contextlib.AbstractContextManager[logs.Log | None]:
    return logs.log(path) if path else contextlib.nullcontext()


def _not_started(job: Job, code: int, output: str) -> Exception:
    lines = [line for line in output.splitlines() if line.strip()]
    marked = next((line for line in lines if line.startswith(("[ERROR]", "ERROR!"))), "")
    if marked:
        reason = marked.partition(" ")[2]
        return StepFailedError(f"ansible-playbook {job.playbook}: {reason}")
    return failure(f"ansible-playbook {job.playbook}", code, "\n".join(lines[-LAST_LINES:]))
