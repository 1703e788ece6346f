"""Receptor's configuration of each node, generated: TLS both ways, signed work, one work type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jetson_kit.fleet.sites.authority import Authority
from jetson_kit.fleet.sites.control import CLIENT, WORK
from jetson_kit.fleet.sites.inventory import DIALED, Sites

SERVER = "server"
# How long a signature of work is good: the clocks of both sides may differ by no more.
SIGNATURE = "10m"
Row = dict[str, Any]


@dataclass(frozen=True)
class Listener:
    """Where a node is dialed, and by which nodes."""

    bind: str
    port: int
    peers: tuple[str, ...]


@dataclass(frozen=True)
class SiteNode:
    """What a site's node needs to know: it travels with the answer to its join."""

    node: str
    controller: str
    peer: str
    """ADDRESS:PORT that it dials, "" where it is dialed."""
    listener: Listener | None

    def as_json(self) -> Row:
        """Return it as a document, for parse."""
        listener = vars(self.listener) if self.listener else None
        return {**vars(self), "listener": listener}


def parse(body: Mapping[str, Any]) -> SiteNode:
    """Return what as_json gave."""
    row = body["listener"]
    listener = Listener(row["bind"], row["port"], tuple(row["peers"])) if row else None
    return SiteNode(body["node"], body["controller"], body["peer"], listener)


def site_node(sites: Sites, name: str) -> SiteNode:
    """Return how a site's node is connected."""
    site = sites.named(name)[0]
    controller = sites.controller
    peer = "" if site.reach == DIALED else joined(controller.address, controller.port)
    if site.through:
        hub = sites.named(site.through)[0]
        peer = joined(hub.address, hub.port)
    behind = tuple(item.node for item in sites.sites if item.through == name)
    peers = (*([controller.node] if site.reach == DIALED else []), *behind)
    listener = Listener(site.bind, site.port, peers) if peers else None
    return SiteNode(site.node, controller.node, peer, listener)


def joined(address: str, port: int) -> str:
    """Return ADDRESS:PORT; an IPv6 address stands in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def of_controller(
    sites: Sites, folder: Path, by: Authority, members: Mapping[str, str]
) -> list[Row]:
    """Return the controller's configuration; `members` are the joined sites' fingerprints.

    Only their nodes are heard, and only their certificates are let in.
    """
    controller = sites.controller
    members_of = [site for site in sites.sites if site.name in members]
    direct = [site for site in members_of if not site.through and site.reach != DIALED]
    accept = [controller.node, *(site.node for site in members_of)]
    links = [_peer(joined(site.address, site.port)) for site in members_of if site.reach == DIALED]
    if direct:
        peers = tuple(site.node for site in direct)
        links.append(_listener(Listener(controller.bind, controller.port, peers)))
    return [
        _node(controller.node, folder, [{"fromnode": name} for name in accept]),
        *_tls(folder, by.certificate, [members[site.name] for site in direct]),
        {"control-service": {"service": "control", "filename": str(folder / "socket"),
                             "tls": SERVER}},
        {"work-signing": {"privatekey": str(by.signing_key), "tokenexpiration": SIGNATURE}},
        *(links or [{"local-only": {}}]),
    ]  # fmt: skip


def of_site(node: SiteNode, folder: Path, command: Path) -> list[Row]:
    """Return a site's configuration: it takes signed work of one type, from the controller."""
    rules = [{"fromnode": node.controller}, {"tonode": node.controller}]
    rows = [
        _node(node.node, folder, rules),
        *_tls(folder, folder / "ca.crt", []),
        {"control-service": {"service": "control", "filename": str(folder / "socket"),
                             "tls": SERVER}},
        {"work-verification": {"publickey": str(folder / "work.pub")}},
        {"work-command": {"worktype": WORK, "command": str(command), "verifysignature": True,
                          "allowruntimeparams": False}},
    ]  # fmt: skip
    if node.peer:
        rows.append(_peer(node.peer))
    if node.listener:
        rows.append(_listener(node.listener))
    return rows


def to_yaml(rows: Sequence[Row]) -> str:
    """Return a configuration as Receptor reads it."""
    return yaml.safe_dump(list(rows), sort_keys=False)


def _node(name: str, folder: Path, accept: Sequence[Row]) -> Row:
    rules = [*({"action": "accept", **rule} for rule in accept), {"action": "reject"}]
    return {"node": {"id": name, "datadir": str(folder / "data"), "firewallrules": rules}}


def _tls(folder: Path, authority: Path, pins: Sequence[str]) -> list[Row]:
    own = {"cert": str(folder / "tls.crt"), "key": str(folder / "tls.key"), "mintls13": True}
    server = {"name": SERVER, **own, "requireclientcert": True, "clientcas": str(authority)}
    if pins:
        server["pinnedclientcert"] = list(pins)
    return [{"tls-server": server}, {"tls-client": {"name": CLIENT, **own,
                                                    "rootcas": str(authority)}}]  # fmt: skip


def _listener(of: Listener) -> Row:
    bind = f"[{of.bind}]" if ":" in of.bind else of.bind
    return {"tcp-listener": {"bindaddr": bind, "port": of.port, "tls": SERVER,
                             "allowedpeers": list(of.peers)}}  # fmt: skip


def _peer(address: str) -> Row:
    return {"tcp-peer": {"address": address, "tls": CLIENT, "redial": True}}
