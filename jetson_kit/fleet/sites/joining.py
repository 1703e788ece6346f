"""A site joins: its key is made here and stays here; the token in the archive is used up."""

from __future__ import annotations

import datetime
import getpass
import http.client
import json
import os
import shutil
import signal
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import (
    BadInputError,
    CheckFailedError,
    IntegrityError,
    InternalError,
    KitError,
    NetworkError,
    StepFailedError,
)
from jetson_kit.core.files import disk_guard, sha256_file, write_text
from jetson_kit.core.reasons import why
from jetson_kit.fleet.certificate_parts import write_private
from jetson_kit.fleet.sites import authority, config, join_checks, join_program, node

LIMIT_S = 60.0
RUN = """\
#!/bin/sh
# What this site's Receptor starts for each piece of work of the controller's.
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
export KIT_STATE="$here/state" KIT_CACHE="$here/cache"
cd "$here/current" || exit 7
exec .venv/bin/python -m jetson_kit.fleet.sites.at_site "$here"
"""
STOP = """\
#!/bin/sh
# stop: end this site's node; what a rollout has begun goes on.
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cd "$here/current" || exit 7
exec .venv/bin/python -m jetson_kit.fleet.sites.joining --stop "$here"
"""


def join(archive: Path, root: Path) -> str:
    """Join by an unpacked archive, which join_checks.py has checked; return the site's name.

    A site that has joined before gets another certificate, by another token. Raises KitError,
    JoinError.
    """
    facts = join_checks.read_facts(archive)
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
        with _controller(facts) as link:
            if not (request.is_file() and key.is_file() and _is(known, facts["token"])):
                write_private(request, authority.request(key, facts["site"]))
                write_private(known, facts["token"].encode())
            try:
                answer = _ask(link, facts, request.read_text(encoding="ascii"))
            except CheckFailedError:
                _forget(request, known, key)
                raise
        write_private(place / "tls.crt", answer["certificate"].encode())
        write_private(place / "tls.key", key.read_bytes())
        write_text(place / "ca.crt", answer["authority"])
        write_text(place / "work.pub", answer["verification"])
        _install(archive, root, config.parse(answer["node"]))
        # Last: until here the same token can be used again.
        _forget(request, known, key)
    return str(answer["site"])


def stop(root: Path) -> str:
    """End the node of a site; return what to say. Raises KitError."""
    process = node.receptor(root / "receptor", root / "node")
    if not process.pid():
        return "the node does not run"
    process.stop()
    return "the node is stopped"


def _forget(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _install(archive: Path, root: Path, own: config.SiteNode) -> None:
    """Write the node's settings and start it."""
    place = root / "node"
    process = node.receptor(root / "receptor", place)
    process.stop()
    aside = root / ".receptor"
    shutil.copyfile(archive / "receptor", aside)
    aside.chmod(0o755)
    aside.replace(root / "receptor")
    for name, text in (("run", RUN), ("stop", STOP)):
        write_text(root / name, text)
        (root / name).chmod(0o755)
    write_text(place / "receptor.yml", config.to_yaml(config.of_site(own, place, root / "run")))
    node.write_unit(process, f"Receptor of the site {own.node}", getpass.getuser())
    try:
        node.restart(process)
    except BaseException:
        process.stop()
        raise


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


@contextmanager
def _controller(facts: dict[str, Any]) -> Iterator[http.client.HTTPSConnection]:
    """Yield a connection to the controller. Raises IntegrityError, NetworkError."""
    where = config.joined(facts["address"], facts["port"])
    try:
        context = ssl.create_default_context(cadata=facts["authority"])
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        link = http.client.HTTPSConnection(
            facts["address"], facts["port"], timeout=LIMIT_S, context=context
        )
        link.connect()
    except ssl.SSLCertVerificationError as error:
        raise IntegrityError(
            f"{where} is not the controller that made this archive: {error.verify_message}",
            "have a new archive made there: ./inv sites.join",
        ) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _no_answer(where, error) from error
    try:
        yield link
    finally:
        link.close()


def _ask(link: http.client.HTTPSConnection, facts: dict[str, Any], request: str) -> dict[str, Any]:
    try:
        body = json.dumps({"token": facts["token"], "request": request})
        link.request("POST", "/join", body, {"Content-Type": "application/json"})
        reply = link.getresponse()
        answer: dict[str, Any] = json.loads(reply.read(1 << 20))
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _no_answer(config.joined(facts["address"], facts["port"]), error) from error
    if reply.status != 200:
        raise CheckFailedError(str(answer.get("message")), str(answer.get("hint")))
    return answer


def _no_answer(where: str, error: Exception) -> NetworkError:
    return NetworkError(
        f"the controller does not answer at {where}: {error}",
        "is ./inv sites.up done there, and is the port open?",
    )


def _main(arguments: list[str]) -> int:
    try:
        if arguments[0] == "--stop":
            print(stop(Path(arguments[1])))
        else:
            print(f"{join(Path(arguments[0]), Path(arguments[1]))} has joined")
    except KitError as failed:
        print(failed.line(), file=sys.stderr)
        return failed.exit_code
    except join_checks.JoinError as failed:
        sys.stderr.write(failed.text())
        return failed.code
    except OSError as error:
        print(StepFailedError(f"the site can't be made: {why(error)}").line(), file=sys.stderr)
        return StepFailedError.exit_code
    except Exception as error:  # one line, whatever it is
        line = InternalError(f"{type(error).__name__}: {error}", "please report it").line()
        print(line, file=sys.stderr)
        return InternalError.exit_code
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    # join_program.py has the words for the user; Receptor is not left behind.
    for number in join_program.ENDING:
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    sys.exit(_main(sys.argv[1:]))
