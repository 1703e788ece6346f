"""Many virtual devices at once: up together, down together, and what killed runs left, cleaned.

A device that does not come up is taken down again, its last words shown; the others stay.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from jetson_kit.core import stopping
from jetson_kit.core.errors import KitError, StepFailedError
from jetson_kit.core.progress import Progress
from jetson_kit.virtual_devices import inventory, keys, kinds, power, procs, store
from jetson_kit.virtual_devices.device_request import DeviceRequest
from jetson_kit.virtual_devices.spec import Device
from jetson_kit.virtual_devices.store import Record

ADDRESS = "127.0.0.1"
# At once: more only wait for the two cores.
WORKERS = 8


def up(request: DeviceRequest, progress: Progress) -> tuple[Record, ...]:
    """Bring devices up and return their records.

    Raises StepFailedError if one of them does not come up, and what making the root raises.
    """
    with store.exclusive():
        clean()
        records = [_record(request, name, port) for name, port in _places(request)]
        for record in records:
            store.add(record)
    cancelled = threading.Event()
    try:
        what = f"root for {request.kind} {request.arch}, Docker {request.engine}"
        with progress.step("root", what):
            kinds.machine(request.kind).prepare(request.arch, request.engine)
        login = keys.pair("mediapipe-jetson-devices")
        with ThreadPoolExecutor(WORKERS) as pool:
            runs = [pool.submit(_up, record, login, cancelled, progress) for record in records]
            with _cancelling(cancelled, runs):
                wait(runs)
    except BaseException:
        _drop([record for record in records if not _ready(record)])
        raise
    failed = [run.exception() for run in runs]
    problems = [error for error in failed if error]
    if problems:
        _drop([record for record in records if not _ready(record)])
        raise _combined_error(problems, len(records))
    with store.exclusive():
        inventory.write(store.records())
    return tuple(run.result() for run in runs)


def _up(record: Record, login: keys.Pair, cancelled: threading.Event, progress: Progress) -> Record:
    device = record.device
    if cancelled.is_set():
        raise StepFailedError(f"{device.name} was not started")
    what = f"{device.name}: {device.kind} {device.arch}, {device.module} r{device.l4t}"
    try:
        with progress.step(device.name, what) as step:
            result = power.up(record, login, cancelled)
            step.note = f"ssh after {result.times['ssh']:.1f} s, {result.system}"
    except KitError:
        with contextlib.suppress(KitError, OSError):
            if last_lines := power.last_words(device):
                progress.say(f"{device.name}, its last words:\n{last_lines}")
        raise
    return result


def down(names: Sequence[str], progress: Progress) -> tuple[str, ...]:
    """Take devices down, all of them where none is named; return their names.

    Raises BadInputError for a name that no device has.
    """
    with store.exclusive():
        clean()
        chosen = [store.get(name) for name in dict.fromkeys(names)] or list(store.records())
        claimed = [dataclasses.replace(item, stage="stopping", owner=procs.me()) for item in chosen]
        for record in claimed:
            store.write(record)
    with ThreadPoolExecutor(WORKERS) as pool:
        runs = [pool.submit(_down, record, progress) for record in claimed]
    with store.exclusive():
        clean()
    if problems := [error for run in runs if (error := run.exception())]:
        raise _combined_error(problems, len(runs))
    return tuple(record.device.name for record in claimed)


def _down(record: Record, progress: Progress) -> None:
    with progress.step(record.device.name, f"{record.device.name} down"):
        power.off(record)
        with store.exclusive():
            store.remove(record.device.name)


def clean() -> Path:
    """Remove what killed runs left, and write the inventory of what stays. The lock is held.

    A device that cannot be removed now (the engine may be down) stays for the next time.
    """
    for record in store.records():
        if record.left:
            with contextlib.suppress(KitError):
                power.off(record)
                store.remove(record.device.name)
    store.sweep()
    rest = store.records()
    power.sweep(frozenset(record.device.name for record in rest))
    return inventory.write(rest)


def _drop(records: Sequence[Record]) -> None:
    """Take down what did not come up."""
    with stopping.cleaning(), ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(_discard, records))
    with store.exclusive():
        for record in records:
            result = store.read(record.device.name)
            if result and result.owner == record.owner:
                store.remove(record.device.name)
        clean()


def _discard(record: Record) -> None:
    result = store.read(record.device.name)
    # Taken down and made anew by somebody else it is theirs; what is nobody's, `clean` finds.
    if result and result.owner == record.owner:
        with contextlib.suppress(KitError):
            power.off(record)


def _ready(record: Record) -> bool:
    result = store.read(record.device.name)
    return result is not None and result.stage == "ready"


def _places(request: DeviceRequest) -> Iterator[tuple[str, int]]:
    names = store.free_names(request.prefix, request.count)
    return zip(names, store.free_ports(request.count), strict=True)


def _record(request: DeviceRequest, name: str, port: int) -> Record:
    folder = store.state_dir() / name
    return store.new(
        Device(
            name=name,
            kind=request.kind,
            arch=request.arch,
            module=request.module,
            l4t=request.l4t,
            cpu=request.cpu,
            folder=folder,
            address=ADDRESS,
            port=port,
            user="root",
            key=folder / "key",
            known_hosts=folder / "known_hosts",
            engine=request.engine,
            memory_mib=request.memory_mib,
            root_on_disk=request.root_on_disk,
        )
    )


@contextlib.contextmanager
def _cancelling(cancelled: threading.Event, runs: Sequence[Future[Record]]) -> Iterator[None]:
    """On an interrupt let the running ones know, and wait for them, before it goes on."""
    try:
        yield
    except BaseException:
        cancelled.set()
        wait(runs)
        raise


def _combined_error(problems: Sequence[BaseException], count: int) -> BaseException:
    """Return one error for all: the first, and how many more there are."""
    first = problems[0]
    if isinstance(first, KitError) and len(problems) > 1:
        rest = f"{first.message} ({len(problems)} of {count} devices failed)"
        return type(first)(rest, first.cure)
    return first
