"""`fleet.key`, `fleet.release`, `fleet.registry`: what devices are offered, and by whom."""

from __future__ import annotations

from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import InputFile, Integer, Text
from jetson_kit.tasks.edge import kit_task


@kit_task(
    auto_shortflags=False,
    options={"path": Text(4096)},
    help={
        "path": "where to make it (default: the user's configuration folder)",
        "passphrase": "have ssh-keygen ask for one; ssh-agent then holds the key",
        "show": "print what devices trust, for image_allowed_signers, and make nothing",
    },
)
def key(c: Context, path: str = "", passphrase: bool = False, show: bool = False) -> None:
    """Make the key that signs releases. Example: ./inv fleet.key --passphrase."""
    import getpass

    from jetson_kit.fleet import signing

    del c
    place = Path(path) if path else signing.default_key()
    public = place.with_name(place.name + ".pub")
    if not show:
        public = signing.make_key(place, getpass.getuser(), passphrase=passphrase)
    print(signing.signers([public]), end="")


@kit_task(
    auto_shortflags=False,
    positional=["target"],
    options={"target": kinds.TARGET, "key": InputFile()},
    help={
        "target": "name below dist/, or a folder that ./inv build wrote",
        "key": "private key that signs, or the public one of a key in ssh-agent",
        "json": "print the release as JSON",
    },
)
def release(c: Context, target: str, key: Path | None = None, json: bool = False) -> None:
    """Make and sign the release of a build. Example: ./inv fleet.release r36.4.4."""
    from jetson_kit.fleet import release as releases
    from jetson_kit.fleet import signing

    del c
    made = releases.make(releases.folder_of(target))
    own = key or signing.default_key()
    if not signing.signed(made.path, own):
        signing.sign(made.path, own)
    if json:
        print(made.path.read_text(encoding="utf-8"), end="")
    else:
        print(f"{made.path}: {made.image_id[:19]}, {made.size / 1e6:.1f} MB, signed")


@kit_task(
    auto_shortflags=False,
    options={
        "push": kinds.TARGET,
        "address": Text(),
        "port": Integer(1, 65535),
        "cert": InputFile(),
        "key": InputFile(),
        "ca": InputFile(),
        "htpasswd": InputFile(),
    },
    help={
        "up": "start it",
        "down": "stop it; its images stay",
        "push": "copy the release of this target there",
        "address": "address to listen on (default 127.0.0.1)",
        "port": "port (default 5000)",
        "cert": "TLS certificate (default beyond loopback: one of the kit's own authority)",
        "key": "its key",
        "ca": "its authority, where devices don't know it",
        "htpasswd": "who may use it, as htpasswd -B writes it",
    },
)
def registry(
    c: Context,
    up: bool = False,
    down: bool = False,
    push: str = "",
    address: str = "127.0.0.1",
    port: int = 5000,
    cert: Path | None = None,
    key: Path | None = None,
    ca: Path | None = None,
    htpasswd: Path | None = None,
) -> None:
    """Run a registry for devices to pull from.

    Where it asks who comes, KIT_REGISTRY_USER and KIT_REGISTRY_PASSWORD say it, here and for
    rollouts. Example: ./inv fleet.registry --up --address 192.0.2.1 --push r36.4.4.
    """
    from jetson_kit.errors import BadInputError
    from jetson_kit.fleet import registry as registries
    from jetson_kit.fleet import registry_push
    from jetson_kit.fleet import release as releases

    del c
    if down and (up or push):
        raise BadInputError("--down excludes --up and --push", "give one of them")
    if down:
        print("stopped" if registries.down() else "no registry was running")
        return
    wanted = registries.Wanted(
        address, port, *(str(one or "") for one in (cert, key, ca, htpasswd))
    )
    found = registries.up(wanted) if up else registries.running()
    if found is None:
        raise BadInputError("no registry is running", "start it: ./inv fleet.registry --up")
    if push:
        print(registry_push.push(releases.load(releases.folder_of(push)), found).reference)
    else:
        print(f"{found.name} ({'TLS' if found.tls else 'no TLS'})")
