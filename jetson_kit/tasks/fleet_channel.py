"""`fleet.channel`: folders of static files, from which boards update themselves."""

from __future__ import annotations

from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import Commas, InputFile, Integer, Number, OutputFolder, Text
from jetson_kit.tasks.edge import kit_task

WINDOW = Text(
    11,
    r"always|(([01]\d|2[0-3]):[0-5]\d)-(?!\1)([01]\d|2[0-3]):[0-5]\d",
    "window",
    "22:00-05:00",
)

# From 1 to 65535.
PORT = "(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
COLLECTOR = Text(
    400,
    rf"none|https://([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]){PORT}(/[A-Za-z0-9._~/-]*)?",
    "address of a collector",
    "https://198.51.100.1:27197/",
)
ADDRESS = Text(253, r"[A-Za-z0-9][A-Za-z0-9.-]*|[0-9A-Fa-f:]{2,45}", "address", "198.51.100.1")
# A host's name in an inventory: Ansible takes patterns and lists apart by the other characters.
BOARD = Text(255, "[A-Za-z0-9_][A-Za-z0-9_.:-]*", "name of a host in an inventory", "camera-1")


@kit_task(
    auto_shortflags=False,
    positional=["folder"],
    options={
        "folder": OutputFolder(),
        "target": kinds.TARGET,
        "waves": Commas(Integer(0, 100), 100),
        "step": Number(0.01, 8760),
        "canary": Commas(BOARD, 10000),
        "window": WINDOW,
        "key": InputFile(),
        "owner": InputFile(),
        "valid": Integer(1, 365),
        "root_valid": Integer(1, 3650),
        "collector": COLLECTOR,
        "collector_ca": InputFile(),
        "silent": Number(60, 366 * 86400),
    },
    help={
        "folder": "the channel's folder, for any web server",
        "begin": "make the folder; its first root is the anchor that boards are provisioned with",
        "target": "offer the signed release of this target",
        "waves": "shares of the boards in percent by commas, each with those before (default 100)",
        "step": "hours from one wave to the next (default 24)",
        "canary": "names of boards that come first, by commas",
        "window": "local time in which boards switch, such as 22:00-05:00, or always",
        "pause": "boards do nothing new",
        "resume": "they go on",
        "stop": "offer no release any more",
        "rollback": "offer no release any more, and let boards go back from it",
        "renew": "sign all anew as it is, before it expires",
        "key": "private key of the channel (default: channel_key beside the others)",
        "owner": "owner's private key: signs the first root, or a new one that names --key",
        "valid": "days until boards refuse the channel if it is not renewed (default 7)",
        "root-valid": "days until they refuse its root (default 365)",
        "collector": "address that boards report to, as ./inv fleet.collect prints it, or none",
        "collector-ca": "certificate of the authority that counts there (default: public ones)",
        "status": "show what boards reported to ./inv fleet.collect here; change nothing",
        "silent": "seconds after which a board counts as silent (default 7200)",
        "json": "print the status as JSON",
    },
)
def channel(
    c: Context,
    folder: Path,
    begin: bool = False,
    target: str = "",
    waves: tuple[int, ...] = (),
    step: float | None = None,
    canary: tuple[str, ...] = (),
    window: str = "",
    pause: bool = False,
    resume: bool = False,
    stop: bool = False,
    rollback: bool = False,
    renew: bool = False,
    key: Path | None = None,
    owner: Path | None = None,
    valid: int = 7,
    root_valid: int | None = None,
    collector: str = "",
    collector_ca: Path | None = None,
    status: bool = False,
    silent: float = 7200.0,
    json: bool = False,
) -> None:
    """Publish updates that boards fetch by themselves. Example: ./inv fleet.channel DIR --renew.

    Example: ./inv fleet.channel /srv/www/channel --target r36.4.4 --waves 5,25,100.
    """
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.fleet.channel import command
    from jetson_kit.fleet.channel.repository import Validity

    del c
    changes = [bool(target), pause, resume, stop, rollback, renew, bool(window), bool(collector)]
    if status:
        if begin or owner or any(changes):
            raise BadInputError("--status changes nothing", "leave the other options out")
        return _show(folder, silent, as_json=json)
    from jetson_kit.fleet.certificate_parts import certificate_text

    if collector_ca and not collector.startswith("https:"):
        raise BadInputError("--collector-ca is of a collector", "name it: --collector https://...")
    changes.append(bool(owner))
    if root_valid and not (begin or owner):
        raise BadInputError("--root-valid is for a new root", "name who signs it: --owner")
    validity = Validity(online=valid) if root_valid is None else Validity(root_valid, valid)
    if pause and resume:
        raise BadInputError("--pause and --resume contradict each other", "give one of them")
    terms = [bool(waves), bool(canary), step is not None]
    if begin:
        if any([*changes[:-1], *terms]):
            raise BadInputError("--begin makes an empty channel", "publish with a second command")
        return print(command.begin(folder, owner, key, validity))
    if not any([*changes, *terms]):
        raise BadInputError(
            "name what to do: --begin, --target, --pause or --resume, --stop, --rollback, --renew",
            "./inv --help fleet.channel",
        )
    request = command.Request(
        target,
        waves,
        step,
        canary,
        window=None if not window else window.replace("always", ""),
        pause=True if pause else False if resume else None,
        stop=stop,
        roll_back=rollback,
        collector=None if not collector else "" if collector == "none" else collector,
        collector_ca=certificate_text(collector_ca) if collector_ca else "",
    )
    version, policy = command.publish(folder, request, key, validity, owner)
    return print(command.summary(version, policy, validity))


