"""Reads an inventory and tells all that is wrong with it, before any host is touched."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jetson_kit.ansible_driver import environments, inventory, inventory_files
from jetson_kit.ansible_driver.ansible import RELEASE_VARIABLE
from jetson_kit.ansible_driver.inventory import SSH_ARGUMENTS, Host, encrypted
from jetson_kit.ansible_driver.inventory_files import Fault, InventoryError
from jetson_kit.core.errors import BadInputError, KitError
from jetson_kit.fleet import application
from jetson_kit.fleet.release.release import Release
from jetson_kit.service import expectation, role_values
from jetson_kit.targets import table as targets
from jetson_kit.targets.detect import HOST as ADDRESS
from jetson_kit.virtual_devices.device_request import host_arch

ARCHITECTURE_VARIABLE = "mediapipe_architecture"
ARCHITECTURES = ("arm64", "amd64")
MODULE_VARIABLE = "mediapipe_module"
IMAGE_VARIABLE = "mediapipe_image"
KEY_VARIABLES = ("ansible_ssh_private_key_file", "ansible_private_key_file")
CHECKING = ("ansible_host_key_checking", "ansible_ssh_host_key_checking")
# Both take away what tells a board from one that only claims to be it.
UNCHECKED = re.compile(
    r"""StrictHostKeyChecking[\s="']+(?:no|off|false|accept-new)\b"""
    r"""|UserKnownHostsFile[\s="']+/dev/null(?![\w./-])""",
    re.I,
)
# That is right beside another place of known keys.
NO_FILE = re.compile(r"""UserKnownHostsFile[\s="']+none(?![\w./-])""", re.I)
ELSEWHERE = re.compile(
    r"""(?:GlobalKnownHostsFile|KnownHostsCommand)[\s="']+(?!(?:/dev/null|none)(?![\w./-]))""", re.I
)
DEFAULT_PORT = 22
LAST_PORT = 65535
OFF = ("false", "no", "off", "0")


@dataclass(frozen=True)
class Needs:
    """What boards must be for an image; an empty text is any."""

    l4t: str = ""
    """Its L4T release: each host must name the same."""
    architecture: str = ""
    """As Debian calls it: a host that names another is refused."""
    application: str = ""
    """What it runs: each host must have its service.yml."""
    folder: Path = Path()
    """Of its build."""


def needs(release: Release | None) -> Needs:
    """Return what a release needs; None needs nothing."""
    if release is None:
        return Needs()
    return Needs(release.l4t, release.architecture, release.application, release.folder)


def check(path: Path, limit: str = "", *, release: Needs = Needs()) -> tuple[Host, ...]:
    """Return the hosts of an inventory that has no fault.

    `release` is what an image needs, where one is to be rolled out.
    Raises InventoryError with all faults, BadInputError where Ansible can't read it.
    """
    whole = inventory.read(path)
    hosts = whole.limited(limit)
    faults = [
        *inventory_files.faults(path),
        *inventory_files.secrets(path, whole.hosts),
        *of_hosts(hosts, release),
        *application.faults(hosts, release.application, release.folder, path),
    ]
    if faults:
        raise InventoryError(path, list(dict.fromkeys(faults)))
    return hosts


def without_passwords(path: Path) -> inventory.Inventory:
    """Return an inventory that holds no password in the clear, whatever else is in it.

    Raises InventoryError, and BadInputError where Ansible can't read it.
    """
    whole = inventory.read(path)
    if faults := list(dict.fromkeys(inventory_files.secrets(path, whole.hosts))):
        raise InventoryError(path, faults)
    return whole


def of_hosts(hosts: Sequence[Host], release: Needs = Needs()) -> Iterator[Fault]:
    """Yield what is wrong with hosts, in their order, then with several of them together."""
    for host in hosts:
        fault = _architecture(host, release.architecture)
        # Another architecture's release says nothing of the host's own L4T release.
        yield from [fault] if fault else _board(host, release.l4t)
        yield from _reach(host)
        yield from _caught(host.name, partial(expectation.parse, host.name, host.variables))
        yield from _values(host)
    yield from _addresses(hosts)
    yield from _images(hosts)
    yield from _environment(hosts)


def _caught(where: str, call: Callable[[], object]) -> Iterator[Fault]:
    try:
        call()
    except KitError as error:
        yield Fault(where, error.message.removeprefix(f"{where}: "), error.cure)


def _release(host: Host) -> targets.Target | None:
    """Return the release that a host names, None if it names none or an unknown one."""
    named = host.variables.get(RELEASE_VARIABLE)
    try:
        return targets.resolve(str(named)) if named else None
    except BadInputError:
        return None


def _architecture(host: Host, image: str) -> Fault | None:
    """Return the fault of a host that names another architecture than an image has."""
    named = str(host.variables.get(ARCHITECTURE_VARIABLE) or "")
    if not named or named in (image, *([] if image else ARCHITECTURES)):
        return None
    if named not in ARCHITECTURES:
        return Fault(
            host.name,
            f"{ARCHITECTURE_VARIABLE} is {named}",
            f"write {' or '.join(ARCHITECTURES)}",
        )
    release = _release(host)
    l4t = f" --l4t {release.l4t}" if release else ""
    build = f"./inv build --jetson{l4t}" if named == "arm64" else "./inv build --variant emulated"
    where = "" if named in ("arm64", host_arch()) else f" on a machine that is {named}"
    return Fault(
        host.name,
        f"is {named}, the image is for {image}",
        f"build one for it{where}: {build}; then release and roll out what that writes",
    )


