"""Whether a manifest comes from the board that it names: signed by the host key that ssh knows.

No key of its own is needed: who reaches a board by ssh has pinned its host key already.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core.errors import BadInputError, IntegrityError, StepFailedError
from jetson_kit.core.run import run

NAMESPACE = "mediapipe-jetson-engines"
SUFFIX = ".sig"
SIGNERS = "signers"
"""Name of the file beside a manifest that keeps the keys by which it was verified."""
FILES = {
    "ssh-ed25519": "/etc/ssh/ssh_host_ed25519_key",
    "ecdsa-sha2-nistp256": "/etc/ssh/ssh_host_ecdsa_key",
    "ssh-rsa": "/etc/ssh/ssh_host_rsa_key",
}
"""Kinds of host keys in the order in which they are asked for, and where a board has them."""


@dataclass(frozen=True)
class Keys:
    """A host's keys that this machine knows: (kind, key) each."""

    host: str
    keys: tuple[tuple[str, str], ...]

    @property
    def file(self) -> str:
        """Return the private half, on the board, of the first key."""
        kinds = [kind for kind, _ in self.keys]
        return next(path for kind, path in FILES.items() if kind in kinds)

    @property
    def signers(self) -> str:
        """Return them as the text of allowed_signers."""
        name = self.host
        return "".join(f'{name} namespaces="{NAMESPACE}" {kind} {key}\n' for kind, key in self.keys)


def known(host: Host) -> Keys:
    """Return the keys that ssh would take the host by. Raises BadInputError where it knows none."""
    options = _options(host)
    port = options.get("port", ["22"])[0]
    name = options.get("hostkeyalias", [""])[0] or options["hostname"][0]
    shown = name if port == "22" or options.get("hostkeyalias") else f"[{name}]:{port}"
    result: dict[tuple[str, str], None] = {}
    for path in _files(options):
        if path.is_file():
            result |= dict.fromkeys(_keys(shown, path))
    ours = tuple(item for item in result if item[0] in FILES)
    if not ours:
        raise BadInputError(
            f"no host key of {host.name} is known to this machine",
            f"connect once with ssh {host.address}, compare the fingerprint and accept it",
        )
    return Keys(host.name, ours)


def verify(manifest: Path, keys: Keys) -> None:
    """Raise IntegrityError unless one of the keys signed the manifest."""
    with tempfile.TemporaryDirectory() as scratch:
        allowed = Path(scratch, SIGNERS)
        allowed.write_text(keys.signers, encoding="utf-8")
        verify_by(manifest, allowed, keys.host)


def verify_by(manifest: Path, allowed: Path, host: str) -> None:
    """Raise IntegrityError unless a key that a file allows for the host signed the manifest."""
    signature = manifest.with_name(manifest.name + SUFFIX)
    if not signature.is_file():
        raise IntegrityError(f"{manifest} is not signed", "build it again: ./inv engines.build")
    command = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", host, "-n", NAMESPACE]
    try:
        run([*command, "-s", str(signature)], what="check a signature", stdin=manifest.read_bytes())
    except StepFailedError as error:
        raise IntegrityError(
            f"{manifest} is not signed by {host}",
            "what came back is not what that board built; nothing of it is kept",
        ) from error


def _options(host: Host) -> dict[str, list[str]]:
    """Return ssh's options for a host, as ssh itself tells them."""
    text = run(
        ["ssh", "-G", *host.ssh_options(), host.address], what=f"asking ssh about {host.name}"
    )
    result: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        result.setdefault(key, []).append(value)
    return result


def _files(options: dict[str, list[str]]) -> list[Path]:
    names = " ".join(
        options.get("userknownhostsfile", []) + options.get("globalknownhostsfile", [])
    )
    return [Path(re.sub(r'^"|"$', "", name)).expanduser() for name in names.split()]


def _keys(name: str, path: Path) -> Sequence[tuple[str, str]]:
    """Return the keys that a known_hosts file has for a name; hashed names are found as well."""
    try:
        text = run(["ssh-keygen", "-F", name, "-f", path], what="looking for a host key")
    except StepFailedError:
        return ()
    rows = [line.split() for line in text.splitlines() if line and line[0] not in "#@"]
    return [(row[1], row[2]) for row in rows if len(row) >= 3]
