"""Signatures of OpenSSH (PROTOCOL.sshsig): whose they are, and which of these keys made one.

ssh-keygen checks each against one key alone, so nothing that it prints has to be read.
"""

import base64
import contextlib
import hashlib
import os
import re
import struct
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Set

from mediapipe_image import command, disk
from mediapipe_image.errors import ToolMissingError

BLOCK = re.compile(
    r"-----BEGIN SSH SIGNATURE-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END SSH SIGNATURE-----"
)
MAGIC = b"SSHSIG"
# Signatures that are looked at; more are not read.
MOST = 16
LARGEST = 64 * 1024
KINDS = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
WHO = "signer"


def fingerprint(key: str) -> str:
    """Return the fingerprint of a key that is "KIND BASE64", as ssh-keygen -l prints it."""
    raw = hashlib.sha256(base64.b64decode(key.split(" ")[1])).digest()
    return "SHA256:" + base64.b64encode(raw).decode("ascii").rstrip("=")


def key(line: str) -> str:
    """Return "KIND BASE64" of a public key's words. Raises ValueError for what is none."""
    words = line.split()
    if len(words) < 2 or words[0] not in KINDS:
        raise ValueError(f"{line[:60]!r} is no public key")
    blob = base64.b64decode(words[1], validate=True)
    # The same key in other letters would count twice.
    if _string(blob, 0)[0] != words[0].encode("ascii"):
        raise ValueError(f"{line[:60]!r} is no public key")
    return words[0] + " " + base64.b64encode(blob).decode("ascii")


def _string(raw: bytes, at: int) -> Sequence[bytes]:
    """Return the string of SSH's encoding at a place, and all that follows it."""
    if len(raw) < at + 4:
        raise ValueError("it is cut short")
    (size,) = struct.unpack(">I", raw[at : at + 4])
    end = at + 4 + size
    if end > len(raw):
        raise ValueError("it is cut short")
    return raw[at + 4 : end], raw[end:]


def blocks(text: str) -> List[str]:
    """Return the signatures of a file, each in its armor."""
    return [match.group(0) for match in BLOCK.finditer(text[:LARGEST])][:MOST]


def claimed(block: str) -> str:
    """Return the key that a signature names, as `key` has it; "" for what is no signature."""
    match = BLOCK.match(block)
    try:
        raw = base64.b64decode("".join(match.group(1).split()), validate=True) if match else b""
        if not raw.startswith(MAGIC):
            return ""
        blob, _end = _string(raw, len(MAGIC) + 4)
        kind = _string(blob, 0)[0].decode("ascii")
    except ValueError:
        return ""
    return kind + " " + base64.b64encode(blob).decode("ascii")


def signers(raw: bytes, text: str, keys: Sequence[str], namespace: str) -> Set[str]:
    """Return those of the keys that signed `raw`; `text` holds the signatures.

    Each key counts once, however often it signed. Raises ToolMissingError.
    """
    result: Set[str] = set()
    listed = blocks(text)
    if not listed:
        return result
    with _scratch() as folder:
        for block in listed:
            own = claimed(block)
            if own in keys and own not in result and _good(raw, block, own, namespace, folder):
                result.add(own)
    return result


def _good(raw: bytes, block: str, own: str, namespace: str, folder: Path) -> bool:
    files: Dict[str, str] = {"signature": block + "\n", "allowed": f"{WHO} {own}\n"}
    for name, body in files.items():
        (folder / name).write_text(body, encoding="ascii")
    words = ["ssh-keygen", "-Y", "verify", "-f", str(folder / "allowed"), "-I", WHO]
    words += ["-n", namespace, "-s", str(folder / "signature")]
    done = command.ask(words, stdin=raw)
    if knows_no_signatures(done.err):
        return _by_openssl(raw, block, own, namespace)
    return done.code == 0


def _by_openssl(raw: bytes, block: str, own: str, namespace: str) -> bool:
    from mediapipe_image import libcrypto

    if not libcrypto.knows(own):
        raise ToolMissingError(
            "this device's OpenSSH can't check signatures (8.1 can), and its OpenSSL only those "
            f"of ed25519 keys, which {own.split(' ', 1)[0]} is none of",
            "sign with an ed25519 key, as ./inv fleet.key makes it",
        )
    try:
        return libcrypto.signed(raw, block, own, namespace)
    except OSError as error:
        raise _unable() from error


def able() -> None:
    """Raise ToolMissingError where neither OpenSSH nor OpenSSL can check signatures."""
    if knows_no_signatures(command.ask(["ssh-keygen", "-Y", "verify"]).err):
        from mediapipe_image import libcrypto

        if libcrypto.library() is None:
            raise _unable()


def knows_no_signatures(message: str) -> bool:
    """Tell whether ssh-keygen's words are those of one that knows no -Y."""
    return "option" in message and ("-- Y" in message or "-- 'Y'" in message)


def _unable() -> ToolMissingError:
    return ToolMissingError(
        "neither this device's OpenSSH (8.1 can) nor its OpenSSL (1.1.1 can) checks signatures",
        "use the registry way: its images come by digest",
    )


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """Make a folder in memory that only root can look into. tempfile would import much more."""
    disk.RUN.mkdir(parents=True, exist_ok=True, mode=0o755)
    folder = disk.RUN / f"verify.{os.getpid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        yield folder
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
