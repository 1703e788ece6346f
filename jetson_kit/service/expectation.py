"""What an inventory expects of a host: its variables `mediapipe_*`, checked, as one dataclass."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.service import contract as service
from jetson_kit.service import extra as service_extra
from jetson_kit.service.extra import NONE, Extra
from jetson_kit.wheels.device_wheel import SOURCE

TASKS_TABLE = SOURCE / "src" / "mediapipe_jetson" / "data" / "verify_tasks.json"
VERDICTS = ("gpu", "software", "cpu")
LEVELS = ("quick", "full")
DEFAULT_MAX_AGE_S = 86400.0
# What the device side gives each of its processes.
DEFAULT_TIMEOUT_S = 300.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@functools.cache
def known_tasks() -> tuple[str, ...]:
    """Return the names of the tasks that the device side can verify."""
    return tuple(json.loads(TASKS_TABLE.read_text(encoding="utf-8")))


def check_tasks(names: Sequence[str]) -> None:
    """Raise BadInputError for a task that the device side can't verify."""
    for name in names:
        if name not in known_tasks():
            known = ", ".join(known_tasks())
            raise BadInputError(f"there is no task {name!r}", f"choose one of {known}")


def usual_tasks() -> tuple[str, ...]:
    """Return MediaPipe's own: those on a backend of the kit's are verified where they are named."""
    table = json.loads(TASKS_TABLE.read_text(encoding="utf-8"))
    return tuple(name for name, row in table.items() if "backends" not in row)


@dataclass(frozen=True)
class Expectation:
    """What must be seen on one host."""

    host: str
    verdict: str
    """"gpu", "software" or "cpu", for every task."""
    container: str
    image: str
    """Id, digest or tag of the image; "" where the inventory leaves it open."""
    tasks: tuple[str, ...]
    level: str
    l4t: str
    """Release that must be there; "" where the inventory leaves it open."""
    reports: str
    """Folder of the reports on the host."""
    cache: str
    """Folder on the host of what the device finds out for itself."""
    max_age_s: float
    """How old the report may be that stands on the host."""
    controls: bool
    """Whether the negative controls are run, each of which infers once more."""
    timeout_s: float = DEFAULT_TIMEOUT_S
    """How long each of verify's processes may take."""
    extra: Extra = NONE
    """What the container has for the user's application."""

    @property
    def needs_gpu(self) -> bool:
        """Tell whether the host must have a GPU that containers reach."""
        return self.verdict == "gpu"

    @property
    def service(self) -> service.Service:
        """Return the service as it must run on this host."""
        own = service.load()
        place = replace(own.reports, source=self.reports) if own.reports else None
        folder = replace(own.cache, source=self.cache) if own.cache else None
        network = self.extra.network or own.network
        return replace(own, name=self.container, reports=place, cache=folder, network=network)


def parse(host: str, variables: Mapping[str, Any]) -> Expectation:
    """Return what an inventory's variables expect of `host`. Raises BadInputError."""
    own = service.load()
    folder = own.reports.source if own.reports else ""
    defaults: dict[str, Any] = {
        "mediapipe_expect": "gpu",
        "mediapipe_container": own.name,
        "mediapipe_image": "",
        "mediapipe_tasks": list(usual_tasks()),
        "mediapipe_level": "quick",
        "mediapipe_l4t": "",
        "mediapipe_reports": folder,
        "mediapipe_cache": own.cache.source if own.cache else "",
        "mediapipe_report_max_age_s": DEFAULT_MAX_AGE_S,
        "mediapipe_controls": True,
        "mediapipe_timeout_s": DEFAULT_TIMEOUT_S,
    }
    result = {name: variables.get(name, default) for name, default in defaults.items()}

    def wrong(name: str, cure: str) -> BadInputError:
        return BadInputError(f"{host}: {name} is {result[name]!r}", cure)

    for name in ("mediapipe_expect", "mediapipe_level"):
        allowed = VERDICTS if name == "mediapipe_expect" else LEVELS
        if result[name] not in allowed:
            raise wrong(name, f"write one of {', '.join(allowed)} in the inventory")
    for name in ("mediapipe_image", "mediapipe_l4t", "mediapipe_reports", "mediapipe_cache"):
        if not isinstance(result[name], str):
            raise wrong(name, "write it as text, in quotes")
    container = result["mediapipe_container"]
    if not isinstance(container, str) or not NAME.fullmatch(container):
        raise wrong("mediapipe_container", "write a container's name")
    tasks = result["mediapipe_tasks"]
    if not isinstance(tasks, list) or not tasks or not set(map(str, tasks)) <= set(known_tasks()):
        raise wrong("mediapipe_tasks", f"write a list of {', '.join(known_tasks())}")
    for name in ("mediapipe_report_max_age_s", "mediapipe_timeout_s"):
        seconds = result[name]
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
            raise wrong(name, "write a number of seconds")
    if not isinstance(result["mediapipe_controls"], bool):
        raise wrong("mediapipe_controls", "write true or false")
    return Expectation(
        host=host,
        verdict=result["mediapipe_expect"],
        container=container,
        image=result["mediapipe_image"],
        tasks=tuple(dict.fromkeys(map(str, tasks))),
        level=result["mediapipe_level"],
        l4t=result["mediapipe_l4t"],
        reports=result["mediapipe_reports"],
        cache=result["mediapipe_cache"],
        max_age_s=float(result["mediapipe_report_max_age_s"]),
        controls=result["mediapipe_controls"],
        timeout_s=float(result["mediapipe_timeout_s"]),
        extra=service_extra.parse(variables),
    )
