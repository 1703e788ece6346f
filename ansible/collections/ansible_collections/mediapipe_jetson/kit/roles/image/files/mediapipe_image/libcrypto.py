"""Checks and makes ed25519 signatures by OpenSSL's library, where ssh-keygen is older than 8.1.

JetPack 4 has OpenSSH 7.6, which knows no `ssh-keygen -Y`, and OpenSSL 1.1.1, which knows ed25519.
The form of what is signed: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig
and of a private key's file: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key
"""

import base64
import ctypes
import hashlib
import re
import struct
from typing import Any, List, Optional

ARMOR = re.compile(r"-----(?:BEGIN|END) SSH SIGNATURE-----")
MAGIC, VERSION = b"SSHSIG", 1
KIND = b"ssh-ed25519"
HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
KEY_BYTES, SIGNATURE_BYTES = 32, 64
# NID_ED25519 of openssl/obj_mac.h.
ED25519 = 1087
# Of a private key's file: what it begins with; cipher, KDF and its options where it is open.
OPEN_KEY, PLAIN = b"openssh-key-v1\0", [b"none", b"none", b""]
FRAME = re.compile(r"-----(?:BEGIN|END) OPENSSH PRIVATE KEY-----")
LINE = 70
NAMES = ("libcrypto.so.3", "libcrypto.so.1.1")
NEEDED = ("EVP_PKEY_new_raw_public_key", "EVP_DigestVerify")


def library() -> Optional[Any]:  # noqa: ANN401 # ctypes
    """Return OpenSSL's library, None where there is none that knows ed25519."""
    for name in NAMES:
        try:
            loaded = ctypes.CDLL(name)
        except OSError:
            continue
        if all(hasattr(loaded, item) for item in NEEDED):
            return loaded
    return None


def knows(key: str) -> bool:
    """Tell whether a key ("KIND BASE64") is one whose signatures are checked here."""
    return key.startswith(KIND.decode("ascii") + " ")


def signed(raw: bytes, block: str, key: str, namespace: str) -> bool:
    """Tell whether a signature in its armor is one that this key made of these bytes.

    Raises OSError without OpenSSL.
    """
    try:
        public, signature, covered = _parts(raw, block, namespace)
        own = _strings(base64.b64decode(key.split(" ")[1], validate=True), 2)
    except (ValueError, LookupError):
        return False
    if own[0] != KIND or own[1] != public:
        return False
    return _verified(public, signature, covered)


def _parts(raw: bytes, block: str, namespace: str) -> List[bytes]:
    """Return public key, signature, and the bytes that it covers. Raises ValueError."""
    body = base64.b64decode("".join(ARMOR.sub("", block).split()), validate=True)
    start = len(MAGIC) + 4
    if body[:start] != MAGIC + struct.pack(">I", VERSION):
        raise ValueError("it is no signature")
    named_key, space, reserved, name, made = _strings(body[start:], 5)
    kind, public = _strings(named_key, 2)
    how, signature = _strings(made, 2)
    sizes = (len(public), len(signature))
    if (kind, how) != (KIND, KIND) or sizes != (KEY_BYTES, SIGNATURE_BYTES):
        raise ValueError("it is of another kind")
    if space != namespace.encode("ascii") or not space or name not in HASHES:
        raise ValueError("it is for something else")
    covered = MAGIC + _joined(space, reserved, name, HASHES[name](raw).digest())
    return [public, signature, covered]


def sign(raw: bytes, private: str, namespace: str) -> str:
    """Return the signature of these bytes, in its armor, by the text of a private key's file.

    Raises ValueError for a key of another kind or with a passphrase, OSError without OpenSSL.
    """
    seed, public = _seed(private)
    name, space = b"sha512", namespace.encode("ascii")
    covered = MAGIC + _joined(space, b"", name, HASHES[name](raw).digest())
    made = _joined(KIND, _signed(seed, covered))
    head = MAGIC + struct.pack(">I", VERSION)
    body = head + _joined(_joined(KIND, public), space, b"", name, made)
    text = base64.b64encode(body).decode("ascii")
    lines = [text[at : at + LINE] for at in range(0, len(text), LINE)]
    frame = "-----{} SSH SIGNATURE-----"
    return "\n".join([frame.format("BEGIN"), *lines, frame.format("END"), ""])


