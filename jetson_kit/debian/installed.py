"""Debian packages' files in one tar, with dpkg's records, as an installation would have them."""

from __future__ import annotations

import fnmatch
import io
import posixpath
import re
import tarfile
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from jetson_kit.containers.layers import LayerTar
from jetson_kit.debian import deb_file
from jetson_kit.debian.deb_file import Deb

MERGED = ("bin", "sbin", "lib", "lib64")
# What update-alternatives would have made.
ALTERNATIVES = {"awk": "mawk", "cc": "gcc", "c++": "g++"}


@dataclass(frozen=True)
class Merged:
    """What the packages' files say beyond themselves."""

    status: str
    """dpkg's status, a stanza for each package."""
    masters: dict[str, str]
    """passwd.master, group.master and nsswitch.conf, where a package has them."""
    certificates: bytes
    """Every certificate authority, one PEM after the other."""


def merge(
    layer: LayerTar,
    debs: tuple[Deb, ...],
    prune: dict[str, list[str]],
    without: Collection[str] = (),
) -> Merged:
    """Put the packages' files and dpkg's lists of them into a tar, merged-usr as Debian has it.

    No package depends on what is in `without`. Raises StepFailedError for a damaged package.
    """
    status: list[str] = []
    certificates: list[bytes] = []
    masters: dict[str, str] = {}
    requested = {
        "usr/share/base-passwd/passwd.master",
        "usr/share/base-passwd/group.master",
        "usr/share/base-files/nsswitch.conf",
    }
    for name in MERGED[: 4 if any(deb.architecture == "amd64" for deb in debs) else 3]:
        layer.folder(f"usr/{name}")
        layer.link(name, f"usr/{name}")
    with ThreadPoolExecutor(2) as pool:
        bodies = pool.map(lambda deb: (deb_file.files_tar(deb), deb_file.control_tar(deb)), debs)
        for deb, (body, control) in zip(debs, bodies, strict=True):
            listed = ["/."]
            with tarfile.open(fileobj=io.BytesIO(body)) as files:
                for info in files:
                    name = merged_path(info.name)
                    if not name:
                        continue
                    listed.append(f"/{name}")
                    stream = files.extractfile(info) if info.isreg() else None
                    content = stream.read() if stream else b""
                    if name in requested:
                        masters[posixpath.basename(name)] = content.decode()
                    if name.startswith("usr/share/ca-certificates/") and name.endswith(".crt"):
                        certificates.append(content)
                    if _dropped(name, info, prune):
                        continue
                    info.name = name
                    if info.islnk():
                        info.linkname = merged_path(info.linkname)
                    layer.member(info, io.BytesIO(content) if info.isreg() else None)
            status.append(_record(layer, deb, control, listed, without))
    return Merged("".join(status), masters, b"".join(pem.rstrip() + b"\n" for pem in certificates))


def add_common(layer: LayerTar, merged: Merged) -> None:
    """Add what every root has and no package brings: certificates, dpkg's format, /tmp, links."""
    if merged.certificates:
        layer.data("etc/ssl/certs/ca-certificates.crt", merged.certificates)
        layer.link("usr/lib/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt")
    layer.data("var/lib/dpkg/status", merged.status)
    layer.data("var/lib/dpkg/info/format", "1\n")  # lists are named name:arch where they must
    layer.folder("tmp", 0o1777)
    for name, program in ALTERNATIVES.items():
        if f"usr/bin/{program}" in layer:
            layer.link(f"usr/bin/{name}", program)


def merged_path(name: str) -> str:
    """Return a member's path with /bin, /sbin and /lib inside /usr, as merged-usr has them."""
    path = posixpath.normpath(name).lstrip("/")
    if path == "." or path in MERGED:
        return ""
    return f"usr/{path}" if path.split("/", 1)[0] in MERGED else path


def _dropped(name: str, info: tarfile.TarInfo, prune: dict[str, list[str]]) -> bool:
    if info.isdir():
        return False
    if any(fnmatch.fnmatchcase(name, glob) for glob in prune["keep"]):
        return False
    return any(fnmatch.fnmatchcase(name, glob) for glob in prune["drop"])


def stanza(deb: Deb) -> str:
    """Return what dpkg's status says of a package that is installed."""
    return _stanza(_control(deb_file.control_tar(deb)))


def _control(control: bytes) -> dict[str, bytes]:
    """Return the members of a package's control tar."""
    parts: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(control)) as files:
        for info in files:
            stream = files.extractfile(info) if info.isreg() else None
            if stream:
                parts[posixpath.basename(info.name)] = stream.read()
    return parts


def _stanza(parts: dict[str, bytes]) -> str:
    head, _, rest = parts["control"].decode().strip().partition("\n")
    return f"{head}\nStatus: install ok installed\n{rest}\n\n"


def without_dependencies(stanza: str, names: Collection[str]) -> str:
    """Return a stanza whose package depends on none of these names."""

    def depends(match: re.Match[str]) -> str:
        clauses = [clause.strip() for clause in match[2].split(",")]
        left = [
            clause
            for clause in clauses
            if not any(re.split(r"[ (:]", part.strip())[0] in names for part in clause.split("|"))
        ]
        return f"{match[1]}: {', '.join(left)}\n" if left else ""

    return re.sub(r"(?m)^((?:Pre-)?Depends): (.*)\n", depends, stanza)


def _record(
    layer: LayerTar, deb: Deb, control: bytes, listed: list[str], without: Collection[str]
) -> str:
    """Write dpkg's lists for a package and return its status stanza."""
    parts = _control(control)
    multi = "\nMulti-Arch: same" in parts["control"].decode()
    base = f"var/lib/dpkg/info/{deb.name}" + (f":{deb.architecture}" if multi else "")
    layer.data(f"{base}.list", "".join(f"{path}\n" for path in listed))
    for name in ("md5sums", "conffiles"):
        if name in parts:
            layer.data(f"{base}.{name}", parts[name])
    return without_dependencies(_stanza(parts), without)