def _show(folder: Path, silent_s: float, *, as_json: bool) -> None:
    """Print what a channel wants and what boards reported here.

    Raises CheckFailedError if a board has a problem, BadInputError for what is no channel.
    """
    import json

    from jetson_kit.core.errors import CheckFailedError
    from jetson_kit.core.text import counted, verb
    from jetson_kit.fleet.channel import command as channels
    from jetson_kit.fleet.collector import command

    version, policy = channels.current(folder)
    rows = command.status(silent_s)
    if as_json:
        about = {"version": version, "release": policy.release, "collector": policy.collector}
        print(json.dumps({**command.as_json(rows), "channel": about}, indent=1))
    else:
        nowhere = "" if policy.collector else "; it names no collector: --collector"
        print(f"channel: {channels.words_of(version, policy)}{nowhere}")
        print("\n".join(command.lines(rows)))
    if bad := [row.board for row in rows if row.problem]:
        of = counted(len(rows), "board")
        raise CheckFailedError(f"{len(bad)} of {of} {verb(len(bad), 'need')} a look")


@kit_task(
    auto_shortflags=False,
    positional=[],
    options={
        "i": kinds.inventory,
        "address": ADDRESS,
        "port": Integer(0, 65535),
        "bind": Text(64),
        "cert": InputFile(),
        "key": InputFile(),
    },
    help={
        "i": "the inventory of the boards, which this machine has provisioned",
        "address": "where boards reach this machine: an IP address or a name",
        "port": "port to listen on (default 27197; 0: any free one)",
        "bind": "address to listen at (default 0.0.0.0, all)",
        "cert": "certificate of your own (default: one of the kit's own authority)",
        "key": "its private key",
    },
)
def collect(
    c: Context,
    i: Path | None = None,
    address: str = "",
    port: int = 27197,
    bind: str = "0.0.0.0",  # noqa: S104 # boards are elsewhere
    cert: Path | None = None,
    key: Path | None = None,
) -> None:
    """Take boards' reports. Example: ./inv fleet.collect -i hosts.yml --address 198.51.100.1.

    For boards that poll a channel which names this address; it serves until it is stopped.
    """
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.fleet.collector import command

    del c
    if i is None:
        raise BadInputError("no inventory is named", "name one: -i hosts.yml")
    if not address:
        raise BadInputError(
            "no address is named", "name where boards reach this machine: --address 198.51.100.1"
        )
    command.run(command.Request(i, address, port, bind, cert, key))