def _board(host: Host, target: str) -> Iterator[Fault]:
    named = host.variables.get(RELEASE_VARIABLE)
    if named:
        yield from _caught(host.name, lambda: targets.resolve(str(named)))
    release = _release(host)
    if target and not named:
        yield Fault(
            host.name,
            f"{RELEASE_VARIABLE} is missing",
            f"name its L4T release: the image is for {target}",
        )
    elif target and release and release != targets.resolve(target):
        yield Fault(
            host.name,
            f"runs {release.name}, the image is for {targets.resolve(target).name}",
            "roll it out with --limit to the others, or build an image for it",
        )
    module = host.variables.get(MODULE_VARIABLE)
    if not module:
        return
    known = {item.id: item for item in targets.load().modules}
    if module not in known:
        near = difflib.get_close_matches(str(module), known, n=3) or sorted(known)
        yield Fault(
            host.name,
            f"{MODULE_VARIABLE} {module} is unknown",
            f"write one of {', '.join(near)}; ./inv targets lists them all",
        )
    elif release and known[module] not in release.modules:
        others = [item.name for item in targets.load().all if known[module] in item.modules]
        yield Fault(
            host.name,
            f"{module} does not run {release.name}",
            f"it runs {', '.join(others[-3:])}" if others else "correct the module",
        )


def _reach(host: Host) -> Iterator[Fault]:
    error = host.unreachable()
    if error:
        yield Fault(host.name, error.message.removeprefix(f"{host.name}: "), error.cure)
        return
    yield from _caught(host.name, host.ssh_options)
    if not _is_address(host):
        yield Fault(
            host.name,
            f"{host.address!r} is no address",
            "write ansible_host as ssh takes it: no brackets, no port",
        )
    port = host.variable("ansible_port")
    if port is not None and not _is_port(port):
        yield Fault(host.name, f"its port is {port!r}", "write ansible_port as a number to 65535")
    for name in KEY_VARIABLES:
        key = host.variables.get(name)
        if key and not Path(str(key)).expanduser().is_file():
            yield Fault(host.name, f"its key {key} is not there", f"correct {name}")
    arguments = " ".join(str(host.variables.get(name, "")) for name in SSH_ARGUMENTS)
    off = [name for name in CHECKING if str(host.variables.get(name, "true")).lower() in OFF]
    none = NO_FILE.search(arguments) and not ELSEWHERE.search(arguments)
    if UNCHECKED.search(arguments) or none or off:
        yield Fault(
            host.name,
            "its host key is not checked",
            f"take that out of {off[0] if off else 'its ssh arguments'} and connect once by hand",
        )


def _is_address(host: Host) -> bool:
    """Tell whether ssh takes a host's address; of those with colons only IPv6's bare ones are."""
    named, place = host.variable("ansible_host"), host.host.rpartition("@")[2]
    if isinstance(named, bool) or (named and not isinstance(named, str | int)):
        return False
    if re.search(r"[][:]", place):
        try:
            ipaddress.IPv6Address(place)
        except ValueError:
            return False
    return ADDRESS.fullmatch(host.address) is not None and not host.address.startswith("-")


def _values(host: Host) -> Iterator[Fault]:
    """Yield which variables of the roles have values that the roles refuse on the board, too."""
    late = {*host.errors, *host.late}
    known = {name: value for name, value in host.variables.items() if name not in late}
    # What is encrypted is judged on the board.
    known = {name: item for name, item in known.items() if not encrypted(item)}
    for line in role_values.faults(known):
        what, _, cure = line.partition("; ")
        yield Fault(host.name, what, cure)


def _addresses(hosts: Iterable[Host]) -> Iterator[Fault]:
    result: dict[tuple[str, int], list[str]] = defaultdict(list)
    for host in hosts:
        if host.unreachable() is None:
            result[_one_spelling(host.host), _port(host)].append(host.name)
    for (address, port), names in result.items():
        if len(names) > 1:
            yield Fault(
                ", ".join(names),
                f"have one address, {address} port {port}",
                "each board stands in the inventory once",
            )


def _one_spelling(address: str) -> str:
    """Return an address as all its spellings have it: case, zeros, brackets, the root's dot."""
    bare, percent, zone = address.strip("[]").partition("%")
    try:
        number = ipaddress.ip_address(bare)
    except ValueError:
        return address.lower().removesuffix(".")
    mapped = number.ipv4_mapped if isinstance(number, ipaddress.IPv6Address) else None
    return f"{mapped or number}{percent}{zone}"


def _port(host: Host) -> int:
    named = host.variable("ansible_port")
    return int(str(named)) if named is not None and _is_port(named) else DEFAULT_PORT


def _is_port(value: object) -> bool:
    return str(value).isascii() and str(value).isdigit() and 0 < int(str(value)) <= LAST_PORT


def _images(hosts: Iterable[Host]) -> Iterator[Fault]:
    result: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for host in hosts:
        image, release = host.variables.get(IMAGE_VARIABLE), _release(host)
        if image and release:
            result[str(image)][release.name].append(host.name)
    for image, releases in result.items():
        if len(releases) > 1:
            message = ", ".join(f"{name} ({', '.join(who)})" for name, who in releases.items())
            yield Fault(
                f"image {image}",
                f"hosts of {len(releases)} L4T releases are to run it: {message}",
                "an image is for one release; name one for each",
            )


def _environment(hosts: Iterable[Host]) -> Iterator[Fault]:
    """Yield what keeps JetPack 4's boards from being driven from this machine."""
    for host in hosts:
        release = _release(host)
        if release and environments.core_for(release.l4t) == environments.OLD:
            yield from _caught(host.name, environments.old_python)
            return
