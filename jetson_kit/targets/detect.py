"""Which Jetson a machine is, read over ssh from its release file, packages and device tree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jetson_kit.core import ssh
from jetson_kit.core.errors import BadInputError, CheckFailedError, StepFailedError
from jetson_kit.targets.table import Module, Soc, Target, Targets, load

# Device-tree strings end in NUL. Each answer stands under a marker, so greetings do no harm.
SCRIPT = """\
echo '@@release'; sed -n 1p /etc/nv_tegra_release 2>/dev/null
echo '@@core'; dpkg-query -W -f='${Version}\\n' nvidia-l4t-core 2>/dev/null
tree=/proc/device-tree; [ -e "$tree/compatible" ] || tree=/sys/firmware/devicetree/base
for name in model compatible nvidia,dtsfilename; do
  echo; echo "@@$name"; tr '\\0' '\\n' 2>/dev/null <"$tree/$name"
done
echo; echo '@@end'
"""
PART = re.compile(r"(?<![0-9a-z])[pP](\d{4}-\d{4})(?!\d)")
RELEASE = re.compile(r"#\s*R(\d+)\s*\(release\),\s*REVISION:\s*(\d+(?:\.\d+)*)")
HOST = re.compile(r"(ssh://)?[\w.%+~@:\[\]-]+")


@dataclass(frozen=True)
class DeviceFacts:
    """What the device said, raw; an empty value is one that it did not have."""

    release: str
    core_package: str
    model: str
    compatible: tuple[str, ...]
    dts: str

    @property
    def l4t(self) -> str:
        """Return the L4T release, "" if unknown.

        The package's version comes first: apt raises it where the release file may be kept.
        """
        if self.core_package:
            return self.core_package.split("-", 1)[0]
        match = RELEASE.match(self.release)
        if not match:
            return ""
        return ".".join([match[1], *f"{match[2]}.0".split(".")[:2]])


def parse(text: str) -> DeviceFacts:
    """Read what SCRIPT printed. Raises StepFailedError if its end is missing."""
    parts: dict[str, list[str]] = {}
    here: list[str] = []
    for line in text.splitlines():
        if line.startswith("@@"):
            here = parts.setdefault(line[2:].strip(), [])
        elif line.strip():
            here.append(line.strip())
    if "end" not in parts:
        raise StepFailedError(
            "the device's answer is cut off", "run it again; its login shell must be able to run sh"
        )

    def first(name: str) -> str:
        return next(iter(parts.get(name, [])), "")

    return DeviceFacts(
        release=first("release"),
        core_package=first("core"),
        model=first("model"),
        compatible=tuple(parts.get("compatible", [])),
        dts=first("nvidia,dtsfilename"),
    )


def soc_of(facts: DeviceFacts, table: Targets) -> Soc | None:
    """Return the SoC that the device tree names."""
    entries = set(facts.compatible)
    return next((soc for soc in table.socs if f"nvidia,{soc.id}" in entries), None)


def module_of(facts: DeviceFacts, table: Targets) -> Module | None:
    """Return the module, by its part number, else by a board that takes it alone."""
    result = [f"p{part}" for text in (*facts.compatible, facts.dts) for part in PART.findall(text)]
    for part in result:
        for module in table.modules:
            if part in module.part_numbers:
                return module
    return next((item for item in table.modules if set(result) & set(item.boards)), None)


def identify(facts: DeviceFacts, table: Targets | None = None) -> tuple[Target, Module | None]:
    """Return the device's release and, where its device tree tells, its module.

    Raises CheckFailedError if it is no Jetson, BadInputError if its release is not in the table.
    """
    table = table or load()
    soc = soc_of(facts, table)
    if not facts.l4t:
        if soc:
            raise CheckFailedError(
                f"the device has a {soc.id} but no L4T release file or nvidia-l4t-core package",
                "flash it with JetPack, or give the release by --l4t",
            )
        seen = facts.model or ", ".join(facts.compatible) or "no device tree"
        raise CheckFailedError(
            f"the device is no Jetson ({seen})", "name a Jetson, or give the release by --l4t"
        )
    target = next((item for item in table.all if item.l4t == facts.l4t), None)
    if not target:
        # The table's own look-up names what is nearest; a branch must not stand for the release.
        near = [item.name for item in table.all if item.l4t.split(".")[0] == facts.l4t[:2]]
        raise BadInputError(
            f"the device has L4T {facts.l4t}, which is not in targets.toml",
            f"give a near one by --l4t ({', '.join(near) or 'none of its branch is known'})",
        )
    return target, module_of(facts, table)


def target_of(user_at_host: str, *, l4t: str = "", module: str = "") -> tuple[str, str]:
    """Return the release and the module id of a device, for `--for`.

    Raises BadInputError where they contradict what else was asked for.
    """
    target, result = identify(read(user_at_host))
    if l4t and load().resolve(l4t) != target:
        raise BadInputError(f"{user_at_host} runs {target.name}, not {l4t}", "leave out --l4t")
    if module and result and module != result.id:
        raise BadInputError(f"{user_at_host} is a {result.id}, not {module}", "leave out --module")
    return target.l4t, module or (result.id if result else "")


def read(user_at_host: str, options: Sequence[str] = (), timeout_s: float = 30.0) -> DeviceFacts:
    """Ask a device over one ssh connection what it is; nothing is changed on it.

    `options` go to ssh before the host. The host's key must be known and no password is asked
    for. Raises BadInputError, ToolMissingError, NetworkError, IntegrityError or StepFailedError.
    """
    if not HOST.fullmatch(user_at_host) or user_at_host.startswith("-"):
        raise BadInputError(f'"{user_at_host}" is no host', "write it like user@host")
    done = ssh.run(user_at_host, "sh -s", SCRIPT.encode(), options, timeout_s)
    return parse(done.stdout.decode(errors="replace"))
