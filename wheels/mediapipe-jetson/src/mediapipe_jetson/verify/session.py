"""One verification: which children are run at which level, and what is made of them."""

from __future__ import annotations

import dataclasses
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.landmarks import DATA
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import emulation, module, packages
from mediapipe_jetson.verify import (
    compare,
    contradictions,
    controls,
    counters,
    cycles,
    facts,
    rules,
    runner,
    soak,
)
from mediapipe_jetson.verify.hardware import Sampler

QUICK_TASKS = ("FaceLandmarker",)
# Of lengths that no even rhythm fits: what else keeps the GPU busy will not keep this time.
BURSTS = ((0.5, 0.6), (0.6, 1.0), (0.7, 0.9), (0.9, 1.6))
QUICK_BURSTS = ((0.5, 0.5), (0.6, 0.8), (1.6, 0.8))
# NVML gives the mean of up to a second, once in up to a second.
SLOW = 2.5
NOT_RUN = "not-at-this-level"
Observation = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Settings:
    """What was asked for; times in seconds."""

    level: str = "quick"
    delegate: str = "GPU"
    models: Path = Path("/opt/mediapipe/models")
    timeout_s: float = 300.0
    soak_s: float = 0.0


def tasks() -> dict[str, dict[str, Any]]:
    """Return the tasks of data/verify_tasks.json by name, in its order."""
    table = json.loads((DATA / "verify_tasks.json").read_text(encoding="utf-8"))
    return {name: {"name": name, **row} for name, row in table.items()}


def usual_tasks() -> tuple[str, ...]:
    """Return MediaPipe's own tasks: those on a backend of ours are run where they are named."""
    return tuple(name for name, row in tasks().items() if "backends" not in row)


def observe(
    name: str, settings: Settings, sampler: Optional[Sampler]
) -> dict[str, Optional[Observation]]:
    """Run one task under its controls; return the raw observations `run`, `cpu` and `withheld`."""
    task = tasks()[name]
    shim = counters.library()
    with tempfile.TemporaryDirectory(prefix="verify-model-") as folder:
        model = settings.models / task["model"]
        try:
            if "member" in task:
                model = runner.unpacked(model, task["member"], Path(folder))
            elif not model.is_file():
                raise FileNotFoundError(2, "no such file")
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            return {"run": _no_model(task, settings, error), "cpu": None, "withheld": None}
        request = runner.ChildRequest(
            task, model, DATA / task["picture"], (settings.delegate,), timeout_s=settings.timeout_s
        )
        return _children(request, settings, sampler, shim)


def turns(
    pairs: tuple[tuple[float, float], ...], sampler: Optional[Sampler]
) -> tuple[tuple[float, float], ...]:
    """Return pairs of work and rest in seconds as long as the sampler's sources need them."""
    if sampler is None:
        return ()
    slow = any(cycles.is_slow(name) for name in sampler.readers)
    return tuple((on_s * SLOW, off_s * SLOW) for on_s, off_s in pairs) if slow else pairs


def _children(
    request: runner.ChildRequest,
    settings: Settings,
    sampler: Optional[Sampler],
    shim: Optional[Path],
) -> dict[str, Optional[Observation]]:
    busy = sampler if sampler and sampler.readers else None
    if settings.delegate == "CPU":
        return {"run": runner.run(request, None, shim)[0], "cpu": None, "withheld": None}
    if settings.level == "quick":
        both = dataclasses.replace(
            request, delegates=("CPU", "GPU"), frames=3, bursts=turns(QUICK_BURSTS, busy)
        )
        if _cpu_opens_driver():
            # The driver would be in the process before the GPU's turn.
            alone = dataclasses.replace(both, delegates=("CPU",), control="cpu", bursts=())
            cpu = runner.run(alone, None, shim)[0]
            gpu = runner.run(dataclasses.replace(both, delegates=("GPU",)), sampler, shim)[0]
        else:
            cpu, gpu = runner.run(both, sampler, shim)
        # The samples are of the whole child: of its two phases only the second worked in turns.
        cpu["hardware"] = None
        return {"run": gpu, "cpu": cpu, "withheld": None}
    bursts = turns(BURSTS, busy)
    cpu_wanted = dataclasses.replace(request, delegates=("CPU",), control="cpu", bursts=bursts)
    cpu = runner.run(cpu_wanted, sampler, shim)[0]
    gpu_wanted = dataclasses.replace(request, bursts=bursts, soak_s=settings.soak_s)
    gpu = runner.run(gpu_wanted, sampler, shim)[0]
    # Without a GPU in the run there is nothing that a driver withheld could take away.
    if rules.judge("run", facts.of_run(gpu)).verdict not in ("gpu", "software", "unknown"):
        return {"run": gpu, "cpu": cpu, "withheld": None}
    withheld = runner.run(dataclasses.replace(request, control="withheld", frames=1), None, shim)[0]
    return {"run": gpu, "cpu": cpu, "withheld": withheld}


def _cpu_opens_driver() -> bool:
    version = packages.version("mediapipe")
    return version is not None and facts.opens_driver_on_cpu(version)


def _no_model(task: Mapping[str, Any], settings: Settings, error: Exception) -> Observation:
    why = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
    text = f"no model {settings.models / task['model']}: {why}"
    return {
        "task": task["name"],
        "delegate": settings.delegate,
        "control": "none",
        "outcome": {"stage": "start", "error": {"type": None, "text": text}},
    }


