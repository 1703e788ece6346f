"""The controller's node: its authority, its Receptor, and where sites join."""

from __future__ import annotations

import datetime
import getpass
import io
import json
import platform
import sys
import tarfile
from pathlib import Path

from jetson_kit.core import paths
from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import disk_guard, locked, roots, sha256_file, write_text, written_aside
from jetson_kit.fleet.certificate_parts import write_private
from jetson_kit.fleet.sites import (
    authority,
    config,
    kit_archive,
    members,
    node,
    receptor,
)
from jetson_kit.fleet.sites.home import Central, here, where
from jetson_kit.fleet.sites.inventory import DIALS, Sites
from jetson_kit.fleet.sites.members import Member
from jetson_kit.fleet.sites.mesh import NodeDownError
from jetson_kit.fleet.sites.node import Process

# The controller's own certificate is made anew so long before it expires.
AHEAD = "another ./inv sites.up is ahead"
RENEW_DAYS = 30
JOIN = Path(__file__).with_name("join.sh")
PROGRAMS = ("install.py", "join_checks.py", "join_program.py", "tied_child.py")
"""What ./join runs before there is a kit: beside JOIN, and beside it in the archive."""


def up(sites: Sites) -> list[Path]:
    """Bring the controller's node up, or to its newest settings; return units for systemd.

    Two at once follow one another.
    """
    place = here()
    with locked(place.folder / "up.lock", lambda: print(AHEAD, file=sys.stderr)):
        return _up(place, sites)


def _up(place: Central, sites: Sites) -> list[Path]:
    apply(place, sites)
    server = _join_server(place, sites.path)
    server.stop()
    controller = sites.controller
    if not _receptor(place).listens(controller.port) and any(s.reach == DIALS for s in sites.sites):
        # Receptor listens from the first member on; its port must be free by then.
        node.check_free("receptor", controller.bind, controller.port)
    since = server.start()
    server.wait(lambda: server.listens(controller.join_port), since, controller.join_port)
    user = getpass.getuser()
    return [
        node.write_unit(
            _receptor(place), "Receptor of the MediaPipe Jetson Kit's controller", user
        ),
        node.write_unit(server, "Where sites of the MediaPipe Jetson Kit join", user),
    ]


def down(sites: Path) -> None:
    """Stop the controller's node; what sites are doing goes on."""
    place = where()
    _join_server(place, sites).stop()
    Process("receptor", place.node, ()).stop()


def apply(place: Central, sites: Sites) -> None:
    """Write the node's settings by who has joined, and start Receptor with them."""
    by = authority.ensure(place.folder / "authority")
    with disk_guard(place.node):
        place.node.mkdir(exist_ok=True, mode=0o700)
        named = place.node / "tls.names"
        names = json.dumps([sites.controller.node, sites.controller.address])
        known = named.read_bytes().decode(errors="replace") if named.is_file() else ""
        own, key = place.node / "tls.crt", place.node / "tls.key"
        if known != names or not authority.holds(by, own, key, RENEW_DAYS):
            request = authority.request(key, sites.controller.node)
            issue = authority.issue(by, request, sites.controller.node, (sites.controller.address,))
            write_private(own, issue)
            write_text(named, names)
        joined = {name: member.fingerprint for name, member in members.load(place.folder).items()}
        rows = config.of_controller(sites, place.node, by, joined)
        write_text(place.node / "receptor.yml", config.to_yaml(rows))
    node.restart(_receptor(place))


def admit(place: Central, sites: Sites, token: str, request: str) -> dict[str, object]:
    """Return what a site needs to be a member, for a token that is good.

    Raises RefusedTokenError, IntegrityError for a damaged request.
    """
    name = members.claim(place.folder, token, request)
    site = sites.named(name)[0]
    by = authority.ensure(place.folder / "authority")
    hosts = (site.address,) if site.address else ()
    issue = authority.issue(by, request.encode(), site.node, hosts)
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=authority.VALID_DAYS)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with members.changing(place.folder) as rows:
        rows[name] = Member(
            authority.fingerprint(issue), now, expires.isoformat(timespec="seconds")
        )
    apply(place, sites)
    return {
        "site": name,
        "certificate": issue.decode(),
        "authority": by.certificate.read_text(encoding="ascii"),
        "verification": by.verification_key.read_text(encoding="ascii"),
        "node": config.site_node(sites, name).as_json(),
    }


def remove(sites: Sites, name: str) -> str:
    """Let a site in no more: not its certificate, and not by a token; return what was taken away.

    Raises BadInputError for a site that has neither.
    """
    place = here()
    joined = name in members.load(place.folder)
    if joined:
        # First: a damaged file of tokens must not keep a stolen site in.
        with members.changing(place.folder) as rows:
            rows.pop(name, None)
        apply(place, sites)
    try:
        tokens = members.forget_tokens(place.folder, name, past_damaged=True)
    except IntegrityError as error:
        if not joined:
            raise
        message = f"{name} is removed: its certificate is let in no more; but {error.message}"
        raise IntegrityError(message, error.cure) from error
    if not joined and not tokens:
        raise BadInputError(f"{name} has not joined", "see ./inv sites.status")
    if not joined:
        return f"{name} had not joined; its token is good no more"
    return f"{name}: its certificate is let in no more"


def invite(sites: Sites, name: str, hours: float, output: Path) -> datetime.datetime:
    """Write the archive by which a site joins once; return until when.

    It holds the kit with its environment, Receptor, and the token. Raises as kit_archive.make.
    """
    place = here()
    site = sites.named(name)[0]
    if name in members.load(place.folder):
        raise BadInputError(
            f"{name} has joined, and another machine would take its place",
            f"take it out first: ./inv sites.remove {name}",
        )
    if not _join_server(place, sites.path).pid():
        raise NodeDownError("nobody is there to let sites in", "begin with ./inv sites.up")
    kit = kit_archive.make(site.arch, site.python)
    program = receptor.program(site.arch)
    by = authority.ensure(place.folder / "authority")
    token, end = members.new_token(place.folder, name, hours)
    facts = {
        "site": name,
        "token": token,
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "expires": end.isoformat(timespec="seconds"),
        "address": sites.controller.address,
        "port": sites.controller.join_port,
        "authority": by.certificate.read_text(encoding="ascii"),
        "receptor": sha256_file(program),
        "kit": kit.sha256,
    }
    with written_aside(output) as aside, tarfile.open(aside, "w") as tar:
        _add(tar, "join", JOIN.read_bytes(), 0o755)
        _add(tar, "join.json", json.dumps(facts, indent=1).encode(), 0o600)
        programs = ((path, path.name) for path in map(JOIN.with_name, PROGRAMS))
        for path, member in (*programs, (kit.path, "kit.tar"), (program, "receptor")):
            tar.add(path, member, filter=roots)
    output.chmod(0o600)
    return end


def _receptor(place: Central) -> Process:
    return node.receptor(receptor.program(_arch()), place.node)


def _join_server(place: Central, sites: Path) -> Process:
    """Return the process at which sites join."""
    command = (sys.executable, "-m", "jetson_kit.fleet.sites.join_server", str(sites.absolute()))
    return Process("join-server", place.node, command, paths.ROOT)


def _add(tar: tarfile.TarFile, name: str, raw: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(raw), mode
    tar.addfile(member, io.BytesIO(raw))


def _arch() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
