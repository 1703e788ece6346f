"""`fleet.k3s`: manifests for clusters."""

from __future__ import annotations

from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import Commas, InputFile, Integer, OutputFolder
from jetson_kit.tasks.edge import kit_task


@kit_task(
    auto_shortflags=False,
    positional=["target"],
    options={
        "target": kinds.TARGET,
        "image": kinds.IMAGE,
        "groups": Commas(Integer(0, 2**32 - 2)),
        "file": InputFile(),
        "output": OutputFolder(),
    },
    help={
        "target": "name below dist/, or a folder that ./inv build wrote",
        "image": "NAME@sha256:HEX (default: where fleet.registry --push put it)",
        "groups": "numbers of the groups of the GPU's device nodes on the boards, by commas",
        "file": "plan of rollouts as TOML, for soak and batches",
        "output": "folder (default: k3s beside the build)",
    },
)
def k3s(
    c: Context,
    target: str,
    image: str = "",
    groups: tuple[int, ...] = (),
    file: Path | None = None,
    output: Path | None = None,
) -> None:
    """Write manifests for k3s or Kubernetes. Example: ./inv fleet.k3s r36.4.4 --groups 44,104."""
    from jetson_kit.fleet import k3s as manifests
    from jetson_kit.fleet.release import registry_push, release
    from jetson_kit.fleet.rollout import plan as rollout_plan

    del c
    made = release.load(release.folder_of(target))
    plan = rollout_plan.load(file, {})
    folder = output or made.folder / "k3s"
    named = image or registry_push.pushed(made).reference
    for path in manifests.write(made, named, folder, plan, list(groups)):
        print(path)
