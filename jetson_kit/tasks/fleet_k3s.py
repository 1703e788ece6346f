"""`fleet.k3s`: manifests for clusters."""

from __future__ import annotations

from invoke.context import Context

from jetson_kit.tasks.edge import kit_task


@kit_task(
    auto_shortflags=False,
    positional=["target"],
    help={
        "target": "name below dist/, or a folder that ./inv build wrote",
        "image": "NAME@sha256:HEX (default: where fleet.registry --push put it)",
        "groups": "numbers of the groups of the GPU's device nodes on the boards, by commas",
        "file": "plan of rollouts as TOML, for soak and batches",
        "output": "folder (default: k3s beside the build)",
    },
)
def k3s(
    c: Context, target: str, image: str = "", groups: str = "", file: str = "", output: str = ""
) -> None:
    """Write manifests for k3s or Kubernetes. Example: ./inv fleet.k3s r36.4.4 --groups 44,104."""
    from pathlib import Path

    from jetson_kit.errors import BadInputError
    from jetson_kit.fleet import k3s as manifests
    from jetson_kit.fleet import registry_push, release, rollout_plan

    del c
    try:
        numbers = [int(word) for word in groups.split(",") if word.strip()]
    except ValueError as error:
        raise BadInputError(f"{groups} are no numbers of groups", "write 44,104") from error
    made = release.load(release.folder_of(target))
    plan = rollout_plan.load(Path(file) if file else None, {})
    folder = Path(output) if output else made.folder / "k3s"
    named = image or registry_push.pushed(made).reference
    for path in manifests.write(made, named, folder, plan, numbers):
        print(path)
