"""The systemd unit and its container: settings for its start, restart, and how it is."""

import re
import shlex
import stat
import time
from pathlib import Path
from typing import List, NamedTuple, Optional, Pattern, Sequence

from mediapipe_image import command, disk, ending, engine, guarded, records, state_files
from mediapipe_image.errors import IntegrityError, StepFailedError
from mediapipe_image.settings import Settings

ENV = disk.LIB / "current.env"
IMAGE = re.compile(r"^MEDIAPIPE_IMAGE=(sha256:[0-9a-f]{64})$", re.MULTILINE)
BEFORE = re.compile(r'^MEDIAPIPE_IMAGES_BEFORE="([0-9a-f: sh]*)"$', re.MULTILINE)
OPTIONS = re.compile(r'^MEDIAPIPE_DEVICE_OPTIONS="((?:[^"\\\n]|\\.)*)"$', re.MULTILINE)
ESCAPED = re.compile(r'([\\"])')
PROBE_S = 20.0
POLL_S = 0.5


class Look(NamedTuple):
    """One look at the service."""

    image_id: str
    # systemd's word: active, activating, inactive or failed.
    unit: str
    running: bool
    healthy: bool
    # docker's own word where the image has a check: starting, healthy or unhealthy.
    health: str


def write_env(image_id: str, settings: Optional[Settings]) -> None:
    """Write what the unit's start reads; nothing is written where nothing changes.

    Without settings the options of the device stay those of the last start.
    """
    options = _options_of_env()
    if settings is not None:
        words = " ".join(shlex.quote(word) for word in device_options(settings))
        options = ESCAPED.sub(r"\\\1", words)
    before = [
        records.engine_id(item) for item in state_files.read().image_ids() if item != image_id
    ]
    text = f"MEDIAPIPE_IMAGE={records.engine_id(image_id)}\n"
    text += f'MEDIAPIPE_DEVICE_OPTIONS="{options}"\n'
    # For the day on which the state is lost.
    text += f'MEDIAPIPE_IMAGES_BEFORE="{" ".join(before)}"\n'
    if _env() != text:
        disk.write(ENV, text)


def engine_ids_of_env() -> List[str]:
    """Return the image that the service was started with last, then those before it.

    They are the engine's ids; none where nothing was started.
    """
    started = _in_env(IMAGE)
    return [started, *_in_env(BEFORE).split()] if started else []


def _options_of_env() -> str:
    """Return the options of the last start, as they stand there; none where they are no words."""
    options = _in_env(OPTIONS)
    try:
        shlex.split(re.sub(r"\\(.)", r"\1", options))
    except ValueError:
        return ""
    return options


def _in_env(pattern: Pattern[str]) -> str:
    match = pattern.search(_env())
    return match.group(1) if match else ""


def _env() -> str:
    """Return the text of current.env; what is damaged, or not root's own, is none."""
    try:
        text = guarded.read(ENV).decode("utf-8")
        disk.check_owner(ENV)
    except (IntegrityError, OSError, ValueError):
        return ""
    return text


def device_options(settings: Settings) -> List[str]:
    """Return the options of `docker run` that follow from this device, read anew each time."""
    words: List[str] = []
    for number in groups(settings.device_nodes):
        words += ["--group-add", str(number)]
    has = settings.nvidia == "on"
    if settings.nvidia == "auto":
        has = settings.nvidia_runtime in engine.info().runtimes
    if has:
        words += ["--runtime", settings.nvidia_runtime]
        for name, value in sorted(settings.nvidia_environment.items()):
            words += ["--env", f"{name}={value}"]
    return words


def groups(patterns: Sequence[str]) -> List[int]:
    """Return the groups that a user needs for the device's nodes; root's never is one."""
    result = set()
    for pattern in patterns:
        for node in Path("/").glob(pattern.lstrip("/")):
            try:
                facts = node.stat()
            except OSError:
                continue
            mode = stat.S_IMODE(facts.st_mode)
            # Who may use a node by the rights of all needs no group for it.
            if mode & 0o060 == 0o060 and mode & 0o006 != 0o006:
                result.add(facts.st_gid)
    return sorted(result - {0})


def restart(settings: Settings) -> None:
    """Restart the unit; a unit that failed too often before may start again."""
    command.ask(["systemctl", "reset-failed", settings.unit])
    since = disk.uptime()
    done = command.ask(["systemctl", "restart", settings.unit], 180.0)
    if done.code:
        why = ending.of_start(settings, since)
        if why:
            raise StepFailedError(why)
        raise command.failure(["systemctl", "restart"], done)


def stop(settings: Settings) -> None:
    """Stop the unit."""
    command.run(["systemctl", "stop", settings.unit], 180.0)


def unit_state(settings: Settings) -> str:
    """Return the unit's state: active, activating, inactive, failed."""
    return command.ask(["systemctl", "is-active", settings.unit]).out.strip() or "unknown"


def look(settings: Settings, *, probe: bool = True) -> Look:
    """Return how the service is now; `probe` runs the image's own check where docker waits."""
    unit = unit_state(settings)
    active = unit == "active"
    container = engine.container(settings.container)
    if container is None:
        return Look("", unit, False, False, "")
    image_id = records.image_id(container.engine_id)
    if not container.running:
        return Look(image_id, unit, False, False, container.health)
    healthy = container.health == "healthy"
    if not healthy and probe and active:
        image = engine.image(container.engine_id)
        test = image.healthcheck if image else ()
        if test and test[0] != "NONE":
            healthy = engine.probe(container.container_id, test, PROBE_S)
        else:
            healthy = _ran(settings, container)
    return Look(image_id, unit, True, active and healthy, container.health)


def wait_healthy(image_id: str, settings: Settings, limit_s: float) -> float:
    """Wait for the image to be healthy; return the seconds. Raises StepFailedError."""
    start, since = time.monotonic(), disk.uptime()
    while True:
        seen = look(settings)
        waited = time.monotonic() - start
        if seen.healthy and seen.image_id == image_id:
            return waited
        given_up = seen.health == "unhealthy" and seen.image_id == image_id
        if given_up or waited > limit_s:
            message = "not healthy after {:.0f} s (unit {}, container {}, health {})".format(
                waited,
                seen.unit,
                "running" if seen.running else "not running",
                seen.health or "unknown",
            )
            why = ending.words(image_id, since)
            if not why and seen.image_id == image_id:
                why = ending.of_container(settings)
            raise StepFailedError(f"{message}; {why}" if why else message)
        time.sleep(POLL_S)


def _ran(settings: Settings, found: engine.Container) -> bool:
    """Tell whether a container without a check has run for a while, without a restart."""
    time.sleep(settings.settled_s)
    second = engine.container(settings.container)
    return (
        second is not None
        and second.running
        and (second.container_id, second.started_at) == (found.container_id, found.started_at)
    )
