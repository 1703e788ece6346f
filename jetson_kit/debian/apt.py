"""Debian packages for any architecture, resolved and verified by apt, without touching the host.

apt runs on the host in a folder of its own (own lists, own status, own archives), so it checks
signatures and hashes as ever, yet needs no root and no emulation.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from jetson_kit.core.errors import BadInputError, IntegrityError, StepFailedError, ToolMissingError
from jetson_kit.core.files import disk_guard, locked
from jetson_kit.core.run import run
from jetson_kit.core.text import shown
from jetson_kit.debian.deb_file import Deb, intact

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# What --print-uris says of a package: address, name_version_architecture.deb, size, hash.
OFFERED = re.compile(r"'[^']*' ([^_ ]+)_([^_ ]+)_(\w+)\.deb \d+ SHA256:([0-9a-f]{64})")
# As apt takes it; anything else in a line of its sources would be an option.
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:/[^\s\[\]]+")
# What `apt-get update --print-uris` says of an archive's Release file: its address, its file here.
RELEASES = re.compile(r"'(?P<place>[^']*/)dists/[^']*/InRelease' (?P<file>\S+InRelease) ")
# Bytes: a suite's lists and the packages of the largest variant, with room to spare.
NEEDED = 250 << 20
TIMEOUT_S = 1800.0
# Suites without updates of their own: what is new goes into them.
ROLLING = ("sid", "unstable", "experimental")
DEBOOTSTRAP = Path("/usr/sbin/debootstrap")
PROXIES = ("http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class Mirror:
    """Where Debian's packages come from: the archive and its security updates."""

    main: str
    security: str


def host_mirror() -> Mirror:
    """Return the mirror that this machine uses.

    $KIT_DEBIAN_MIRROR wins; a Debian host's own apt sources come next; elsewhere debootstrap knows
    Debian's default. Raises BadInputError for a variable that is no address, ToolMissingError where
    none of them answers.
    """
    named = os.environ.get("KIT_DEBIAN_MIRROR", "").rstrip("/")
    if named:
        if not ADDRESS.fullmatch(named):
            raise BadInputError(
                f"KIT_DEBIAN_MIRROR is {shown(named)}, no address of a Debian archive",
                "write it like http://HOST/debian or file:/FOLDER",
            )
        return Mirror(named, f"{named}-security")
    sources = _sources()
    security = [place for place, suite in sources if suite.endswith("-security")]
    main = [place for place, suite in sources if "-" not in suite]
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


def _sources() -> list[tuple[str, str]]:
    """Return the archives of Debian that apt knows and has read: (address, codename).

    `apt-get indextargets` says as much, but parses every list first.
    """
    what = "reading apt's sources"
    requested = run(["apt-config", "shell", "lists", "Dir::State::lists/d"], what=what)
    lists = Path(requested.partition("=")[2].strip().strip("'"))
    result = []
    for match in RELEASES.finditer(run(["apt-get", "update", "--print-uris"], what=what)):
        fields = _release(lists, match["file"])
        if fields.get("Origin") == "Debian" and "Codename" in fields:
            result.append((match["place"], fields["Codename"]))
    return result


def _release(lists: Path, name: str) -> dict[str, str]:
    """Return the fields of a Release file that apt has in its lists."""
    for path in (lists / name, lists / f"{name.removesuffix('InRelease')}Release"):
        with contextlib.suppress(OSError):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            pairs = (line.partition(": ") for line in lines if not line.startswith(" "))
            return {key: value for key, _, value in pairs}
    return {}


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
    with _apt(folder, suite, arch, status) as apt:
        return _fetch(apt, packages)


def resolve(
    packages: tuple[str, ...], *, suite: str, arch: str, folder: Path, status: str = ""
) -> str:
    """Return what `apt-get --print-uris` lists for `packages`, downloading none.

    Arguments and errors are those of `fetch`.
    """
    with _apt(folder, suite, arch, status) as apt:
        return apt.resolve(packages)


