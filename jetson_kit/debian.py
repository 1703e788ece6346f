"""Debian packages for any architecture, resolved and verified by apt, without touching the host.

apt runs on the host in a folder of its own (own lists, own status, own archives), so it checks
signatures and hashes as ever, yet needs no root and no emulation.
"""

from __future__ import annotations

import errno
import gzip
import lzma
import os
import re
import shutil
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import zstandard

from jetson_kit.errors import IntegrityError, StepFailedError, ToolMissingError
from jetson_kit.files import disk_guard, locked, sha256_file
from jetson_kit.run import run

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# What --print-uris says of a package: address, name_version_architecture.deb, size, hash.
OFFERED = re.compile(r"'[^']*' ([^_ ]+)_([^_ ]+)_(\w+)\.deb \d+ SHA256:([0-9a-f]{64})")
AR_MAGIC = b"!<arch>\n"
AR_HEAD = 60
UNPACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
    ".zst": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
}
DAMAGE = (ValueError, KeyError, EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
# Bytes: a suite's lists and the packages of the largest variant, with room to spare.
NEEDED = 250 << 20
TIMEOUT_S = 1800.0
# Suites without updates of their own: what is new goes into them.
ROLLING = ("sid", "unstable", "experimental")
DEBOOTSTRAP = Path("/usr/sbin/debootstrap")


@dataclass(frozen=True)
class Deb:
    """One downloaded package."""

    name: str
    version: str
    architecture: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class Mirror:
    """Where Debian's packages come from: the archive and its security updates."""

    main: str
    security: str


def host_mirror() -> Mirror:
    """Return the mirror that this machine uses.

    $KIT_DEBIAN_MIRROR wins; a Debian host's own apt sources come next; elsewhere debootstrap knows
    Debian's default. Raises ToolMissingError where none of them answers.
    """
    named = os.environ.get("KIT_DEBIAN_MIRROR", "").rstrip("/")
    if named:
        return Mirror(named, f"{named}-security")
    found = _sources()
    security = [row[0] for row in found if row[1].endswith("-security")]
    main = [row[0] for row in found if "-" not in row[1]]
    if main:
        archive = main[0].rstrip("/")
        return Mirror(archive, security[0].rstrip("/") if security else f"{archive}-security")
    if DEBOOTSTRAP.exists():
        match = re.search(r'DEF_MIRROR="([^"]+)"', DEBOOTSTRAP.read_text(encoding="utf-8"))
        if match:
            return Mirror(match[1], f"{match[1]}-security")
    raise ToolMissingError(
        "no Debian mirror is known on this machine",
        "run apt-get update as root, or set KIT_DEBIAN_MIRROR to the address of a Debian archive",
    )


def _sources() -> list[list[str]]:
    """Return the archives of Debian that apt knows: (address, suite, ...)."""
    rows = run(
        [
            *("apt-get", "indextargets"),
            *("--format", "$(REPO_URI) $(CODENAME) $(ORIGIN) $(IDENTIFIER)"),
        ],
        what="reading apt's sources",
    )
    return [row.split() for row in rows.splitlines() if row.endswith(" Debian Packages")]


def fetch(
    packages: tuple[str, ...],
    *,
    suite: str,
    arch: str,
    folder: Path,
    status: str = "",
) -> tuple[Deb, ...]:
    """Resolve `packages` with their dependencies (no recommended ones) and download them.

    `folder` keeps apt's lists and archives, so that a second call downloads only what is new.
    `status` is a dpkg status file of what counts as installed already. Raises NetworkError,
    IntegrityError (bad signature), DiskFullError or StepFailedError.
    """
    if not KEYRING.exists():
        raise ToolMissingError(
            f"Debian's signing keys are missing ({KEYRING})", "install debian-archive-keyring"
        )
    with locked(folder / "kit.lock", lambda: None):
        return _fetch(packages, suite, arch, folder, status)


def _fetch(
    packages: tuple[str, ...], suite: str, arch: str, folder: Path, status: str
) -> tuple[Deb, ...]:
    with disk_guard(folder):
        config = _configure(folder, suite, arch, status)
        # apt waits for ever on a disk that fills up under it.
        if shutil.disk_usage(folder).free < NEEDED:
            raise OSError(errno.ENOSPC, "less than apt needs")
    env = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    apt: list[str | Path] = ["apt-get", "-c", config, "-qq", "-y"]
    run([*apt, "update"], what=f"reading Debian {suite} ({arch})", env=env, timeout_s=TIMEOUT_S)
    install = ["install", "--no-install-recommends", *packages]
    download = [*apt, *install, "--download-only"]
    what = f"downloading packages for {suite} ({arch})"
    with ThreadPoolExecutor(1) as pool:
        # --download-only does not say what it resolved. With no archives in sight, --print-uris
        # lists all of it, with the hashes of the signed index.
        solving = pool.submit(
            run,
            [
                *(*apt, "-o", f"Dir::Cache::archives={folder / 'none'}"),
                *("-o", "Acquire::ForceHash=SHA256", "--print-uris", *install),
            ],
            what=f"resolving packages for {suite} ({arch})",
            env=env,
        )
        run(download, what=what, env=env, timeout_s=TIMEOUT_S)
        debs = offered(solving.result(), folder / "cache" / "archives")
    # apt takes a cached archive by its size alone.
    if damaged := [deb for deb in debs if not _intact(deb)]:
        for deb in damaged:
            deb.path.unlink(missing_ok=True)
        run(download, what=what, env=env, timeout_s=TIMEOUT_S)
        if wrong := [deb.path.name for deb in damaged if not _intact(deb)]:
            raise IntegrityError(f"{what}: {', '.join(wrong)} has not the hash of the signed index")
    return debs


def _configure(folder: Path, suite: str, arch: str, status: str) -> Path:
    for name in ("lists/partial", "cache/archives/partial", "none/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    mirror = host_mirror()
    signed = f"[arch={arch} signed-by={KEYRING}]"
    rows = [(mirror.main, suite)]
    if suite not in ROLLING:
        rows += [(mirror.main, f"{suite}-updates"), (mirror.security, f"{suite}-security")]
    (folder / "sources.list").write_text(
        "".join(f"deb {signed} {place} {name} main\n" for place, name in rows)
    )
    (folder / "status").write_text(status)
    config = folder / "apt.conf"
    config.write_text(
        "#clear APT::Architectures;\n#clear APT::Update::Post-Invoke;\n"
        f'APT::Architecture "{arch}";\nAPT::Architectures {{ "{arch}"; }};\n'
        f'Dir::State "{folder}";\nDir::State::lists "{folder}/lists";\n'
        f'Dir::State::status "{folder}/status";\nDir::Cache "{folder}/cache";\n'
        f'Dir::Etc::sourcelist "{folder}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'
        'Dir::Etc::preferences "/dev/null";\nDir::Etc::preferencesparts "/dev/null";\n'
        'Dir::Etc::trustedparts "/dev/null";\nAcquire::Languages "none";\n'
        # Some container hosts switch these off; without them every call parses the lists again.
        'Dir::Cache::pkgcache "pkgcache.bin";\nDir::Cache::srcpkgcache "srcpkgcache.bin";\n'
        'Acquire::Retries "2";\nAPT::Sandbox::User "root";\n'
        'APT::Get::AllowUnauthenticated "false";\n'
        # What this machine's apt would choose otherwise: its release, suggestions, a newer solver.
        '#clear APT::Default-Release;\nAPT::Install-Recommends "false";\n'
        'APT::Install-Suggests "false";\nAPT::Solver "internal";\n'
        # Without it a failed update is a warning, and the install goes on from old lists.
        'APT::Update::Error-Mode "any";\n'
    )
    return config


def offered(printed: str, archives: Path) -> tuple[Deb, ...]:
    """Return the packages that `apt-get --print-uris` lists, sorted, as they stand in `archives`.

    Raises StepFailedError for a package without a SHA256 in the index.
    """
    found = []
    for line in printed.splitlines():
        if not line.startswith("'"):
            continue
        match = OFFERED.match(line)
        if not match:
            raise StepFailedError(f"apt offers a package without a SHA256: {line}")
        name, version, architecture, sha256 = match.groups()
        path = archives / f"{name}_{version}_{architecture}.deb"
        found.append(Deb(name, unquote(version), architecture, path, sha256))
    return tuple(sorted(found, key=lambda deb: (deb.name, deb.version, deb.architecture)))


def _intact(deb: Deb) -> bool:
    return deb.path.is_file() and sha256_file(deb.path) == deb.sha256


def control_tar(deb: Deb) -> bytes:
    """Return the package's control tar (control, md5sums, conffiles, scripts)."""
    return _member(deb, "control.tar")


def files_tar(deb: Deb) -> bytes:
    """Return the package's files as a tar."""
    return _member(deb, "data.tar")


def _member(deb: Deb, stem: str) -> bytes:
    """Return a decompressed member; deb(5): an ar archive of .tar.xz, .zst, .gz or plain members.

    Read here, as two processes for each package would take longer than the work itself.
    """
    try:
        raw = deb.path.read_bytes()
        place = raw.index(AR_MAGIC) + len(AR_MAGIC)
        while place < len(raw):
            head = raw[place : place + AR_HEAD]
            name, size = head[:16].decode().strip().rstrip("/"), int(head[48:58])
            body = raw[place + AR_HEAD : place + AR_HEAD + size]
            if name.startswith(stem) and len(body) == size:
                return UNPACKERS[name.removeprefix(stem)](body)
            place += AR_HEAD + size + size % 2
        raise ValueError(f"it has no whole {stem}")
    except DAMAGE as error:
        why = error
    deb.path.unlink(missing_ok=True)
    raise StepFailedError(
        f"{deb.path.name} is damaged: {why}", "it was removed from the cache; run it again"
    )
