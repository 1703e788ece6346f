"""Keys and signatures of OpenSSH: who signs releases, and who signs the lists of signers."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from jetson_kit.core import paths
from jetson_kit.core.errors import BadInputError, StepFailedError, ToolMissingError
from jetson_kit.core.files import open_regular
from jetson_kit.core.run import run

SUFFIX = ".sig"
BLOCK = re.compile(r"-----BEGIN SSH SIGNATURE-----.*?-----END SSH SIGNATURE-----\n?", re.DOTALL)
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
LARGEST = 64 * 1024
# What ssh-keygen says of a private key that is whole and needs a passphrase.
ENCRYPTED = re.compile("incorrect passphrase|passphrase.*required", re.IGNORECASE)
KINDS = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)


@dataclass(frozen=True)
class Role:
    """A purpose of keys, as the device's program names it (mediapipe_image/trust.py)."""

    principal: str
    namespace: str
    key: str
    """Name of the key's file."""
    flags: str = ""
    """Those by which `./inv fleet.key` makes one, with a space before."""


RELEASES = Role("mediapipe-jetson-release", "mediapipe-jetson", "release_key")
OWNERS = Role("mediapipe-jetson-owner", "mediapipe-jetson-signers", "owner_key", " --owner")

CHANNELS = Role("mediapipe-jetson-channel", "mediapipe-jetson-channel", "channel_key", " --channel")
CHANNEL_ROOTS = replace(CHANNELS, key="channel_owner_key", flags=" --owner --channel")


def role(*, owner: bool = False, channel: bool = False) -> Role:
    """Return what a key is for: releases, lists of signers, a channel or a channel's root."""
    if channel:
        return CHANNEL_ROOTS if owner else CHANNELS
    return OWNERS if owner else RELEASES


def config_dir() -> Path:
    """Return the folder of the user's keys, which the first one makes.

    KIT_STATE moves it, as it moves all else that the kit knows of a fleet.
    """
    moved = bool(os.environ.get(paths.STATE))
    return paths.state_home() / "keys" if moved else paths.config_home()


def default_key(role: Role = RELEASES) -> Path:
    """Return where the key is that signs, unless another is named."""
    return config_dir() / role.key


def public_of(key: Path, role: Role = RELEASES) -> Path:
    """Return the public half of a key, which may be named itself: its private one is elsewhere.

    Raises BadInputError where there is none, and for a private half that can sign nothing or is
    another key's.
    """
    public = key if key.suffix == ".pub" else key.with_name(key.name + ".pub")
    if not public.is_file():
        raise BadInputError(
            f"there is no key {key}" if not key.exists() else f"{key} has no public half {public}",
            f"make one: ./inv fleet.key{role.flags}, or name yours: --key"
            if not key.exists()
            else f"make it: ssh-keygen -y -f {key} >{public}",
        )
    if key != public and key.exists():
        _check_private(key, public)
    return public


def check_signer(key: Path, role: Role = RELEASES) -> None:
    """Raise BadInputError for a key that nothing here can sign with: look before long work."""
    public = public_of(key, role)
    if (key == public or not key.exists()) and not os.environ.get("SSH_AUTH_SOCK"):
        raise BadInputError(
            f"of this key only {public} is here, and there is no ssh-agent",
            "name the private half: --key, or start the agent that has it",
        )


def _check_private(key: Path, public: Path) -> None:
    try:
        with open_regular(key, "name another: --key") as stream:
            text = stream.read(LARGEST + 1)
    except OSError as error:
        raise BadInputError(
            f"the key {key} can't be read: {error.strerror}", "name another: --key"
        ) from error
    if len(text) > LARGEST:
        raise BadInputError(f"{key} is no private key: it is too large", "name another: --key")
    if text.decode("utf-8", "replace").startswith(KINDS):
        return  # the public half by another name: ssh-agent has the private one
    done = _without_passphrase(key)
    own, lines = " ".join(done.stdout.split()[:2]), done.stderr.strip().splitlines()
    if done.returncode and not ENCRYPTED.search(done.stderr):
        reason = lines[-1].rpartition(": ")[2] if lines else f"exit code {done.returncode}"
        cure = f"chmod 600 {key}" if "bad permissions" in reason else "name another: --key"
        raise BadInputError(f"{key} is no private key that ssh-keygen takes: {reason}", cure)
    if own and own != key_text(public):
        raise BadInputError(
            f"{public} is not the public half of {key}",
            f"make it: ssh-keygen -y -f {key} >{public}",
        )


def make_key(path: Path, comment: str, *, passphrase: bool, token: bool = False) -> Path:
    """Make an ed25519 key, readable by its owner alone; return its public half.

    `passphrase` lets ssh-keygen ask for one on the terminal; with `token` the key is of no use
    without a FIDO token, which is asked for. Raises BadInputError where a key is.
    """
    if path.parent == config_dir():
        paths.make_folder(path.parent, paths.STATE, 0o700)
    public = path.with_name(path.name + ".pub")
    if path.exists() or public.exists():
        raise BadInputError(
            f"there is a key already: {path if path.exists() else public}",
            "move it away, or name another with --path",
        )
    if passphrase and not _can_ask():
        raise BadInputError(
            "there is no terminal to ask for a passphrase on",
            "run it in one, or make a key without: --no-passphrase",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = "ed25519-sk" if token else "ed25519"
    command = ["ssh-keygen", "-q", "-t", kind, "-C", comment, "-f", str(path)]
    if passphrase or token:
        _interactive([*command, *([] if passphrase else ["-N", ""])])
    else:
        run([*command, "-N", ""], what="make a key")
    path.chmod(0o600)
    if passphrase and not token and _open(path):
        path.unlink()
        public.unlink()
        raise BadInputError(
            "the passphrase was empty", "give one, or say that there is none: --no-passphrase"
        )
    return public


def _can_ask() -> bool:
    """Tell whether ssh-keygen can ask the user: on a terminal, or by a program that was named."""
    if os.environ.get("SSH_ASKPASS") and os.environ.get("SSH_ASKPASS_REQUIRE") == "force":
        return True
    with contextlib.suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDWR))
        return True
    return False


