"""`emulate`: a command in an arm64 image, on an emulated core."""

from __future__ import annotations

import sys

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import Text
from jetson_kit.tasks.edge import kit_task


@kit_task(
    positional=["image"],
    iterable=["volume", "env"],
    options={
        "image": kinds.IMAGE,
        "cpu": Text(),
        "timeout": kinds.SECONDS,
        "volume": Text(4096),
        "env": Text(4096),
        "network": Text(),
    },
    help={
        "image": "an arm64 image of the local engine; its command after --",
        "cpu": "cortex-a57, carmel, cortex-a76 or max (default: the oldest of the image's boards)",
        "timeout": "seconds, then it is ended and the exit code is 124; 0: none (default 600)",
        "volume": "SOURCE:/TARGET[:ro]; may be repeated",
        "env": "NAME=VALUE or NAME; may be repeated",
        "network": "none (default), bridge, host or a network's name",
        "print-cpuinfo": "print the /proc/cpuinfo that the core needs, and stop",
    },
)
def emulate(
    c: Context,
    image: str,
    cpu: str = "",
    timeout: float = 600.0,
    volume: list[str] = [],  # noqa: B006 # Invoke makes a list of its own
    env: list[str] = [],  # noqa: B006
    network: str = "none",
    print_cpuinfo: bool = False,
) -> None:
    """Run a command in an arm64 image. Example: ./inv emulate IMAGE -- python3 -m pytest."""
    from jetson_kit.emulation import cores as emulation
    from jetson_kit.emulation import run as emulated_run

    command = sys.argv[sys.argv.index("--") + 1 :] if c.remainder and "--" in sys.argv else []
    request = emulated_run.Request(
        image=image,
        command=tuple(command),
        cpu=cpu,
        timeout_s=timeout,
        volumes=tuple(volume),
        env=tuple(env),
        network=network,
    )
    if print_cpuinfo:
        core = emulated_run.core_for(request) or emulation.core(emulation.DEFAULT)
        print(emulation.cpuinfo_file(core).read_text(encoding="utf-8"), end="")
        return
    sys.exit(emulated_run.run(request))
