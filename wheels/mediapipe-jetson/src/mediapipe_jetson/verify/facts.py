"""From one run's raw observations to the facts that the table of rules `run` asks for.

Each fact is None where nothing was observed. Nothing is trusted for the sake of its name alone:
names, work, mapped libraries and open devices are told apart here and put together by the rules.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from mediapipe_jetson.verify import contradictions
from mediapipe_jetson.verify.counters import NAMES, TEXT
from mediapipe_jetson.verify.rules import DATA, pattern

LONG = 300
LONGEST_NAME = TEXT - 1
WORK = ("gl_dispatch", "gl_draw", "vk_dispatch", "vk_submit")
VK_DEVICE_CPU = 4
VK_VENDOR_NVIDIA = 0x10DE
Observation = Mapping[str, Any]


@functools.lru_cache(maxsize=None)
def versions() -> dict[str, Any]:
    """Return data/verify_versions.json."""
    document: dict[str, Any] = json.loads(
        (DATA / "verify_versions.json").read_text(encoding="utf-8")
    )
    return document


def release(version: str) -> tuple[int, ...]:
    """Return a version's numbers: 1.2.2+jetson.1 is (1, 2, 2)."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def interface(task: str, version: Optional[str]) -> Optional[dict[str, Any]]:
    """Return on which interface a task runs in a version, its counter and the least count."""
    if not version:
        return None
    rows = versions()["tasks"].get(task, [])
    fits = [row for row in rows if release(row["from"]) <= release(version)]
    return dict(fits[-1]) if fits else None


def log_text(observation: Observation) -> str:
    """Return all that was logged: through the callback and on the standard streams."""
    log = observation.get("log") or {}
    lines = [str(line[1]) for line in log.get("lines", ())]
    return "\n".join([*lines, str(observation.get("stderr") or "")])


def logged_renderers(observation: Observation) -> list[str]:
    """Return the renderers of OpenGL contexts that the log names."""
    result = [line[1].strip() for line in pattern("log_gl").findall(log_text(observation))]
    return list(dict.fromkeys(result))


def logged_names(observation: Observation) -> list[str]:
    """Return the renderers, their versions and the Vulkan adapters that the log names."""
    text = log_text(observation)
    result = [word.strip() for line in pattern("log_gl").findall(text) for word in line]
    result += [name.strip() for name in pattern("log_adapter").findall(text)]
    return list(dict.fromkeys(result))


def names(observation: Observation) -> list[str]:
    """Return every string that names what draws: of the process's contexts and of its log."""
    context = observation.get("context") or {}
    seen = [str(value) for key, value in sorted(context.items()) if isinstance(value, str)]
    return list(dict.fromkeys([*seen, *logged_names(observation)]))


def _context(observation: Observation) -> Optional[str]:
    """Return what kind of context the process had: by all names together, not by any one."""
    context = observation.get("context")
    if not names(observation):
        counts = _counts(observation)
        idle = counts is not None and not counts["egl_make_current"] and not counts["vk_device"]
        return "none" if idle and context is not None else None
    reported = {name: value for name, value in (context or {}).items() if isinstance(value, str)}
    text = log_text(observation)
    vulkan = [reported.pop("vk_name", ""), *pattern("log_adapter").findall(text)]
    opengl = [
        *reported.values(),
        *(word for line in pattern("log_gl").findall(text) for word in line),
    ]
    gl_kind, vulkan_kind = _kind(opengl), _vulkan_kind(vulkan, context or {})
    row = interface(str(observation.get("task")), observation.get("mediapipe"))
    if (vulkan_kind if row and row["api"] == "webgpu" else gl_kind or vulkan_kind) == "software":
        return "software"
    kinds = {gl_kind, vulkan_kind} - {None}
    # Where OpenGL and Vulkan came to different drivers, no name tells which one did the work.
    return kinds.pop() if len(kinds) == 1 else "mixed"


def _kind(driver_names: Sequence[str]) -> Optional[str]:
    """Return what kind of driver the names of one interface show; None without a name."""
    text = "\n".join(driver_names).strip()
    if not text:
        return None
    if pattern("software_names").search(text):
        return "software"
    nvidia = bool(pattern("nvidia_names").search(text))
    mesa = bool(pattern("mesa_names").search(text))
    if nvidia and mesa:
        return "mixed"
    return "nvidia" if nvidia else "mesa" if mesa else "other"


