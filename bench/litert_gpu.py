"""Every sub-model by LiteRT over Vulkan in the image for this machine, on Mesa's lavapipe.

On a board the same is `python3 -m mediapipe_jetson.bench.litert` in the image.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docker.errors import APIError, ContainerError

from jetson_kit.build import images, plan
from jetson_kit.build.request import Request
from jetson_kit.containers import engine, owned
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT
from jetson_kit.core.progress import Progress
from jetson_kit.core.reasons import why

OUT = ROOT / "bench" / "litert-gpu.json"
# Debian 13, whose Mesa is one that Dawn takes.
PYTHON = "3.13"
COMMAND = ("python3", "-m", "mediapipe_jetson.bench.litert")
# Shaders are compiled by a CPU, twice for each sub-model; with wider vectors it takes longer.
VARIABLES = {
    "VK_DRIVER_FILES": "/usr/share/vulkan/icd.d/lvp_icd.json",
    "LP_NATIVE_VECTOR_WIDTH": "128",
    "MEDIAPIPE_JETSON_CACHE": "/tmp/cache",  # noqa: S108 # in the container
}


def request() -> Request:
    """Return what is built: the image for this machine with software drivers."""
    return Request(variant="emulated", python=PYTHON)


def run(models: Sequence[str] = (), *, take: Path | None = None) -> dict[str, Any]:
    """Measure, or take a board's file, and write bench/litert-gpu.json; return the new document.

    `models` are parts of names. Results of one machine and driver replace the older ones of the
    same. Raises what a build raises, and StepFailedError.
    """
    try:
        text = take.read_text(encoding="utf-8") if take else _measured(models)
        document: dict[str, Any] = json.loads(text)
        place = [document["machine"], document["vulkan"], document["emulated"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if take:
            raise BadInputError(f"{take} is no result of bench.litert", "measure again") from error
        raise StepFailedError(f"no result of bench.litert: {why(error)}") from error
    if not models:
        known = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else []
        others = [
            item for item in known if [item["machine"], item["vulkan"], item["emulated"]] != place
        ]
        write_text(OUT, json.dumps([*others, document], indent=1) + "\n")
    return document


def _measured(models: Sequence[str]) -> str:
    progress = Progress()
    requested = plan.make(request())
    images.image_only(requested, progress)
    arguments = [word for name in models for word in ("--model", name)]
    try:
        output: bytes = engine.client().containers.run(
            requested.tag, [*COMMAND, *arguments], environment=VARIABLES, init=True, remove=True,
            read_only=True, network_mode="none", cap_drop=["ALL"],
            security_opt=["no-new-privileges"], tmpfs={"/tmp": "size=512m"},  # noqa: S108
            labels=owned.labels(), stdout=True, stderr=False,
        )  # fmt: skip
    except (ContainerError, APIError) as error:
        raise StepFailedError(f"bench.litert in the image: {error}") from error
    return output.decode("utf-8", "replace")