def judge_task(
    observed: Mapping[str, Optional[Mapping[str, Any]]],
    task: Mapping[str, Any],
    level: str,
    device: Mapping[str, Any],
) -> dict[str, Any]:
    """Judge one task's raw observations by the rules; the controls by the same ones."""
    run, cpu, withheld = (observed.get(name) for name in ("run", "cpu", "withheld"))
    if run is None:
        run = {}
    own = facts.of_run(run)
    judgement = rules.judge("run", own)
    judgements = {
        name: rules.judge("run", facts.of_run(control)) if control else None
        for name, control in (("cpu", cpu), ("withheld", withheld))
    }
    hardware = cycles.of_observation(run)
    cpu_hardware = cycles.of_observation(cpu)
    if hardware["hardware"] == "absent" and device.get("soc") in rules.book()["counters_expected"]:
        hardware = {"hardware": "expected", "hardware_detail": "not found"}
    result = compare.results(run.get("result"), (cpu or {}).get("result"), task)
    lasting = soak.of_observation(run, (cpu or {}).get("result"), task)
    if level == "soak" and lasting["soak"] == "not-run":
        lasting = {**lasting, "soak": "missing"}
    withheld_verdict = judgements["withheld"].verdict if judgements["withheld"] else None
    latency = {"gpu": compare.median_ms(run), "cpu": compare.median_ms(cpu)}
    known: dict[str, Any] = {
        "delegate": own["delegate"],
        "run": judgement.verdict,
        "run_rule": judgement.rule,
        "run_reason": judgement.reason,
        "run_remedy": judgement.remedy,
        "cpu": judgements["cpu"].verdict if judgements["cpu"] else None,
        "cpu_reason": judgements["cpu"].reason if judgements["cpu"] else "",
        "withheld": NOT_RUN if level == "quick" else withheld_verdict,
        "cpu_driver": facts.cpu_driver(cpu),
        "driver_before": facts.driver_before(run),
        **controls.fit(task["name"], run, cpu, withheld),
        **{name: value for name, value in result.items() if name != "distance"},
        **hardware,
        "cpu_hardware": cpu_hardware["hardware"],
        **lasting,
        **contradictions.renderer(facts.names(run), device),
        **contradictions.pace(latency["gpu"], latency["cpu"]),
        **emulated(device),
    }
    verdict = rules.judge("task", known)
    hints = _warnings(task["cpu_submodels"], lasting, latency, on_gpu=verdict.verdict == "gpu")
    row = facts.interface(task["name"], run.get("mediapipe"))
    return {
        **verdict.document(),
        "reasons": [verdict.reason, *(hint["reason"] for hint in hints)],
        "warnings": hints,
        "delegate": own["delegate"],
        "mediapipe": run.get("mediapipe"),
        "interface": row["api"] if row else None,
        "cpu_submodels": task["cpu_submodels"],
        "controls": {
            name: control.document() if control else None for name, control in judgements.items()
        },
        "latency_ms": latency,
        "distance": result["distance"],
        "facts": {"run": own, "task": known},
    }


def _warnings(
    cpu_submodels: Sequence[str],
    lasting: Mapping[str, Any],
    latency: Mapping[str, Optional[float]],
    *,
    on_gpu: bool,
) -> list[dict[str, str]]:
    """Return what is true beside a verdict: throttled, slower than the CPU, in part on the CPU."""
    gpu_ms, cpu_ms = latency["gpu"], latency["cpu"]
    slower = gpu_ms is not None and cpu_ms is not None and gpu_ms > cpu_ms
    return rules.warnings(
        {
            "throttled": lasting["throttled"],
            "throttle_detail": lasting["throttle_detail"],
            "slower": on_gpu and slower,
            "latency_detail": f"{gpu_ms} ms, CPU {cpu_ms} ms a frame",
            "cpu_submodels": on_gpu and bool(cpu_submodels),
            "submodels": ", ".join(cpu_submodels),
        }
    )


def judge_device(
    judgements: Mapping[str, Mapping[str, Any]], freshness: Optional[str]
) -> rules.Judgement:
    """Return the verdict for the device: what its weakest task says."""
    known: dict[str, Any] = {"tasks": len(judgements), "freshness": freshness}
    for verdict in rules.VERDICTS:
        names = [name for name, item in judgements.items() if item["verdict"] == verdict]
        known[f"any_{verdict}"] = bool(names)
        known[f"{verdict}_tasks"] = ", ".join(names)
    return rules.judge("device", known)


def emulated(device: Mapping[str, Any]) -> dict[str, Any]:
    """Return whether the device only stands for a Jetson (None: not known), and why."""
    value, reasons = emulation.judge(device.get("emulation"))
    return {"emulated": value, "emulated_reasons": "; ".join(reasons)}


def device_facts() -> dict[str, Any]:
    """Return the module and its SoC, which decide what counters are to be expected."""
    result = module.read()
    seen = {"emulation": dataclasses.asdict(emulation.read())}
    if isinstance(result, Absent):
        return {"model": None, "soc": None, "reason": result.reason, **seen}
    return {"model": result.model, "soc": result.soc, **seen}


def verify(
    names: Sequence[str], settings: Settings, progress: Callable[[str], None] = lambda _: None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run and judge tasks; return what was judged and what was observed, by task."""
    device = device_facts()
    judgements, observed = {}, {}
    sampler = Sampler()
    try:
        for name in names:
            progress(name)
            observed[name] = observe(name, settings, sampler)
            judgements[name] = judge_task(observed[name], tasks()[name], settings.level, device)
    finally:
        sampler.close()
    return judgements, {"device": device, "tasks": observed}
