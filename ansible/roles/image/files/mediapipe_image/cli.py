"""The command line: one line of result or of error, and a fixed exit code.

0 done or nothing to do, 1 unhealthy, 2 bad input, 3 tool missing, 5 damaged or unsigned,
6 no space, 7 a step failed, 8 the application says "not now", 9 busy, 10 for another device.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from mediapipe_image import VERSION, change, disk, prune, receive, release, status, watch
from mediapipe_image.errors import FullError, ImageError, StepFailedError
from mediapipe_image.settings import load

Action = Callable[[argparse.Namespace], Dict[str, Any]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mediapipe-image", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True

    def add(name: str, text: str, action: Action) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.add_argument("--json", action="store_true", help="print the result as JSON")
        made.set_defaults(action=action)
        return made

    add("status", "what the device is on", lambda _: status.status(load()))
    for name, text, action in (
        ("missing", "which layers must be sent, and whether they fit", _missing),
        ("receive", "check and load the layers that were sent", _receive),
        ("expect", "prepare for a pull from a registry", _expect),
        ("adopt", "take over what was pulled from a registry", _adopt),
    ):
        add(name, text, action).add_argument("release", type=Path, metavar="RELEASE")
    one = add("offer", "take a release's text, then as missing, or for a pull as ready", _offer)
    one.add_argument("--way", choices=(receive.ARCHIVE, receive.REGISTRY), required=True)
    one.add_argument("document", metavar="RELEASE", help="release.json in base64")
    one.add_argument("signature", metavar="SIGNATURE", help="its signature in base64")
    one = add("switch", "run an image, on trial", _switch)
    one.add_argument("image_id", metavar="IMAGE_ID")
    one.add_argument("--rollout", default="", help="id of the rollout, for the records")
    one.add_argument("--why", default="", help="reason, for the records")
    one.add_argument("--limit", type=float, default=None, help="seconds until it must be healthy")
    one = add("confirm", "end the trial: the image is good", _confirm)
    one.add_argument("image_id", metavar="IMAGE_ID")
    one = add("rollback", "go back to the previous image", _rollback)
    one.add_argument("--why", default="by hand", help="reason, for the records")
    one.add_argument("--from", dest="leave", default="", help="only if it is on this image")
    one = add("prune", "remove old images", lambda given: prune.prune(given.keep))
    one.add_argument("--keep", type=int, required=True, help="how many to keep in all")
    one = add("watch", "one look at an unfinished change (systemd)", _watch)
    one.add_argument("--follow", action="store_true", help="look until nothing is unfinished")
    add("settle", "settings for the start of the service (systemd)", lambda _: watch.settle(load()))
    return parser


def _missing(given: argparse.Namespace) -> Dict[str, Any]:
    return receive.missing(release.load(given.release), load())


def _offer(given: argparse.Namespace) -> Dict[str, Any]:
    return receive.offer(given.document, given.signature, given.way, load())


def _receive(given: argparse.Namespace) -> Dict[str, Any]:
    return receive.receive(release.load(given.release), load())


def _expect(given: argparse.Namespace) -> Dict[str, Any]:
    return receive.expect(release.load(given.release, registry=True), load())


def _adopt(given: argparse.Namespace) -> Dict[str, Any]:
    return receive.adopt(release.load(given.release, registry=True), load())


def _switch(given: argparse.Namespace) -> Dict[str, Any]:
    body = change.switch(
        given.image_id, load(), rollout=given.rollout, why=given.why, limit_s=given.limit
    )
    return _and_status(body, given)


def _confirm(given: argparse.Namespace) -> Dict[str, Any]:
    return _and_status(change.confirm(given.image_id), given)


def _and_status(body: Dict[str, Any], given: argparse.Namespace) -> Dict[str, Any]:
    """Add how the device is after a step, so that nobody has to ask for it."""
    return dict(body, status=status.status(load(), probe=True)) if given.json else body


def _rollback(given: argparse.Namespace) -> Dict[str, Any]:
    return change.rollback(load(), given.why, given.leave)


def _watch(given: argparse.Namespace) -> Dict[str, Any]:
    return watch.follow(load()) if given.follow else watch.watch(load())


def main(words: Optional[List[str]] = None) -> int:
    """Run one command; return the exit code."""
    given = _parser().parse_args(words)
    # A lost ssh connection ends the command between two steps like any other kill.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if not disk.ROOT and os.geteuid() != 0:
            raise StepFailedError("only root may do this", "run it with sudo")
        body: Dict[str, Any] = given.action(given)
    except ImageError as error:
        return _failed(error)
    except OSError as error:
        kind = FullError if error.errno in disk.FULL else StepFailedError
        return _failed(kind(f"{error}"))
    except KeyboardInterrupt:
        sys.stderr.write("error: stopped; run it again to go on from here\n")
        return 130
    if given.json:
        print(json.dumps(body, sort_keys=True))
    elif given.command == "status":
        print(status.lines(body))
    else:
        print(" ".join(f"{key}={value}" for key, value in sorted(body.items()) if value != []))
    return 0


def _failed(error: ImageError) -> int:
    sys.stderr.write(error.line() + "\n")
    return error.exit_code
