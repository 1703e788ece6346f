"""`fleet.key`, `.signers`, `.release`, `.registry`: what devices are offered; `.collection`."""

from __future__ import annotations

import shlex
from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import InputFile, Integer, OutputFile, OutputFolder, Text
from jetson_kit.tasks.edge import kit_task


@kit_task(
    auto_shortflags=False,
    options={"path": OutputFile()},
    help={
        "path": "where to make it (default: the user's configuration folder, or KIT_STATE)",
        "passphrase": "have ssh-keygen ask for one (default); ssh-agent can hold the key",
        "token": "make a key that is of no use without this FIDO token",
        "owner": "make a key that signs lists of signers, not releases",
        "channel": "make a channel's key (with --owner: its root's); prints no line for devices",
        "show": "print what devices trust, for image_allowed_signers, and make nothing",
    },
)
def key(
    c: Context,
    path: Path | None = None,
    passphrase: bool = True,
    token: bool = False,
    owner: bool = False,
    channel: bool = False,
    show: bool = False,
) -> None:
    """Make the key that signs releases. Example: ./inv fleet.key."""
    import getpass

    from jetson_kit.fleet.release import signing, virtual
    from jetson_kit.virtual_devices import inventory

    del c
    role = signing.role(owner=owner, channel=channel)
    place = path or signing.default_key(role)
    if show:
        public = signing.public_of(place, role)
    else:
        public = signing.make_key(place, getpass.getuser(), passphrase=passphrase, token=token)
    if inventory.path().is_file():
        virtual.trust(inventory.path(), inventory.GROUP)
    if channel:
        print(f"{public}: name its private half to ./inv fleet.channel")
    else:
        print(signing.signers([public], role), end="")


@kit_task(
    auto_shortflags=False,
    variadic="target",
    options={
        "target": kinds.TARGET,
        "key": InputFile(),
        "number": Integer(0, 2**53 - 1),
        "valid": Integer(0, 3650),
        "module": kinds.WORDS,
        "image": kinds.IMAGE,
    },
    help={
        "image": "a local image made FROM one of the kit's, in place of a target",
        "target": "name below dist/, or a folder that ./inv build wrote",
        "key": "private key that signs, or the public one of a key in ssh-agent",
        "number": "number of the release (default: the time, and more than the last)",
        "valid": "days until devices refuse it (default 180)",
        "module": "the only modules that it is for, by commas (default: all of its SoCs)",
        "json": "print the release as JSON",
    },
)
def release(
    c: Context,
    target: list[str],
    image: str = "",
    key: Path | None = None,
    number: int = 0,
    valid: int = 0,
    module: tuple[str, ...] = (),
    json: bool = False,
) -> None:
    """Make and sign the release of a build. Example: ./inv fleet.release r36.4.4."""
    from jetson_kit.build import other_image
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.core.progress import Progress
    from jetson_kit.fleet.release import release as releases
    from jetson_kit.fleet.release import signers, signing
    from jetson_kit.fleet.release import terms as release_terms

    del c
    if len(target) + bool(image) != 1:
        raise BadInputError("name one target, or an --image", "./inv fleet.release r36.4.4")
    built = releases.folder_of(target[0]) if target else None
    own = key or signing.default_key()
    signing.check_signer(own)
    folder = built or other_image.write(image, Progress())
    releases.built(folder)
    terms = release_terms.Terms(number, valid, module, signers=signers.attach(folder))
    result = releases.make(
        folder, terms, lambda raw: signing.sign_bytes(raw, own, signing.RELEASES)
    )
    if not signing.signed(result.path, own):
        signing.sign(result.path, own)
    if json:
        print(result.path.read_text(encoding="utf-8"), end="")
    else:
        print(
            f"{result.path}: release {result.number}, {result.image_id[:19]}, "
            f"{result.size / 1e6:.1f} MB, signed, valid until {result.expires:%Y-%m-%d}"
        )
        shown = shlex.quote(str(target[0] if target else folder))
        print(f"next: ./inv fleet.rollout {shown} -i INVENTORY --canary 1 --plan")


@kit_task(
    auto_shortflags=False,
    iterable=["release_key", "owner_key", "revoke"],
    options={
        **dict.fromkeys(("release_key", "owner_key", "revoke"), Text(4096)),
        **dict.fromkeys(("threshold", "owner_threshold"), Integer(0, 100)),
        "key": InputFile(),
    },
    help={
        "release-key": "public key that signs releases; all of them, each with the flag again",
        "threshold": "so many of them must sign a release",
        "owner-key": "public key that signs lists of signers; all of them",
        "owner-threshold": "so many of them must sign a list",
        "revoke": "fingerprint or public key that counts no more",
        "key": "owner's key that signs the newest list",
        "drop": "take back a list that lacks signatures",
        "json": "print the newest list as JSON",
    },
)
def signers(
    c: Context,
    release_key: list[str],
    owner_key: list[str],
    revoke: list[str],
    threshold: int = 0,
    owner_threshold: int = 0,
    key: Path | None = None,
    drop: bool = False,
    json: bool = False,
) -> None:
    """Write, sign and show who may sign. Example: ./inv fleet.signers --revoke old.pub --key own.

    Without any flag the newest list is shown. It travels with all releases that are rolled out.
    """
    import json as json_format

    from jetson_kit.fleet.release import signers as lists

    del c
    if drop:
        lists.drop()
    request = lists.Change(
        tuple(release_key), threshold, tuple(owner_key), owner_threshold, tuple(revoke)
    )
    if request != lists.Change():
        lists.change(request)
    if key:
        lists.sign(key)
    body = lists.newest()
    print(json_format.dumps(body, indent=1) if json else lists.shown(body))


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
    """Run a registry for devices to pull from. Example: ./inv fleet.registry --up --push r36.4.4.

    Where it asks who comes, KIT_REGISTRY_USER and KIT_REGISTRY_PASSWORD say it, here and for
    rollouts. Example: ./inv fleet.registry --up --address 192.0.2.1 --push r36.4.4.
    """
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.fleet.release import registry as registries
    from jetson_kit.fleet.release import registry_push
    from jetson_kit.fleet.release import release as releases

    del c
    if down and (up or push):
        raise BadInputError("--down excludes --up and --push", "give one of them")
    if down:
        print("stopped" if registries.down() else "no registry was running")
        return
    options = registries.RegistryOptions(
        address, port, *(str(path or "") for path in (cert, key, ca, htpasswd))
    )
    result = registries.up(options) if up else registries.running()
    if result is None:
        raise BadInputError("no registry is running", "start it: ./inv fleet.registry --up")
    if push:
        print(registry_push.push(releases.load(releases.folder_of(push)), result).reference)
    else:
        print(f"{result.name} ({'TLS' if result.tls else 'no TLS'})")


@kit_task(
    options={"out": OutputFolder()},
    help={"out": "folder for the archive (dist/collection)"},
)
def collection(c: Context, out: Path | None = None) -> None:
    """Write the Ansible collection for other projects. Example: ./inv fleet.collection."""
    from jetson_kit.ansible_driver import collection_archive
    from jetson_kit.core.files import sha256_file
    from jetson_kit.core.paths import ROOT

    del c
    path = collection_archive.build(out or ROOT / "dist" / "collection")
    print(f"{path}\nsha256 {sha256_file(path)}")
    print(f"next: ansible-galaxy collection install -p collections {shlex.quote(str(path))}")
