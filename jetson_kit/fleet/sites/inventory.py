"""The sites as data: a TOML file, checked whole with file and line before anything is contacted."""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.ansible_driver.inventory_files import Fault, InventoryError
from jetson_kit.core.errors import BadInputError, KitError
from jetson_kit.core.reasons import why
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.sites import known_boards, toml_lines

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# As a site takes it (site_work.py).
FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,100}")
ADDRESS = re.compile(r"[A-Za-z0-9.-]{1,253}")
DIALS, DIALED, THROUGH = "dials", "dialed", "through"
REACHES = (DIALS, DIALED, THROUGH)
ARCHITECTURES = ("amd64", "arm64")
WRITTEN = {
    "str": "it in quotes",
    "int": "a whole number",
    "bool": "true or false",
    "Path": "a path in quotes",
}
VALUES: Mapping[str, tuple[Callable[[Any], object], str]] = {
    **dict.fromkeys(
        ("name", "node"),
        (NAME.fullmatch, "write lower-case letters, digits and hyphens, 63 at most"),
    ),
    "reach": (REACHES.__contains__, f"write {', '.join(REACHES)}"),
    "arch": (ARCHITECTURES.__contains__, f"write {' or '.join(ARCHITECTURES)}"),
    "python": (
        re.compile(r"3\.(1[1-9]|[2-9][0-9])").fullmatch,
        "write the Python of the site's machine, 3.11 or later, such as 3.11",
    ),
    "order": (range(10001).__contains__, "write 0 to 10000"),
    **dict.fromkeys(("port", "join_port"), (range(1, 65536).__contains__, "write 1 to 65535")),
}
"""What a value of the right type must be, and what to write instead."""
PORT, JOIN_PORT = 27199, 27198


@dataclass(frozen=True)
class Controller:
    """The central controller: its node's name, and where sites dial it."""

    address: str
    node: str = "controller"
    port: int = PORT
    bind: str = "0.0.0.0"  # noqa: S104 # sites are elsewhere
    join_port: int = JOIN_PORT


@dataclass(frozen=True)
class Site:
    """A site: how it is reached, which boards are its, and when its turn is."""

    name: str
    inventory: Path
    node: str
    reach: str = DIALS
    address: str = ""
    """Where this node is dialed: by the controller, or by sites that come through it."""
    port: int = PORT
    bind: str = "0.0.0.0"  # noqa: S104 # who dials it is elsewhere
    through: str = ""
    window: str = ""
    order: int = 1
    canary: bool = False
    arch: str = "amd64"
    python: str = "3.11"


@dataclass(frozen=True)
class Sites:
    """All sites in the file's order, and the names of each one's boards."""

    path: Path
    controller: Controller
    sites: tuple[Site, ...]
    boards: Mapping[str, tuple[str, ...]]

    def named(self, *names: str) -> tuple[Site, ...]:
        """Return the sites with these names, in the file's order. Raises BadInputError."""
        known = [site.name for site in self.sites]
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=3) or known
                raise BadInputError(f"there is no site {name}", f"name {', '.join(near)}")
        return tuple(site for site in self.sites if not names or site.name in names)

    def listening(self, site: Site) -> bool:
        """Tell whether others dial this site's node."""
        return site.reach == DIALED or any(item.through == site.name for item in self.sites)