def _seed(private: str) -> List[bytes]:
    """Return seed and public key of a private key's file. Raises ValueError."""
    body = base64.b64decode("".join(FRAME.sub("", private).split()), validate=True)
    if body[: len(OPEN_KEY)] != OPEN_KEY:
        raise ValueError("it is no private key of OpenSSH's")
    *how, rest = _first(body[len(OPEN_KEY) :], 3)
    if how != PLAIN or rest[:4] != struct.pack(">I", 1):
        raise ValueError("it has a passphrase")
    _blob, own, _end = _first(rest[4:], 2)
    # Two numbers that are the same, of which nothing is asked here.
    kind, public, both, _end = _first(own[8:], 3)
    if kind != KIND or len(public) != KEY_BYTES or both[KEY_BYTES:] != public:
        raise ValueError("it is of another kind")
    return [both[:KEY_BYTES], public]


def _joined(*items: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(item)) + item for item in items)


def _strings(raw: bytes, count: int) -> List[bytes]:
    """Return so many strings of SSH's encoding, which are all of these bytes."""
    *result, rest = _first(raw, count)
    if rest:
        raise ValueError("it has more than it may")
    return result


def _first(raw: bytes, count: int) -> List[bytes]:
    """Return so many strings of SSH's encoding, and what follows them. Raises ValueError."""
    result = []
    for _number in range(count):
        if len(raw) < 4:
            raise ValueError("it is cut short")
        (size,) = struct.unpack(">I", raw[:4])
        if size > len(raw) - 4:
            raise ValueError("it is cut short")
        result.append(raw[4 : 4 + size])
        raw = raw[4 + size :]
    return [*result, raw]


def _signed(seed: bytes, covered: bytes) -> bytes:
    """Have OpenSSL make an ed25519 signature; EVP_DigestSign(3). Raises OSError."""
    made = ctypes.create_string_buffer(SIGNATURE_BYTES)
    length = ctypes.c_size_t(SIGNATURE_BYTES)
    if not _digest("private", "Sign", seed, made, ctypes.byref(length), covered):
        raise OSError("OpenSSL does not sign")
    return made.raw[: length.value]


def _verified(public: bytes, signature: bytes, covered: bytes) -> bool:
    """Have OpenSSL check an ed25519 signature; EVP_DigestVerify(3). Raises OSError."""
    return _digest("public", "Verify", public, signature, len(signature), covered)


def _digest(half: str, step: str, raw_key: bytes, *words: Any) -> bool:  # noqa: ANN401 # ctypes
    """Have OpenSSL sign or verify by half of a key; tell whether it did.

    `words`: the signature, its size, and what it covers.
    """
    crypto = library()
    if crypto is None:
        raise OSError("no OpenSSL knows ed25519 here")
    pointer, length = ctypes.c_void_p, ctypes.c_size_t
    new_key = getattr(crypto, f"EVP_PKEY_new_raw_{half}_key")
    begin, end = (getattr(crypto, "EVP_Digest" + step + tail) for tail in ("Init", ""))
    new_key.restype = crypto.EVP_MD_CTX_new.restype = pointer
    new_key.argtypes = [ctypes.c_int, pointer, ctypes.c_char_p, length]
    begin.argtypes = [pointer] * 5
    sized = ctypes.POINTER(length) if step == "Sign" else length
    end.argtypes = [pointer, ctypes.c_char_p, sized, ctypes.c_char_p, length]
    crypto.EVP_PKEY_free.argtypes = crypto.EVP_MD_CTX_free.argtypes = [pointer]
    key = new_key(ED25519, None, raw_key, len(raw_key))
    context = crypto.EVP_MD_CTX_new()
    try:
        return bool(
            key
            and context
            and begin(context, None, None, None, key) == 1
            and end(context, *words, len(words[-1])) == 1
        )
    finally:
        crypto.EVP_MD_CTX_free(context)
        crypto.EVP_PKEY_free(key)
