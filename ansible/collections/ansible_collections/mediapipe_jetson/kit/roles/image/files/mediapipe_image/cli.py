"""The command line: one line of result or of error, and a fixed exit code.

0 done or nothing to do, 1 unhealthy, 2 bad input, 3 tool missing, 5 damaged, unsigned,
older or expired, 6 no space, 7 a step failed, 8 the application says "not now", 9 busy, 10 for
another device.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, NoReturn, Optional, Tuple

from mediapipe_image import PROTOCOL, disk
from mediapipe_image.errors import FullError, ImageError, StepFailedError
from mediapipe_image.settings import ARCHIVE, REGISTRY, load

MOST_S = 30 * 86400
MOST_IMAGES = 1000
Action = Callable[[argparse.Namespace], Dict[str, Any]]


class Parser(argparse.ArgumentParser):
    """One whose error is one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and how to see what is right; exit with 2."""
        self.exit(2, f"error: {' '.join(message.split())}; see: {self.prog} --help\n")


def _parser(requested: str) -> argparse.ArgumentParser:
    """Return the parser. Where the word that was `requested` is a command, it knows no other."""
    parser = Parser(
        prog="mediapipe-image",
        description=__doc__.splitlines()[0] if __doc__ else None,
        formatter_class=_help,
    )
    parser.add_argument("--version", action="version", version=str(PROTOCOL))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    for name in [requested] if requested in COMMANDS else list(COMMANDS):
        text, action, options = COMMANDS[name]
        result = commands.add_parser(name, help=text, description=text, formatter_class=_help)
        result.add_argument("--json", action="store_true", help="print the result as JSON")
        result.set_defaults(action=action)
        for words, how in options:
            result.add_argument(*words, **how)
    return parser


def _help(prog: str) -> argparse.HelpFormatter:
    # To ask for the terminal's width would import shutil and all that it can unpack.
    return argparse.HelpFormatter(prog, width=100)


# A rollout asks four times, and each start of Python counts on a small board: what a command does
# not need is not imported.
def _status(_words: argparse.Namespace) -> Dict[str, Any]:
    return _now()


def _now(*, probe: bool = False) -> Dict[str, Any]:
    from mediapipe_image import status

    return status.status(load(), probe=probe)


def _missing(given: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import receive, release

    receive.permitted(given.release, downgrade=given.allow_downgrade)
    return receive.missing(release.load(given.release), load())


def _offer(given: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import receive

    registry = given.way == REGISTRY
    body = receive.offer(
        given.document, given.signature, load(), registry=registry,
        signers=given.signers, downgrade=given.allow_downgrade,
    )  # fmt: skip
    return dict(body, status=_now()) if given.json else body


def _check(given: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import release

    result, seen = release.authentic(given.release)
    release.check_age(result, seen)
    return {"image_id": result.image_id, "number": result.number, "expires": result.expires}


def _receive(given: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import receive

    return receive.receive(receive.offered(given.release, given.image), load())


def _expect(given: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import receive

    return receive.expect(receive.offered(given.release, given.image, registry=True), load())


def _adopt(given: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import receive

    return receive.adopt(receive.offered(given.release, given.image, registry=True), load())


def _switch(given: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import change

    body = change.switch(
        given.image_id, load(), rollout=given.rollout, why=given.why, limit_s=given.limit,
        trial_s=given.trial, seen=given.seen,
    )  # fmt: skip
    return _and_status(body, given)


def _confirm(given: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import change

    body = change.confirm(given.image_id)
    if given.keep is not None:
        try:
            body.update(_prune(given), changed=body["changed"])
        # The image is good, whatever becomes of the others.
        except (ImageError, OSError) as error:
            body["old_stay"] = str(error)
    return _and_status(body, given)


def _and_status(body: Dict[str, Any], given: argparse.Namespace) -> Dict[str, Any]:
    """Add how the device is after a step, so that nobody has to ask for it."""
    return dict(body, status=_now(probe=True)) if given.json else body


def _rollback(given: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import change

    return change.rollback(load(), given.why, given.leave)


def _prune(given: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import prune

    return prune.prune(given.keep)


def _watch(given: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import watch

    return watch.follow(load()) if given.follow else watch.watch(load())


def _settle(_words: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import watch

    return watch.settle()


def _ended(_words: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import ending

    return ending.note(load())


def _bound(_words: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import bounds

    return bounds.trim(load().folder_limits)


def _poll(given: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import channel

    return channel.poll(load(), now=given.now)


def _version(_words: argparse.Namespace) -> Dict[str, Any]:
    from mediapipe_image import version

    return version.version()


def _seconds(word: str) -> float:
    """Return a time from 1 s to 30 days. Raises ArgumentTypeError."""
    with contextlib.suppress(ValueError):
        value = float(word)
        # No comparison with NaN is true.
        if 1 <= value <= MOST_S:
            return value
    raise argparse.ArgumentTypeError(f"{word[:40]!r} is no time from 1 to {MOST_S} seconds")


def _count(word: str) -> int:
    """Return a count from 1 to 1000. Raises ArgumentTypeError."""
    if re.fullmatch("[0-9]{1,4}", word) and 1 <= int(word) <= MOST_IMAGES:
        return int(word)
    raise argparse.ArgumentTypeError(f"{word[:40]!r} is no count from 1 to {MOST_IMAGES}")


def _option(*words: str, **how: Any) -> Tuple[Tuple[str, ...], Dict[str, Any]]:  # noqa: ANN401
    return words, how


# What needs no right.
FOR_ALL = ("version",)
IMAGE = _option("image_id", metavar="IMAGE_ID", help="sha256:..., as in its release")
RELEASE = _option("release", type=Path, metavar="RELEASE", help="its release.json")
MEANT = _option("--image", default="", help="only if that release is of this image")
DOWNGRADE = _option(
    "--allow-downgrade", action="store_true",
    help="on purpose: it may be older than what was confirmed here",
)  # fmt: skip
WHY = "reason, for the records"
Options = List[Tuple[Tuple[str, ...], Dict[str, Any]]]
COMMANDS: Dict[str, Tuple[str, Action, Options]] = {
    "status": ("what the device is on", _status, []),
    "check": ("whether a release may come here, for any device", _check, [RELEASE]),
    "missing": ("which layers must be sent, and whether they fit", _missing, [
        RELEASE, DOWNGRADE,
    ]),
    "receive": ("check and load the layers that were sent", _receive, [RELEASE, MEANT]),
    "expect": ("prepare for a pull from a registry", _expect, [RELEASE, MEANT]),
    "adopt": ("take over what was pulled from a registry", _adopt, [RELEASE, MEANT]),
    "offer": ("take a release's text, then as missing, for either way", _offer, [
        _option("--way", choices=(ARCHIVE, REGISTRY), required=True, help="how its layers come"),
        _option("--signers", default="", help="its lists of signers in base64"),
        DOWNGRADE,
        _option("document", metavar="RELEASE", help="release.json in base64"),
        _option("signature", metavar="SIGNATURE", help="its signatures in base64"),
    ]),
    "switch": ("run an image, on trial", _switch, [
        IMAGE,
        _option("--rollout", default="", help="id of the rollout, for the records"),
        _option("--why", default="", help=WHY),
        _option("--limit", type=_seconds, default=None, help="seconds until it must be healthy"),
        _option("--seen", default=None, help="only if it is on this image still; none: on nothing"),
        _option("--trial", type=_seconds, default=0.0, help="seconds until it must be confirmed"),
    ]),
    "confirm": ("end the trial: the image is good", _confirm, [
        IMAGE,
        _option("--keep", type=_count, default=None, help="then remove old images, as prune"),
    ]),
    "rollback": ("go back to the previous image", _rollback, [
        _option("--why", default="by hand", help=WHY),
        _option("--from", dest="leave", default="", help="only if it is on this image"),
    ]),
    "prune": ("remove old images", _prune, [
        _option("--keep", type=_count, required=True, help="how many to keep in all"),
    ]),
    "poll": ("update from a channel, where one is set up (systemd)", _poll, [
        _option("--now", action="store_true", help="do not wait longer after polls that failed"),
    ]),
    "watch": ("one look at an unfinished change (systemd)", _watch, [
        _option("--follow", action="store_true", help="look until nothing is unfinished"),
    ]),
    "ended": ("note how the container ended (systemd)", _ended, []),
    "bound": ("remove the oldest of what the container wrote (systemd)", _bound, []),
    "version": ("which program this is", _version, []),
    "settle": ("settings for the start of the service (systemd)", _settle, []),
}  # fmt: skip


def main(words: Optional[List[str]] = None) -> int:
    """Run one command; return the exit code."""
    words = sys.argv[1:] if words is None else words
    given = _parser(words[0] if words else "").parse_args(words)
    # A lost ssh connection ends the command between two steps like any other kill.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if given.command not in FOR_ALL and not disk.ROOT and os.geteuid() != 0:
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
        from mediapipe_image import status

        print(status.lines(body))
    else:
        print(" ".join(f"{key}={value}" for key, value in sorted(body.items()) if value != []))
    return 0


def _failed(error: ImageError) -> int:
    sys.stderr.write(error.line() + "\n")
    return error.exit_code