def load(path: Path) -> Sites:
    """Return the sites of a file that has no fault.

    Raises InventoryError with all faults, BadInputError for what is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        body = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(
            f"{path} is no file of sites: {why(error)}", "see docs/sites.md"
        ) from error
    reader = _Reader(path, text)
    sites = reader.sites(body)
    if reader.faults or sites is None:
        raise InventoryError(path, list(dict.fromkeys(reader.faults)))
    return sites


class _Reader:
    """Reads a parsed file and collects what is wrong with it."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.faults: list[Fault] = []
        self._lines = toml_lines.of(text)

    def sites(self, body: Mapping[str, Any]) -> Sites | None:
        for name in body:
            if name not in ("controller", "site"):
                self._fault("", -1, f"{name} is no table of sites", "write [controller], [[site]]")
        table = body.get("controller")
        row = table if isinstance(table, dict) else {}
        controller = self._controller(row)
        rows = body.get("site")
        rows = rows if isinstance(rows, list) else []
        if not rows:
            self._fault("site", -1, "no site is named", "add a [[site]] for each")
        numbered = {number: self._site(row, number) for number, row in enumerate(rows)}
        known = {number: site for number, site in numbered.items() if site}
        sites, numbers = list(known.values()), list(known)
        self._together(controller.node, sites, numbers)
        listed = self._boards(sites, numbers)
        return None if self.faults else Sites(self.path, controller, tuple(sites), listed)

    def _controller(self, row: Mapping[str, Any]) -> Controller:
        """Return the controller's table, with defaults where it has a fault."""
        good = self._row(Controller, row, "controller", 0)
        if "address" in good:
            self._address("controller", 0, good["address"])
        controller = Controller(**{"address": "", **good})
        if controller.port == controller.join_port:
            what = f"port and join_port are both {controller.port}"
            key = "join_port" if "join_port" in row else "port"
            self._fault("controller", 0, what, "write two different ports", key)
        return controller

    def _site(self, row: Any, number: int) -> Site | None:  # noqa: ANN401 # as TOML has it
        """Return a site's table, with defaults where it has a fault; None without name or boards.

        A fault in one value hides none in another.
        """
        if not isinstance(row, dict):
            self._fault("site", number, f"a site is {row!r}", "write [[site]] for each")
            return None
        if isinstance(row.get("inventory"), str):
            row = {**row, "inventory": self.path.parent / row["inventory"]}
        good = self._row(Site, row, "site", number)
        if "through" in good or "reach" in good:
            through = good.get("reach", DIALS) == THROUGH
            if through != bool(good.get("through")):
                what = f"through is {good.get('through', '')!r}"
                cure = 'name the site that it dials, and reach = "through"'
                self._fault("site", number, what, cure, "through")
        try:
            Plan(window=good.get("window", ""))
        except BadInputError as error:
            self._fault("site", number, error.message, error.cure, "window")
        if good.get("address"):
            self._address("site", number, good["address"])
        if "inventory" in good and not FILE.fullmatch(good["inventory"].name):
            what = f"inventory is {good['inventory'].name!r}, a name that no site takes"
            cure = "rename it: letters, digits, dots, hyphens and underscores"
            self._fault("site", number, what, cure, "inventory")
            del good["inventory"]
        if not {"name", "inventory"} <= good.keys():
            return None
        return Site(**{"node": good["name"], **good})

    def _together(self, controller: str, sites: list[Site], numbers: list[int]) -> None:
        """Note what is wrong with several sites together; `controller` is its node."""
        nodes = defaultdict(list, {controller: ["the controller"]})
        names: dict[str, int] = {}
        for site, number in zip(sites, numbers, strict=True):
            if site.name in names:
                self._fault(
                    "site", number, f"there are two sites {site.name}", "rename one", "name"
                )
            names[site.name] = number
            nodes[site.node].append(site.name)
            if len(nodes[site.node]) > 1:
                both = " and ".join(nodes[site.node])
                self._fault("site", number, f"{both} have one node, {site.node}", "rename one")
        by_name = {site.name: site for site in sites}
        hubs = {site.through for site in sites if site.through}
        dialed: dict[tuple[str, int], str] = {}
        for site, number in zip(sites, numbers, strict=True):
            if site.through and (site.through not in by_name or site.through == site.name):
                cure = "name another site of this file"
                what = f"it comes through {site.through}, which is no other site"
                self._fault("site", number, what, cure, "through")
            elif site.through and by_name[site.through].through:
                what = f"it comes through {site.through}, which comes through another site itself"
                self._fault("site", number, what, "name one that the controller reaches", "through")
            if (site.reach == DIALED or site.name in hubs) and not site.address:
                self._fault("site", number, f"{site.name} has no address, and is dialed",
                            "write its address")  # fmt: skip
            elif site.reach == DIALED or site.name in hubs:
                other = dialed.setdefault((site.address.lower(), site.port), site.name)
                if other != site.name:
                    what = f"{other} and {site.name} are both dialed at one address and port"
                    self._fault("site", number, what, "give one another port", "port")

    def _boards(self, sites: list[Site], numbers: list[int]) -> dict[str, tuple[str, ...]]:
        """Return the boards of each site; note those of two sites."""
        listed: dict[str, tuple[str, ...]] = {}
        owners: dict[str, str] = {}
        inventories = known_boards.read_each([site.inventory for site in sites])
        for site, number in zip(sites, numbers, strict=True):
            read = inventories[site.inventory]
            if isinstance(read, KitError):
                self._fault("site", number, read.message, read.cure, "inventory")
                continue
            listed[site.name] = tuple(board.name for board in read)
            for board in read:
                for what in board.known_by:
                    other = owners.setdefault(what, site.name)
                    if other != site.name:
                        self._fault("site", number, f"{site.name} and {other} both have {what}",
                                    "a board belongs to one site", "inventory")  # fmt: skip
        return listed

    def _row(
        self, kind: type[Controller | Site], row: Mapping[str, Any], table: str, number: int
    ) -> dict[str, Any]:
        """Return the values of a table that are of their type; note each that is wrong."""
        types = {name: field.type for name, field in kind.__dataclass_fields__.items()}
        good = {}
        for key in sorted(set(types) - {*row, *vars(kind)} - {"node"}):
            self._fault(table, number, f"{key} is missing", f"write {key} = ...")
        for key, value in row.items():
            rule, cure = VALUES.get(key, (lambda _: True, ""))
            if key not in types:
                near = difflib.get_close_matches(key, types, n=1) or sorted(types)
                self._fault(table, number, f"there is no {key}", f"write {', '.join(near)}", key)
            elif type(value).__name__ != types[key] and not isinstance(value, Path):
                what = f"{key} is {value!r}"
                self._fault(table, number, what, f"write {WRITTEN[str(types[key])]}", key)
            else:
                good[key] = value
                if not rule(value):
                    self._fault(table, number, f"{key} is {value!r}", cure, key)
        return good

    def _address(self, table: str, number: int, address: str) -> None:
        if not _is_address(address):
            what = f"{address!r} is no address"
            self._fault(table, number, what, "write a name or an IP address", "address")

    def _fault(self, table: str, number: int, what: str, cure: str, key: str = "") -> None:
        line = self._lines.get((table, number, key)) or self._lines.get((table, number, "")) or 1
        self.faults.append(Fault(f"{self.path}:{line}", what, cure))


def _is_address(text: str) -> bool:
    if ":" in text:
        try:
            return ipaddress.ip_address(text).version == 6 and "%" not in text
        except ValueError:
            return False
    return ADDRESS.fullmatch(text) is not None and not text.startswith(("-", "."))
