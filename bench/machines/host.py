"""How this machine reaches the package registries, so that a bare machine reaches them too.

Read from this machine when a bare one is made; nothing of it is written to the repository.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from jetson_kit.core.run import run
from jetson_kit.debian.apt import KEYRING, host_mirror

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# Authorities that this machine trusts beside Debian's: update-ca-certificates takes them from here.
AUTHORITIES = Path("/usr/local/share/ca-certificates")
# apt's settings on how the archive is reached and how old its lists may be.
APT_OPTION = re.compile(r'^Acquire::(Check-|http|https|Retries|ForceIPv)[\w:.-]* ".*";$', re.M)
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
INDEXES = ("PIP_INDEX_URL", "PIP_TRUSTED_HOST", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_NATIVE_TLS")
BUNDLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")


def apt_sources(suite: str) -> list[str]:
    """Return the lines of sources.list for a suite of Debian, from the mirror that this host uses.

    Raises ToolMissingError where no mirror is known.
    """
    mirror = host_mirror()
    signed = f"[signed-by={KEYRING}]"
    lines = [f"deb {signed} {mirror.main} {suite} main"]
    if suite != "sid":
        lines += [
            f"deb {signed} {mirror.main} {suite}-updates main",
            f"deb {signed} {mirror.security} {suite}-security main",
        ]
    return lines


def apt_options() -> list[str]:
    """Return apt's settings of this host that decide whether and how archives answer."""
    dump = run(["apt-config", "dump"], what="reading apt's settings")
    return [match[0].rstrip(";") for match in APT_OPTION.finditer(dump)]


def authorities() -> list[Path]:
    """Return the certificates that this host trusts beside Debian's own."""
    return sorted(AUTHORITIES.glob("*.crt"))


def environment() -> dict[str, str]:
    """Return the variables by which programs find the registries from here."""
    names = [*PROXIES, *(name.upper() for name in PROXIES), *INDEXES]
    result = {name: os.environ[name] for name in names if os.environ.get(name)}
    result |= {name: BUNDLE for name in BUNDLES if os.environ.get(name)}
    return result


def apart() -> tuple[str, ...]:
    """Return the words before a command whose mounts must go with it, however it ends.

    As root, mmdebstrap mounts on this machine, and leaves that behind where a hook fails or it is
    killed; as another user it makes a namespace by itself.
    """
    return ("unshare", "--mount") if os.geteuid() == 0 else ()
