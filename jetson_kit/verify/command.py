"""The command `./inv verify`: which way it goes, what it writes, how it ends."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from mediapipe_jetson.verify import report as reports

from jetson_kit.containers import engine
from jetson_kit.core.errors import BadInputError, ToolMissingError
from jetson_kit.core.files import write_text
from jetson_kit.core.log import LOG
from jetson_kit.verify import local as verify


@dataclass(frozen=True)
class Outputs:
    """What is written beside the text; `json` may be True: print it."""

    json: Path | bool | None = None
    junit: Path | None = None
    prometheus: Path | None = None
    nagios: bool = False

    def files(self) -> dict[str, Path]:
        """Return the files by what they hold."""
        named = {"json": self.json, "junit": self.junit, "prometheus": self.prometheus}
        return {kind: path for kind, path in named.items() if isinstance(path, Path)}

    def check(self, *others: Path | bool | None) -> None:
        """Raise BadInputError where two of them or one and another path are one, or two print."""
        if self.json is True and self.nagios:
            raise BadInputError("--json and --nagios both print", "name a file: --json FILE")
        named = (*self.files().values(), *others)
        paths = [path.resolve() for path in named if isinstance(path, Path)]
        if len(set(paths)) < len(paths):
            raise BadInputError(
                "two of the paths that are read and written are one", "name a path for each"
            )

    def write(self, document: Any, contents: dict[str, str]) -> None:  # noqa: ANN401 # any JSON
        """Write the files, whole; print the document where that was asked."""
        whole = json.dumps(document, indent=1) + "\n"
        for kind, path in self.files().items():
            write_text(path, whole if kind == "json" else contents[kind])
        if self.json is True:
            print(whole, end="")


@dataclass(frozen=True)
class VerifyRequest:
    """The command line, as it was given."""

    local: bool = False
    inventory: Path | None = None
    limit: str = ""
    image: str = ""
    variant: str = ""
    venv: Path | bool | None = None
    tasks: tuple[str, ...] = ()
    level: str = ""
    minutes: float = 0.0
    expect: str = ""
    output: Path | None = None
    outputs: Outputs = Outputs()

    def check(self) -> None:
        """Raise BadInputError for what excludes each other."""
        here = {"--local": self.local, "--image": self.image, "--venv": self.venv,
                "--variant": self.variant, "--minutes": self.minutes}  # fmt: skip
        there = {"--limit": self.limit, "--output": self.output}
        if self.inventory:
            for flag in (name for name, value in here.items() if value):
                raise BadInputError(f"{flag} is for this machine, not with -i", f"leave out {flag}")
            if self.expect:
                raise BadInputError(
                    "--expect is not with -i", "the inventory says it: mediapipe_expect"
                )
        for flag in (name for name, value in there.items() if value and not self.inventory):
            raise BadInputError(f"{flag} is for an inventory", "add -i INVENTORY")
        if self.venv and (self.image or self.variant):
            raise BadInputError("--venv uses no image", "leave out --image and --variant")
        if self.image and self.variant:
            raise BadInputError("--image and --variant exclude each other", "give one of them")


def main(request: VerifyRequest) -> NoReturn:
    """Do what was asked; end the process with the verdict's exit code."""
    request.check()
    request.outputs.check(request.inventory, request.output, request.venv)
    sys.exit(_fleet(request, request.inventory) if request.inventory else _local(request))


def _local(request: VerifyRequest) -> int:
    options = verify.VerifyOptions(
        request.tasks, request.level or "quick", request.minutes, request.expect or "gpu"
    )
    options.check()
    if request.venv or not _docker(request):
        place = request.venv if isinstance(request.venv, Path) else None
        report = verify.in_venv(place, options)
    else:
        report = verify.in_image(
            request.image or verify.native_tag(request.variant or "runtime"), options
        )
    contents = {"junit": reports.junit(report), "prometheus": reports.prometheus(report)}
    request.outputs.write(report, contents)
    if request.outputs.nagios:
        line, code = reports.nagios(report)
        print(line)
        return code
    if request.outputs.json is not True:
        print(reports.text(report))
    return verify.verdict_code(report)


def _docker(request: VerifyRequest) -> bool:
    """Tell whether Docker is to be used; without an image named, none is needed."""
    try:
        engine.client()
    except ToolMissingError as error:
        if request.image or request.variant:
            raise
        LOG.info("%s: in a virtual environment instead", error.message)
        return False
    return True


def _fleet(request: VerifyRequest, inventory: Path) -> int:
    from jetson_kit.verify import fleet as verify_fleet  # noqa: PLC0415 # slow to import
    from jetson_kit.verify import view as verify_view  # noqa: PLC0415 # slow to import

    def say(line: str) -> None:
        if not request.outputs.nagios:
            LOG.info("%s", line)

    fleet = verify_fleet.run(
        inventory,
        verify_fleet.Options(request.tasks, request.level),
        limit=request.limit,
        folder=request.output,
        say=say,
    )
    contents = {"junit": fleet.junit(), "prometheus": verify_view.prometheus(fleet)}
    request.outputs.write(fleet.as_json(), contents)
    if request.outputs.nagios:
        line, code = verify_view.nagios(fleet)
        print(line)
        return code
    if request.outputs.json is not True:
        verify_view.show(fleet)
    return verify_view.exit_code(fleet)
