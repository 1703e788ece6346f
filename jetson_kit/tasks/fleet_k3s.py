"""`fleet.k3s`: manifests for clusters, and what a cluster makes of them."""

from __future__ import annotations

from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import MEBIBYTE, Commas, InputFile, Integer, OutputFolder, Text
from jetson_kit.tasks.edge import kit_task

RESOURCE = Text(
    253, r"[a-z0-9.-]+/[A-Za-z0-9_.-]+", "name of a device plugin's resource", "nvidia.com/gpu"
)


@kit_task(
    variadic="target",
    auto_shortflags=False,
    options={
        "target": kinds.TARGET,
        "image": kinds.IMAGE,
        "groups": Commas(Integer(1, 2**32 - 2)),
        "sites": Commas(Text(63)),
        "resources": Commas(RESOURCE),
        "metrics": Integer(1, 65535),
        "file": InputFile(),
        "output": OutputFolder(),
        "from_": Commas(InputFile(256 * MEBIBYTE)),
    },
    help={
        "target": "name below dist/, or a folder that ./inv build wrote",
        "image": "NAME@sha256:HEX (default: where fleet.registry --push put it)",
        "groups": "numbers of the groups of the GPU's device nodes on the boards, by commas",
        "sites": "names by commas; each gets waves of its own (default: one for all)",
        "resources": "device plugins' resources that a pod gets one of, such as nvidia.com/gpu",
        "metrics": "port at which the application serves metrics, for a PodMonitor",
        "file": "plan of rollouts as TOML, for soak and batches",
        "output": "folder (default: k3s beside the build)",
        "check": "read the cluster: which nodes get the service, and why others do not",
        "from_": "with --check: files of kubectl get ... --output json, instead of a cluster",
    },
)
def k3s(
    c: Context,
    target: list[str],
    image: str = "",
    groups: tuple[int, ...] = (),
    sites: tuple[str, ...] = (),
    resources: tuple[str, ...] = (),
    metrics: int = 0,
    file: Path | None = None,
    output: Path | None = None,
    check: bool = False,
    from_: tuple[Path, ...] = (),
) -> None:
    """Write manifests for k3s, or judge a cluster by them. Example: ./inv fleet.k3s r36.4.4.

    Example: ./inv fleet.k3s r36.4.4 --groups 44,104. Example: ./inv fleet.k3s --check. With --check
    it ends with 1 where a DaemonSet selects no node or a pod does not run.
    """
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.fleet.k3s import command
    from jetson_kit.fleet.k3s.manifests import Options

    del c
    options = Options(groups, resources, metrics)
    written = any((target, image, sites, file, output)) or options != Options()
    if check:
        if written:
            raise BadInputError("--check reads the cluster", "give it no other option than --from")
        command.check(from_)
        return
    if from_:
        raise BadInputError("--from is for --check", "add --check")
    if len(target) != 1:
        raise BadInputError(f"{len(target)} targets are named", "name one: ./inv fleet.k3s r36.4.4")
    for path in command.write(target[0], image, options, sites, file, output):
        print(path)