def _vulkan_kind(driver_names: Sequence[str], context: Mapping[str, Any]) -> Optional[str]:
    kind = _kind(driver_names)
    if context.get("vk_device_type") == VK_DEVICE_CPU or "adapterType=CPU" in "\n".join(
        driver_names
    ):
        return "software"
    return "nvidia" if kind == "other" and context.get("vk_vendor_id") == VK_VENDOR_NVIDIA else kind


def _context_agrees(observation: Observation) -> Optional[bool]:
    """Tell whether a renderer of the log is the one that the process's own context told."""
    own = (observation.get("context") or {}).get("gl_renderer")
    logged = logged_renderers(observation)
    if not own or not logged:
        return None
    # The counter keeps only so much of a long name.
    return any(
        name == own or (len(own) >= LONGEST_NAME and name.startswith(own)) for name in logged
    )


def _counts(observation: Observation) -> Optional[dict[str, int]]:
    """Return the sum of all counters, creation included; None without a counter."""
    work = observation.get("work") or {}
    parts = [work.get("create"), *(work.get("frames") or [None])]
    seen = [part for part in parts if part]
    if not seen or not all(_is_count(part.get(name, 0)) for part in seen for name in NAMES):
        return None
    return {name: sum(part.get(name, 0) for part in seen) for name in NAMES}


def _is_count(value: Any) -> bool:  # noqa: ANN401 # JSON
    return type(value) is int and value >= 0


def _measured(observation: Observation) -> list[Mapping[str, int]]:
    """Return the counts of each frame, warm-up left out."""
    frames = (observation.get("work") or {}).get("frames") or []
    return list(frames[warmup(observation) :])


def warmup(observation: Observation) -> int:
    """Return how many frames came before the measured ones. Raises TypeError for what is none."""
    value = observation.get("warmup")
    if value is not None and not _is_count(value):
        raise TypeError(f"no number of frames: {value!r}")
    return value or 0


def per_frame(observation: Observation, counter: str) -> Optional[int]:
    """Return the least count of a measured frame."""
    return min((frame[counter] for frame in _measured(observation)), default=None)


def _work(
    observation: Observation,
    row: Optional[Mapping[str, Any]],
    gl_driver: Optional[bool],
    vulkan: Optional[bool],
) -> Optional[str]:
    """Return none, some or enough; None where the counter may have been passed by."""
    if row is None:
        return None
    counts = _counts(observation)
    seen = per_frame(observation, row["counter"])
    if seen is None or counts is None:
        return None
    if seen >= row["least"]:
        return "enough"
    # Preprocessing may draw, and another interface may work, where the one expected rests.
    if any(frame[name] for frame in _measured(observation) for name in WORK):
        return "some"
    if vulkan is not False and not counts["vk_device"] and not counts["vk_layer"]:
        # Vulkan's loader is there, but whether it took the counting layer is not known.
        return None
    blind = not any(counts[name] for name in ("egl_make_current", "gl_link_program", "vk_device"))
    return None if blind and (gl_driver is not False or logged_names(observation)) else "none"


def _matching(paths: Optional[Sequence[str]], name: str) -> Optional[bool]:
    # Every process has some library mapped: an empty list was not seen, and no list is none.
    if not isinstance(paths, list) or (not paths and name != "nvidia_nodes"):
        return None
    return any(pattern(name).search(path) for path in paths)


def _nodes(devices: Optional[Sequence[Mapping[str, Any]]]) -> Optional[str]:
    if devices is None:
        return None
    paths = [str(device["path"]) for device in devices]
    if _matching(paths, "nvidia_nodes"):
        return "nvidia"
    gpus = [device for device in devices if pattern("gpu_nodes").search(str(device["path"]))]
    if not gpus:
        return "none"
    virtual = [pattern("virtual_drivers").match(str(gpu.get("driver") or "")) for gpu in gpus]
    return "virtual" if all(virtual) else "other"