def _open(path: Path) -> bool:
    """Tell whether a private key needs no passphrase."""
    return _without_passphrase(path).returncode == 0


def _without_passphrase(path: Path) -> subprocess.CompletedProcess[str]:
    """Have ssh-keygen print the public half of a private key that needs no passphrase."""
    command = ["ssh-keygen", "-y", "-P", "", "-f", str(path)]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False
        )
    except FileNotFoundError as error:
        raise _missing() from error


def key_text(path: Path) -> str:
    """Return "KIND BASE64" of a public key's file. Raises BadInputError."""
    try:
        with open_regular(path, "name the file ending in .pub") as stream:
            fields = stream.read(LARGEST).decode("utf-8", "replace").split()
    except OSError as error:
        raise BadInputError(f"cannot read the public key {path}: {error.strerror}") from error
    if len(fields) < 2 or fields[0] not in KINDS or not BASE64.fullmatch(fields[1]):
        raise BadInputError(f"{path} is no public key of OpenSSH", "name the file ending in .pub")
    return " ".join(fields[:2])


def fingerprint(key: str) -> str:
    """Return the fingerprint of "KIND BASE64", as ssh-keygen -l prints it."""
    raw = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(raw).decode().rstrip("=")


def signers(public_keys: list[Path], role: Role = RELEASES) -> str:
    """Return the text of allowed_signers for these public keys. Raises BadInputError."""
    lines = []
    for path in public_keys:
        key = key_text(path)
        comment = path.read_text(encoding="utf-8", errors="replace").split()[2:]
        public_key = " ".join([key, *comment])
        lines.append(f'{role.principal} namespaces="{role.namespace}" {public_key}\n')
    return "".join(lines)


def sign(path: Path, key: Path, role: Role = RELEASES) -> Path:
    """Sign a file, beside those who signed it before; ssh-agent, tokens and passphrases work.

    Signatures of what the file was earlier are left out. Returns the signatures' file. Raises
    BadInputError without a key, ToolMissingError.
    """
    public_of(key, role)
    signature = path.with_name(path.name + SUFFIX)
    there = signature.read_text(encoding="utf-8") if signature.is_file() else ""
    raw = path.read_bytes()
    good = [item for item in blocks(there) if good_block(raw, item, role)]
    block = sign_bytes(raw, key, role)
    # Beside it, then renamed: a signature is whole or not there.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".sign-") as folder:
        result = Path(folder) / signature.name
        result.write_text(
            "".join([*(item for item in good if item != block), block]), encoding="utf-8"
        )
        result.chmod(0o644)
        result.replace(signature)
    return signature


def sign_bytes(raw: bytes, key: Path, role: Role) -> str:
    """Return a key's signature of some bytes, in its armor."""
    with tempfile.TemporaryDirectory(prefix="kit-sign-") as folder:
        copy = Path(folder) / "document"
        copy.write_bytes(raw)
        argv = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", role.namespace, str(copy)]
        _interactive(argv)
        return copy.with_name(copy.name + SUFFIX).read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    """Return the signatures in a text, each in its armor."""
    return [f"{match[0].rstrip()}\n" for match in BLOCK.finditer(text[:LARGEST])]


def good_block(raw: bytes, block: str, role: Role) -> bool:
    """Tell whether a signature is one of these bytes, whoever made it."""
    command = ["ssh-keygen", "-Y", "check-novalidate", "-n", role.namespace]
    return _checked(command, raw, block)


def signed(path: Path, key: Path, role: Role = RELEASES) -> bool:
    """Tell whether a file has a good signature of this key. Raises BadInputError without one."""
    own = key_text(public_of(key, role))
    signature = path.with_name(path.name + SUFFIX)
    if not signature.is_file():
        return False
    raw = path.read_bytes()
    text = signature.read_text(encoding="utf-8", errors="replace")
    return any(signed_by(raw, block, own, role) for block in blocks(text))


def signed_by(raw: bytes, block: str, key: str, role: Role) -> bool:
    """Tell whether a signature of these bytes is one that this key made."""
    with tempfile.TemporaryDirectory(prefix="kit-sign-") as folder:
        allowed = Path(folder) / "allowed"
        allowed.write_text(f"signer {key}\n", encoding="utf-8")
        command = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", "signer"]
        return _checked([*command, "-n", role.namespace], raw, block)


def _checked(command: list[str], raw: bytes, block: str) -> bool:
    with tempfile.NamedTemporaryFile("w", prefix="kit-sign-", encoding="utf-8") as signature:
        signature.write(block)
        signature.flush()
        try:
            done = subprocess.run(
                [*command, "-s", signature.name], input=raw, capture_output=True, check=False
            )
        except FileNotFoundError as error:
            raise _missing() from error
    return done.returncode == 0


def _missing() -> ToolMissingError:
    return ToolMissingError(
        "ssh-keygen is not installed", "install it: apt-get install openssh-client"
    )


def _interactive(command: list[str]) -> None:
    """Run ssh-keygen with the terminal, as it may ask for a passphrase or a touch."""
    try:
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError as error:
        raise _missing() from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise StepFailedError(f"ssh-keygen failed: {last}", "is the passphrase right?")
