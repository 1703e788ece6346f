"""Check docs/: links, names of tests, generated pages, commands of both READMEs; --write renews."""

from __future__ import annotations

import argparse
import functools
import re
import sys
from pathlib import Path

from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT
from jetson_kit.guides import causes, environment, links, named_tests, programs, reference
from jetson_kit.wheels.device_wheel import SOURCE

REFERENCE = ROOT / "docs" / "reference.md"
PROGRAMS = ROOT / "docs" / "programs.md"
WHEEL = SOURCE / "README.md"
TROUBLESHOOTING = ROOT / "docs" / "troubleshooting.md"
READMES = ("README.md", "README.zh-CN.md")
RENEW = ".venv/bin/python -m jetson_kit.guides.check --write"
BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@functools.cache
def generated() -> dict[Path, str]:
    """Return the generated pages as they must be."""
    from tasks import ns  # noqa: PLC0415 # the front door's tasks: nothing else imports them

    return {
        REFERENCE: reference.page(ns),
        PROGRAMS: programs.page(),
        WHEEL: reference.with_variables(WHEEL.read_text(encoding="utf-8")),
        TROUBLESHOOTING: causes.page(TROUBLESHOOTING.read_text(encoding="utf-8")),
    }


def commands(text: str) -> list[str]:
    """Return what a page's blocks of shell hold, without comments; the commands of a session."""
    lines = "".join(BLOCK.findall(text)).replace("\\\n", " ").splitlines()
    return [
        plain for line in lines if (plain := " ".join(re.sub(r"(^|\s)#\s.*", "", line).split()))
    ]


def problems() -> list[str]:
    """Return what is wrong, a line each."""
    stale = [
        f"{path.relative_to(ROOT)} is stale: run {RENEW}"
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    first, second = (commands((ROOT / name).read_text(encoding="utf-8")) for name in READMES)
    differ = [
        f"{READMES[0]} and {READMES[1]} have different commands: {line}"
        for line in sorted({*first} ^ {*second})
    ]
    if not differ and first != second:
        differ = [f"{READMES[0]} and {READMES[1]} have their commands in different order"]
    groups = (links.problems(), links.unlisted(), named_tests.problems(), environment.problems())
    return [*(line for lines in groups for line in lines), *stale, *differ]


def main() -> int:
    """Check or write; exit 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the generated pages")
    if parser.parse_args().write:
        for path, text in generated().items():
            write_text(path, text)
    result = problems()
    for line in result:
        print(line)
    return 1 if result else 0


if __name__ == "__main__":
    sys.exit(main())
