"""What `build` prints: the plan before, the image after."""

from __future__ import annotations

from typing import Any

from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import l4t
from rich.table import Table
from rich.text import Text

from jetson_kit.app import service
from jetson_kit.app.settings import App
from jetson_kit.build import compose
from jetson_kit.build.images import Built
from jetson_kit.build.plan import BuildPlan
from jetson_kit.core.console import console

NO_NETWORK = (
    "none, as [service] of jetson.toml names no ports: the application reaches no host; "
    'network = "bridge" there gives it one'
)


def _grid(rows: list[tuple[str, str]]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, Text(value))  # a command or path may hold brackets
    out = console()
    with out.capture() as printed:
        out.print(table)
    for line in printed.get().splitlines():
        print(line.rstrip())


def show_plan(plan: BuildPlan) -> None:
    """Print a plan as a person reads it."""
    rows = [("image", f"{plan.tag} ({plan.platform})")]
    if plan.target:
        socs = ", ".join(f"{soc.family} ({soc.arm_level})" for soc in plan.socs)
        rows += [
            (
                "target",
                f"L4T {plan.target.l4t}, JetPack {plan.target.jetpack}, tier {plan.target.tier}",
            ),
            ("boards", socs),
        ]
    base = f"Debian {plan.suite} packages, no registry" if plan.suite else plan.base
    rows += [
        ("base", base + (f", variant {plan.variant}" if plan.variant != "runtime" else "")),
        *([("components", ", ".join(plan.components))] if plan.components else []),
        ("python", plan.python if plan.looked else f"unknown until the build looks at {plan.base}"),
        ("mediapipe", f"{plan.jetson_version} from {_wheel(plan)}"),
        ("verdict", f"{plan.verdict}: {plan.reason}"),
        ("lock", plan.as_json()["lock"] or "unknown: that of its Python"),
        ("models", ", ".join(plan.models)),
        *_engines(plan),
        *([("application", f"{plan.app.name}: {' '.join(plan.app.command)}")] if plan.app else []),
        ("output", str(plan.as_json()["output"])),
        *(("note", note) for note in plan.notes),
    ]
    _grid(rows)


def _wheel(plan: BuildPlan) -> str:
    return plan.pin.filename if plan.one_wheel else "the wheel for its Python"


def _engines(plan: BuildPlan) -> list[tuple[str, str]]:
    """Return what a plan says of TensorRT: which, how large, how many engines."""
    if plan.engines is None:
        return []
    runtime = plan.engines.runtime
    size = ""
    if runtime.download_mb:
        size = f" ({runtime.download_mb:.0f} MB to fetch, {runtime.unpacked_mb:.0f} MB unpacked)"
    return [
        ("tensorrt", f"{runtime.tensorrt}, {runtime.way}{size}"),
        ("engines", ", ".join(plan.engines.engines) or "none: boards build them"),
    ]


def _run(plan: BuildPlan | None) -> list[tuple[str, str]]:
    """Return how an application of the user's is run on a board."""
    if plan is None or plan.app is None or not plan.target:
        return []
    return [("run", service.run_line(plan.app, plan.tag))]


def application_rows(plan: BuildPlan | None) -> list[tuple[str, str]]:
    """Return what is to know of an application's image: for boards, the files that run it there."""
    if plan is None or plan.app is None:
        return []
    rows = []
    if plan.target:
        place = f"{service.PLACE} beside the inventory; to {service.GROUP} for one group"
        rows += [
            ("compose", f"{plan.output / compose.FILE}, its first lines say how"),
            ("fleet", f"copy {plan.output / service.FILE} to {place}"),
        ]
    if plan.app.service.network_mode == "none" and not plan.app.service.network:
        rows.append(("network", NO_NETWORK))
    return rows


def _run_on_a_card(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return how an image for this machine gets an NVIDIA card; a board's takes its runtime."""
    plan, image = facts["plan"], facts["image"]
    if plan["target"] or plan["mediapipe"]["verdict"] != "gpu" or image["architecture"] != "amd64":
        return []
    return [("NVIDIA card", f"docker run --rm --gpus all {image['tag']} verify")]


def show_built(built: Built, plan: BuildPlan | None = None) -> None:
    """Print what a build made."""
    facts: dict[str, Any] = built.manifest
    start = facts["first_start"]
    started, inference = start["how"], f"not run: {start['inference_reason']}"
    if start["selftest"]:
        core = f" {start['cpu']}" if start["cpu"] else ""
        started += f"{core}: Python {start['python']}, {facts['image']['architecture']}, imports ok"
        inference = f"ok on the CPU: {start['selftest']['message']}"
    rows = [
        ("image", f"{facts['image']['tag']}  {facts['image']['id'][:19]}"),
        (
            "size",
            f"{facts['image']['size'] / 1e6:.0f} MB unpacked, "
            f"{facts['archive']['size'] / 1e6:.0f} MB as OCI archive (zstd)",
        ),
        (
            "mediapipe",
            f"{facts['plan']['mediapipe']['version']}, "
            f"{facts['plan']['mediapipe']['verdict']}: "
            f"{facts['plan']['mediapipe']['reason']}",
        ),
        ("started", started),
        ("inference", inference),
        *application_rows(plan),
        *(("note", note) for note in facts["plan"]["notes"]),
        ("output", str(facts["plan"]["output"])),
    ]
    _grid(rows)
    # In lines of their own, unbroken, so that they can be copied.
    for name, command in (*_run(plan), *_run_on_a_card(facts)):
        print(f"{name}: {command}")
    print(f"next: {next_command(facts, plan.app if plan else None)}")


def next_command(facts: dict[str, Any], app: App | None = None) -> str:
    """Return what follows a build, by its manifest: to a board, or what it is for here.

    On this machine that is to run the application, or verify where there is none; on a board of
    the image's release, to verify.
    """
    tag = facts["image"]["tag"]
    if target := facts["plan"]["target"]:
        here = l4t.read()
        if not isinstance(here, Absent) and here.release == target["l4t"]:
            return f"./inv verify --image {tag}"
        return f"docker save {tag} | gzip | ssh user@board 'gunzip | docker load'"
    if app:
        return service.run_line_here(app, tag)
    software = " --expect software" if facts["plan"]["base"]["variant"] == "emulated" else ""
    return f"./inv verify --image {tag}{software}"