@dataclass(frozen=True)
class _Apt:
    """apt in a folder of its own, its lists read."""

    folder: Path
    of: str
    """Suite and architecture, for messages."""

    def run(self, *arguments: str, what: str) -> str:
        return run(
            ["apt-get", "-c", self.folder / "apt.conf", "-qq", "-y", *arguments],
            what=f"{what} {self.of}",
            env=environment(),
            timeout_s=TIMEOUT_S,
        )

    def resolve(self, packages: tuple[str, ...]) -> str:
        # --download-only does not say what it resolved. With no archives in sight, --print-uris
        # lists all of it, with the hashes of the signed index.
        return self.run(
            *("-o", f"Dir::Cache::archives={self.folder / 'none'}"),
            *("-o", "Acquire::ForceHash=SHA256", "--print-uris", *_install(packages)),
            what="resolving packages for",
        )


def environment() -> dict[str, str]:
    """Return the variables that apt's programs run with.

    Of those that name proxies, apt reads only the ones in small letters.
    """
    proxies = {name: os.environ[name.upper()] for name in PROXIES if name.upper() in os.environ}
    return {**proxies, **os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


def _install(packages: tuple[str, ...]) -> tuple[str, ...]:
    return ("install", "--no-install-recommends", *packages)


@contextlib.contextmanager
def _apt(folder: Path, suite: str, arch: str, status: str) -> Iterator[_Apt]:
    """Yield an apt that has read the suite's lists; no other process uses the folder meanwhile."""
    if not KEYRING.exists():
        raise ToolMissingError(
            f"Debian's signing keys are missing ({KEYRING})", "install debian-archive-keyring"
        )
    with locked(folder / "kit.lock", lambda: None):
        with disk_guard(folder):
            configure(folder, suite, arch, status, host_mirror())
            room(folder)
        apt = _Apt(folder, f"{suite} ({arch})")
        apt.run("update", what="reading Debian")
        yield apt


def room(folder: Path) -> None:
    """Raise OSError where a disk has too little room: apt waits for ever on one that fills up."""
    if shutil.disk_usage(folder).free < NEEDED:
        raise OSError(errno.ENOSPC, "less than apt needs")


def _fetch(apt: _Apt, packages: tuple[str, ...]) -> tuple[Deb, ...]:
    download = functools.partial(
        apt.run, *_install(packages), "--download-only", what="downloading packages for"
    )
    with ThreadPoolExecutor(1) as pool:
        solving = pool.submit(apt.resolve, packages)
        download()
        debs = offered(solving.result(), archives(apt.folder))
    # apt takes a cached archive by its size alone.
    if damaged := [deb for deb in debs if not intact(deb)]:
        for deb in damaged:
            deb.path.unlink(missing_ok=True)
        download()
        if wrong := [deb.path.name for deb in damaged if not intact(deb)]:
            raise IntegrityError(f"{', '.join(wrong)} has not the hash of the signed index")
    return debs


def archives(folder: Path) -> Path:
    """Return where apt, working in `folder`, puts packages."""
    return folder / "cache" / "archives"


def configure(folder: Path, suite: str, arch: str, status: str, mirror: Mirror) -> Path:
    """Write the settings of an apt that works in `folder`; return their file."""
    for name in ("lists/partial", "cache/archives/partial", "none/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
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
    debs = []
    for line in printed.splitlines():
        if not line.startswith("'"):
            continue
        match = OFFERED.match(line)
        if not match:
            raise StepFailedError(f"apt offers a package without a SHA256: {line}")
        name, version, architecture, sha256 = match.groups()
        path = archives / f"{name}_{version}_{architecture}.deb"
        debs.append(Deb(name, unquote(version), architecture, path, sha256))
    return tuple(sorted(debs, key=lambda deb: (deb.name, deb.version, deb.architecture)))
