"""`verify`: where inference runs, on this machine or on every host of an inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import Choice, Number, OutputFile, OutputFolder, Text
from jetson_kit.tasks.edge import kit_task


@kit_task(
    auto_shortflags=False,
    iterable=["task"],
    optional=["venv", "json"],
    options={
        "i": kinds.inventory,
        "limit": kinds.LIMIT,
        "image": kinds.IMAGE,
        "variant": kinds.VARIANT,
        "venv": OutputFolder(),
        "task": Text(),
        "level": Choice("quick", "full", "soak"),
        "minutes": Number(0.01, 7 * 24 * 60),
        "expect": kinds.VERDICT,
        "json": OutputFile(),
        "junit": OutputFile(),
        "prometheus": OutputFile(),
        "output": OutputFolder(),
    },
    help={
        "local": "verify on this machine (the default)",
        "i": "run the tests of tests/device on every host of this Ansible inventory",
        "limit": "with -i: only these hosts or groups, by commas",
        "image": "with --local: this image in place of ./inv build's",
        "variant": "with --local: the image's variant, runtime (default), emulated or dev",
        "venv": "with --local: in a virtual environment, the kit's own or one at this path",
        "task": "one task, such as FaceLandmarker; may be repeated",
        "level": "quick (default), full or soak; with -i: in place of mediapipe_level",
        "minutes": "with --level soak: how long, for each task",
        "expect": "gpu (default), software or cpu; an inventory has its own: mediapipe_expect",
        "json": "write the report to this file, or print it",
        "junit": "write JUnit's XML to this file",
        "prometheus": "write gauges for a text file collector to this file",
        "nagios": "print one line, and end as a Nagios plug-in does",
        "output": "with -i: folder for each host's report (default: dist/reports/INVENTORY)",
    },
)
def verify(
    c: Context,
    local: bool = False,
    i: Path | None = None,
    limit: str = "",
    image: str = "",
    variant: str = "",
    venv: Any = None,  # noqa: ANN401 # a path, or True for the flag alone
    task: list[str] | None = None,
    level: str = "",
    minutes: float = 0.0,
    expect: str = "",
    json: Any = None,  # noqa: ANN401 # a path, or True for the flag alone
    junit: Path | None = None,
    prometheus: Path | None = None,
    nagios: bool = False,
    output: Path | None = None,
) -> None:
    """Prove where inference runs. Example: ./inv verify --expect cpu.

    Verdicts are gpu, software, cpu, broken and unknown. Exit code 0 as expected, 1 not, 11 broken.
    """
    from jetson_kit.verify import command

    del c
    request = command.VerifyRequest(
        local=local,
        inventory=i,
        limit=limit,
        image=image,
        variant=variant,
        venv=venv,
        tasks=tuple(task or ()),
        level=level,
        minutes=minutes,
        expect=expect,
        output=output,
        outputs=command.Outputs(json, junit, prometheus, nagios),
    )
    command.main(request)
