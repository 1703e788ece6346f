"""OpenSSH keys and signatures for TUF's metadata, as securesystemslib plugs them in.

The board's program (mediapipe_image/channel_roles.py) knows no other kind. A private key is used by
ssh-keygen: encrypted ones, ssh-agent and tokens work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import KEY_FOR_TYPE_AND_SCHEME, Key, Signature, Signer

from jetson_kit.fleet.release import signing

KEYTYPE, SCHEME = "ssh", "sshsig"
CHANNEL = signing.CHANNELS


class SshKey(Key):
    """A public key of OpenSSH; `keyval["public"]` is "KIND BASE64"."""

    @classmethod
    def from_dict(cls, keyid: str, key_dict: dict[str, Any]) -> SshKey:
        """Return the key of a metadata file."""
        keytype, scheme, keyval = cls._from_dict(key_dict)
        return cls(keyid, keytype, scheme, keyval, key_dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it for a metadata file."""
        return self._to_dict()

    def verify_signature(self, signature: Signature, data: bytes) -> None:
        """Raise UnverifiedSignatureError unless this key signed these bytes for a channel."""
        text = signature.signature
        if not isinstance(text, str):
            raise UnverifiedSignatureError(f"what is named as signed by {self.keyid} is no text")
        blocks = signing.blocks(text)
        own = str(self.keyval["public"])
        if len(blocks) != 1 or not signing.signed_by(data, blocks[0], own, CHANNEL):
            raise UnverifiedSignatureError(f"not signed by {self.keyid}")


class SshSigner(Signer):
    """Signs by ssh-keygen."""

    def __init__(self, private: Path, role: signing.Role = CHANNEL) -> None:
        signing.check_signer(private, role)
        self._private = private
        self._public = public_key(private, role)

    @property
    def public_key(self) -> Key:
        """Return the public half."""
        return self._public

    @classmethod
    def from_priv_key_uri(cls, priv_key_uri: str, public_key: Key, *_: object) -> SshSigner:
        """Return the signer of a key's file."""
        signer = cls(Path(priv_key_uri.removeprefix("ssh:")))
        if signer.public_key.keyval != public_key.keyval:
            raise ValueError(f"{priv_key_uri} is another key")
        return signer

    def sign(self, payload: bytes) -> Signature:
        """Return the signature of some bytes."""
        block = signing.sign_bytes(payload, self._private, CHANNEL)
        return Signature(self._public.keyid, block)


def public_key(path: Path, role: signing.Role = CHANNEL) -> SshKey:
    """Return the public half of a key, which may be named itself. Raises BadInputError."""
    text = signing.key_text(signing.public_of(path, role))
    keyid = signing.fingerprint(text).partition(":")[2].replace("/", "_").replace("+", "-")
    return SshKey(keyid, KEYTYPE, SCHEME, {"public": text})


KEY_FOR_TYPE_AND_SCHEME[(KEYTYPE, SCHEME)] = SshKey
