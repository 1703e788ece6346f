"""The keys of boards: those of their ssh servers, as ssh itself knows them from known_hosts."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jetson_kit.ansible_driver import inventory
from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core.errors import BadInputError, ToolMissingError
from jetson_kit.fleet.release import signing

AT_A_TIME = 8
DEFAULT_PORT = "22"
# How a key revocation list begins (OpenSSH's PROTOCOL.krl).
KRL = b"SSHKRL\n\0"


def of_inventory(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the keys ("KIND BASE64") of each board of an inventory; () for one never met.

    Raises BadInputError, ToolMissingError.
    """
    hosts = inventory.read(path).hosts
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return dict(zip((host.name for host in hosts), pool.map(of_host, hosts), strict=True))


def of_host(host: Host) -> tuple[str, ...]:
    """Return the keys by which ssh would know a host. Raises BadInputError, ToolMissingError."""
    how = _as_ssh_goes(host)
    name, port = how.get("hostkeyalias") or how.get("hostname", host.host), how.get("port")
    if port not in (None, DEFAULT_PORT) and not how.get("hostkeyalias"):
        name = f"[{name}]:{port}"
    files = shlex.split(
        f"{how.get('userknownhostsfile', '')} {how.get('globalknownhostsfile', '')}"
    )
    rows = [
        line.split()
        for file in (Path(word).expanduser() for word in files)
        if file.is_file()
        for line in _output(["ssh-keygen", "-F", name, "-f", str(file)]).splitlines()
    ]
    # A key that one line revokes is none in any file, as for ssh.
    revoked = set(_keys(row[1:] for row in rows if row[:1] == ["@revoked"]))
    listed = how.get("revokedhostkeys", "none")
    return tuple(
        key
        for key in dict.fromkeys(_keys(rows))
        if key not in revoked and (listed == "none" or not _is_listed(key, Path(listed)))
    )


def _as_ssh_goes(host: Host) -> dict[str, str]:
    """Return ssh's own settings for a host, by their names in small letters."""
    lines = _output(["ssh", "-G", *host.ssh_options(), "--", host.host]).splitlines()
    return {name: value for name, _, value in (line.partition(" ") for line in lines)}


def _keys(rows: Iterable[list[str]]) -> list[str]:
    """Return the keys of known_hosts' lines; none of a line with a mark, as an authority's."""
    return [
        f"{row[1]} {row[2]}"
        for row in rows
        if len(row) >= 3 and not row[0].startswith(("#", "@")) and row[1] in signing.KINDS
    ]


def _is_listed(key: str, place: Path) -> bool:
    """Tell whether a key is in ssh's RevokedHostKeys: lines of keys, or an OpenSSH KRL.

    Where that can't be read, every key is: ssh trusts no host then.
    """
    try:
        raw = place.expanduser().read_bytes()
    except OSError:
        return True
    if not raw.startswith(KRL):
        lines = raw.decode(errors="replace").splitlines()
        return key in (" ".join(line.split()[:2]) for line in lines)
    with tempfile.NamedTemporaryFile("w", prefix="kit-key-") as public:
        public.write(f"{key}\n")
        public.flush()
        command = ["ssh-keygen", "-Q", "-f", str(place.expanduser()), public.name]
        return not _output(command).rstrip().endswith(": ok")


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except FileNotFoundError as error:
        raise ToolMissingError(
            f"{command[0]} is not installed", "apt-get install openssh-client"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise BadInputError(f"{command[0]} does not answer: {shlex.join(command)}") from error
    # Exit code 1 of ssh-keygen -F: there is none.
    return done.stdout
