"""How sites are reached, by a real Receptor: dialing, dialed, and through another site."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.faults.small_release import ARCHITECTURE
from jetson_kit.core.errors import KitError
from jetson_kit.fleet.sites import authority, config, inventory, node, receptor
from jetson_kit.fleet.sites.mesh import Limits, Mesh
from jetson_kit.fleet.sites.node import Process

pytestmark = [pytest.mark.network, pytest.mark.slow]
SITES = """\
[controller]
address = "127.0.0.1"
bind = "127.0.0.1"
port = {0}

[[site]]
name = "hub"
inventory = "hub.yml"
address = "127.0.0.1"
bind = "127.0.0.1"
port = {1}

[[site]]
name = "behind"
inventory = "behind.yml"
reach = "through"
through = "hub"

[[site]]
name = "called"
inventory = "called.yml"
reach = "dialed"
address = "127.0.0.1"
bind = "127.0.0.1"
port = {2}
"""
RUN = """\
#!/bin/sh
cat >/dev/null
printf '{"kind": "hello", "site": "%s"}\\n' "$(basename "$(dirname "$0")")"
"""


def free_ports(count: int) -> list[int]:
    connections = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    result = [connection.getsockname()[1] for connection in connections]
    for item in connections:
        item.close()
    return result


@pytest.fixture(scope="module")
def mesh() -> Iterator[Mesh]:
    folder = Path(tempfile.mkdtemp(prefix="kit-reach-"))  # a socket's path is short
    running: list[Process] = []
    try:
        yield start(folder, running)
    finally:
        for process in running:
            process.stop()
        shutil.rmtree(folder, ignore_errors=True)


def start(folder: Path, running: list[Process]) -> Mesh:
    for name in ("hub", "behind", "called"):
        (folder / f"{name}.yml").write_text(f"all:\n  hosts:\n    {name}-1: {{}}\n")
    (folder / "sites.toml").write_text(SITES.format(*free_ports(3)))
    sites = inventory.load(folder / "sites.toml")
    by = authority.ensure(folder / "authority")
    pins, rows = {}, {}
    for name in ("controller", *(site.name for site in sites.sites)):
        place = folder / name
        place.mkdir()
        issue = authority.issue(
            by, authority.request(place / "tls.key", name), name, ("127.0.0.1",)
        )
        (place / "tls.crt").write_bytes(issue)
        pins[name] = authority.fingerprint(issue)
        shutil.copy(by.certificate, place / "ca.crt")
        shutil.copy(by.verification_key, place / "work.pub")
        if name != "controller":
            (place / "run").write_text(RUN)
            (place / "run").chmod(0o755)
            rows[name] = config.of_site(config.site_node(sites, name), place, place / "run")
    rows["controller"] = config.of_controller(sites, folder / "controller", by, pins)
    for name, conf in rows.items():
        (folder / name / "receptor.yml").write_text(config.to_yaml(conf))
        running.append(node.receptor(receptor.program(ARCHITECTURE), folder / name))
        node.restart(running[-1])
    return Mesh(folder / "controller" / "socket")


@pytest.mark.parametrize("site", ["hub", "behind", "called"])
def test_work_comes_to_a_site_and_its_answer_back(mesh: Mesh, site: str) -> None:
    lines = list(mesh.ask(site, {"verb": "hello"}, limits=Limits(60, 120)))
    assert lines == [{"kind": "hello", "site": site}]
    assert mesh.units == {}


def test_a_site_that_is_not_there_is_told_in_its_time(mesh: Mesh) -> None:
    with pytest.raises(KitError):
        list(mesh.ask("nowhere", {"verb": "hello"}, limits=Limits(5, 60)))


def test_a_site_can_submit_no_work(mesh: Mesh) -> None:
    hub = Mesh(mesh.socket.parents[1] / "hub" / "socket")
    with pytest.raises(KitError):
        list(hub.ask("called", {"verb": "hello"}, limits=Limits(15, 60)))