def _short(text: str) -> str:
    """Return the two ends of a long error: MediaPipe names the node first and the cause last."""
    return text if len(text) <= LONG else f"{text[: LONG // 2]} ... {text[-LONG // 2 :]}"


def _ended(outcome: Mapping[str, Any]) -> str:
    if outcome.get("timed_out"):
        return "timeout"
    if outcome.get("signal"):
        return "signal"
    if outcome.get("error"):
        return "error"
    return "ok" if outcome.get("stage") == "done" and not outcome.get("exit_code") else "early"


def of_run(observation: Observation) -> dict[str, Any]:
    """Return the facts of one run, and the words that reasons are filled with."""
    outcome = observation.get("outcome") or {}
    driver = observation.get("driver") or {}
    during, start = driver.get("during") or {}, driver.get("start") or {}
    libraries, devices = during.get("libraries"), during.get("devices")
    error = outcome.get("error") or {}
    error_text = ": ".join(filter(None, (error.get("type"), error.get("text"))))
    message = f"{log_text(observation)}\n{error_text}" if error else ""
    row = interface(str(observation.get("task")), observation.get("mediapipe"))
    ended = _ended(outcome)
    gl_driver = _matching(libraries, "gl_driver")
    counts = _counts(observation)
    software = _matching(libraries, "software_libraries")
    files = during.get("files")
    if contradictions.software_threads(during.get("threads")) or (
        contradictions.hidden_rasterizers(files)
    ):
        software = True
    return {
        "delegate": observation.get("delegate"),
        "stage": outcome.get("stage"),
        "ended": ended,
        "error": _short(error_text),
        "signal": outcome.get("signal") or "no signal",
        "gpu_disabled": bool(pattern("gpu_disabled").search(message)),
        "refuses_software": bool(pattern("refuses_software").search(message)),
        "no_model": bool(error) and error.get("type") is None,
        "no_egl": bool(pattern("no_egl").search(error_text)),
        "no_adapter": bool(pattern("no_adapter").search(message)),
        "missing_library": bool(pattern("missing_library").search(error_text)),
        "libraries_seen": bool(libraries) and isinstance(devices, list),
        "context": _context(observation),
        "context_agrees": _context_agrees(observation),
        "names": ", ".join(names(observation)) or "nothing named",
        "api_known": row is not None,
        "work": _work(observation, row, gl_driver, _matching(libraries, "vulkan_loader")),
        "work_seen": per_frame(observation, row["counter"]) if row else None,
        "work_least": row["least"] if row else None,
        "calls_lost": bool(counts["unresolved"]) if counts else None,
        "renderers": "uncounted" if not counts else "many" if counts["other_renderer"] else "one",
        "nvidia_core": _matching(libraries, "nvidia_core"),
        "nvidia_core_at_start": _matching(start.get("libraries"), "nvidia_core"),
        "nvidia_nodes": _matching(
            None if devices is None else [str(device["path"]) for device in devices], "nvidia_nodes"
        ),
        **contradictions.nodes(devices),
        **contradictions.mounts(during.get("mounts")),
        **contradictions.driver_files(files, libraries),
        "gpu_nodes": _nodes(devices),
        "software_library": software,
        "software_compiler": _matching(libraries, "software_compilers"),
        "software_compilers": contradictions.software_compilers(libraries),
        "gl_driver": gl_driver,
    }


def driver_before(observation: Observation) -> Optional[bool]:
    """Tell whether NVIDIA's driver was mapped before the task was created."""
    before = (observation.get("driver") or {}).get("before") or {}
    return _matching(before.get("libraries"), "nvidia_core")


def cpu_driver(observation: Optional[Observation]) -> Optional[bool]:
    """Tell whether NVIDIA's driver was in the control on the CPU, where it has nothing to do."""
    if not observation or not observation.get("mediapipe"):
        return None
    known = of_run(observation)
    if None in (known["nvidia_core"], known["nvidia_nodes"]):
        return None
    opens_one = opens_driver_on_cpu(str(observation["mediapipe"]))
    return bool(known["nvidia_core"] or known["nvidia_nodes"]) and not opens_one


def opens_driver_on_cpu(version: str) -> bool:
    """Tell whether a MediaPipe makes a context on the CPU delegate too."""
    return release(version) < release(versions()["cpu_makes_context_before"])
