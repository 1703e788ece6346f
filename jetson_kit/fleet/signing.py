"""Who may sign releases: OpenSSH keys, signatures and the list that devices trust."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from jetson_kit.errors import BadInputError, IntegrityError, StepFailedError, ToolMissingError
from jetson_kit.paths import ROOT_NAME
from jetson_kit.run import run

# The device's program has the same two (mediapipe_image/release.py).
NAMESPACE = "mediapipe-jetson"
PRINCIPAL = "mediapipe-jetson-release"
KEY = "release_key"
SUFFIX = ".sig"


def config_dir() -> Path:
    """Return the user's folder for settings of the kit; only the user can look into it."""
    home = os.environ.get("XDG_CONFIG_HOME")
    folder = (Path(home) if home else Path.home() / ".config") / ROOT_NAME
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def default_key() -> Path:
    """Return where the key is that signs releases, unless another is named."""
    return config_dir() / KEY


def make_key(path: Path, comment: str, *, passphrase: bool) -> Path:
    """Make an ed25519 key, readable by its owner alone; return its public half.

    `passphrase` lets ssh-keygen ask for one on the terminal. Raises BadInputError where a key is.
    """
    public = path.with_name(path.name + ".pub")
    if path.exists():
        raise BadInputError(
            f"there is a key already: {path}", "move it away, or name another with --path"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-C", comment, "-f", str(path)]
    if passphrase:
        _interactive(words)
    else:
        run([*words, "-N", ""], what="make a key")
    path.chmod(0o600)
    return public


def signers(public_keys: list[Path]) -> str:
    """Return the text of allowed_signers for these public keys. Raises BadInputError."""
    lines = []
    for path in public_keys:
        try:
            words = path.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise BadInputError(f"cannot read the public key {path}: {error}") from error
        if len(words) < 2 or not words[0].startswith(("ssh-", "ecdsa-", "sk-")):
            raise BadInputError(
                f"{path} is no public key of OpenSSH", "name the file ending in .pub"
            )
        lines.append(f'{PRINCIPAL} namespaces="{NAMESPACE}" {" ".join(words)}\n')
    return "".join(lines)


def sign(path: Path, key: Path) -> Path:
    """Sign a file; ssh-agent and passphrases work as ssh-keygen has them.

    Returns the signature beside it. Raises BadInputError without a key, ToolMissingError.
    """
    if not key.exists():
        raise BadInputError(f"there is no key {key}", "make one: ./inv fleet.key")
    signature = path.with_name(path.name + SUFFIX)
    # ssh-keygen does not replace a signature; its own is made beside and renamed.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".sign-") as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(path.read_bytes())
        _interactive(["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(copy)])
        made = copy.with_name(copy.name + SUFFIX)
        made.chmod(0o644)
        made.replace(signature)
    return signature


def verify(path: Path, allowed: Path) -> str:
    """Return the key that signed a file. Raises IntegrityError."""
    signature = path.with_name(path.name + SUFFIX)
    if not signature.is_file():
        raise IntegrityError(f"{path} is not signed", "sign it: ./inv fleet.release")
    words = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", PRINCIPAL]
    words += ["-n", NAMESPACE, "-s", str(signature)]
    try:
        said = run(words, what="check a signature", stdin=path.read_bytes())
    except StepFailedError as error:
        raise IntegrityError(
            f"{path} is not signed by any key of {allowed}", "sign it: ./inv fleet.release"
        ) from error
    return said.strip().rpartition(" ")[2]


def signed(path: Path, key: Path) -> bool:
    """Tell whether a file has a good signature of this key."""
    public = key if key.suffix == ".pub" else key.with_name(key.name + ".pub")
    with tempfile.TemporaryDirectory() as folder:
        allowed = Path(folder) / "allowed"
        allowed.write_text(signers([public]), encoding="utf-8")
        try:
            verify(path, allowed)
        except IntegrityError:
            return False
    return True


def _interactive(words: list[str]) -> None:
    """Run ssh-keygen with the terminal, as it may ask for a passphrase."""
    try:
        done = subprocess.run(words, stderr=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError as error:
        raise ToolMissingError(
            "ssh-keygen is not installed", "install it: apt-get install openssh-client"
        ) from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise StepFailedError(f"ssh-keygen failed: {last}", "is the passphrase right?")
