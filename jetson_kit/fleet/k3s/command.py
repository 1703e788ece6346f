"""What `fleet.k3s` does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from jetson_kit.core.errors import BadInputError, CheckFailedError
from jetson_kit.core.text import counted
from jetson_kit.fleet.k3s import check as checking
from jetson_kit.fleet.k3s import cluster, kustomize, view
from jetson_kit.fleet.k3s.manifests import Options
from jetson_kit.fleet.release import registry_push, release
from jetson_kit.fleet.rollout import plan as rollout_plan

NO_GROUPS = (
    "note: without --groups the service opens only device nodes that anybody may; "
    "on a board: stat -c %g /dev/nvmap /dev/dri/renderD128"
)


def write(
    target: str,
    image: str,
    options: Options,
    sites: Sequence[str],
    file: Path | None,
    output: Path | None,
) -> tuple[Path, ...]:
    """Write a target's manifests; return the folders to apply, in order.

    Raises BadInputError for a site that is named twice, and as release.load,
    registry_push.pushed, plan.load and kustomize.write.
    """
    if twice := sorted({site for site in sites if sites.count(site) > 1}):
        raise BadInputError(f"--sites names {', '.join(twice)} more than once", "name each once")
    result = release.load(release.folder_of(target))
    plan = rollout_plan.load(file, {})
    reference = image or registry_push.pushed(result).reference
    if result.l4t and not options.groups:
        print(NO_GROUPS, file=sys.stderr)
    return kustomize.write(result, reference, output or result.folder / "k3s", plan, options, sites)


def check(files: Sequence[Path]) -> None:
    """Print what a cluster makes of the service. Raises CheckFailedError, and as cluster.read."""
    state = cluster.read(files)
    result = checking.check(state)
    view.show(result)
    if result.faults:
        raise CheckFailedError(
            f"{counted(len(result.faults), 'fault')}: not every board gets and runs the service",
            "docs/kubernetes.md says what helps against each",
        )
    planned = [cluster.key(item) for item in state.daemon_sets if not item.get("status")]
    if planned:
        print(f"every DaemonSet selects a node; not applied yet: {', '.join(planned)}")
    else:
        print("every node that is selected gets one pod and runs it")
