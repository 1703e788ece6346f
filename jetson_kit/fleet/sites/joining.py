"""A site joins: its key is made here and stays here; the token in the archive is used up."""

from __future__ import annotations

import datetime
import getpass
import http.client
import json
import os
import shutil
import ssl
import sys
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import (
    BadInputError,
    CheckFailedError,
    IntegrityError,
    KitError,
    NetworkError,
    ToolMissingError,
)
from jetson_kit.core.files import disk_guard, sha256_file, write_text
from jetson_kit.fleet.sites import authority, config, node

NEEDED = ("ssh", "ssh-keygen", "rsync")
LIMIT_S = 60.0
RUN = """\
#!/bin/sh
# What this site's Receptor starts for each piece of work of the controller's.
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
export KIT_STATE="$here/state" KIT_CACHE="$here/cache"
cd "$here/current" || exit 7
exec .venv/bin/python -m jetson_kit.fleet.sites.at_site "$here"
"""


def join(archive: Path, root: Path) -> str:
    """Join by an unpacked archive; return the site's name. Raises KitError.

    A site that has joined before gets another certificate, by another token.
    """
    if lacking := [name for name in NEEDED if shutil.which(name) is None]:
        raise ToolMissingError(
            f"{', '.join(lacking)} are not installed here", "install openssh-client and rsync"
        )
    facts = json.loads((archive / "join.json").read_text(encoding="utf-8"))
    _clock(facts)
    if sha256_file(archive / "receptor") != facts["receptor"]:
        raise IntegrityError(f"{archive / 'receptor'} is damaged", "bring the archive again")
    place = root / "node"
    with disk_guard(place):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        (root / "state").mkdir(exist_ok=True, mode=0o700)
        node.receptor(root / "receptor", place)  # its socket's path is checked before the token
        # The same request each time: an answer that was lost is given again.
        request, key = place / "request.pem", place / "tls.key.new"
        known = place / "request.token"
        if not (request.is_file() and key.is_file() and _is(known, facts["token"])):
            authority.write_private(request, authority.request(key, facts["site"]))
            authority.write_private(known, facts["token"].encode())
        answer = _ask(facts, request.read_text(encoding="ascii"))
        authority.write_private(place / "tls.crt", answer["certificate"].encode())
        key.replace(place / "tls.key")
        write_text(place / "ca.crt", answer["authority"])
        write_text(place / "work.pub", answer["verification"])
        for path in (request, known):
            path.unlink()
        _install(archive, root, config.parse(answer["node"]))
    return str(answer["site"])


def _install(archive: Path, root: Path, own: config.SiteNode) -> None:
    """Write the node's settings and start it."""
    place = root / "node"
    process = node.receptor(root / "receptor", place)
    process.stop()
    aside = root / ".receptor"
    shutil.copyfile(archive / "receptor", aside)
    aside.chmod(0o755)
    aside.replace(root / "receptor")
    write_text(root / "run", RUN)
    (root / "run").chmod(0o755)
    write_text(place / "receptor.yml", config.to_yaml(config.of_site(own, place, root / "run")))
    node.write_unit(process, f"Receptor of the site {own.node}", getpass.getuser())
    node.restart(process)


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="ascii") == text


def _clock(facts: dict[str, Any]) -> None:
    """Refuse a clock that can't be right. Raises BadInputError, CheckFailedError."""
    now = datetime.datetime.now(datetime.UTC)
    result = datetime.datetime.fromisoformat(facts["made"])
    expires = datetime.datetime.fromisoformat(facts["expires"])
    if now < result - datetime.timedelta(minutes=10):
        raise BadInputError(
            f"this machine's clock says {now:%F %R} UTC, and the archive was made {result:%F %R}",
            "set the clock",
        )
    if now > expires:
        raise CheckFailedError(
            f"the token expired {expires:%F %R} UTC, and this machine's clock says {now:%F %R}",
            "set the clock if it is wrong; else have a new archive made: ./inv sites.join",
        )


def _ask(facts: dict[str, Any], request: str) -> dict[str, Any]:
    context = ssl.create_default_context(cadata=facts["authority"])
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    where = f"{facts['address']}:{facts['port']}"
    link = http.client.HTTPSConnection(
        facts["address"], facts["port"], timeout=LIMIT_S, context=context
    )
    try:
        body = json.dumps({"token": facts["token"], "request": request})
        link.request("POST", "/join", body, {"Content-Type": "application/json"})
        reply = link.getresponse()
        answer: dict[str, Any] = json.loads(reply.read(1 << 20))
    except ssl.SSLCertVerificationError as error:
        raise IntegrityError(
            f"{where} is not the controller that made this archive: {error.verify_message}",
            "have a new archive made there: ./inv sites.join",
        ) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NetworkError(
            f"the controller does not answer at {where}: {error}",
            "is ./inv sites.up done there, and is the port open?",
        ) from error
    finally:
        link.close()
    if reply.status != 200:
        raise CheckFailedError(str(answer.get("message")), str(answer.get("hint")))
    return answer


if __name__ == "__main__":
    os.umask(0o077)
    try:
        print(f"{join(Path(sys.argv[1]), Path(sys.argv[2]))} has joined")
    except KitError as failed:
        print(failed.line(), file=sys.stderr)
        sys.exit(failed.exit_code)
