"""The page's password: out of a file, never out of an argument or an environment variable."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from codecs import BOM_UTF8
from pathlib import Path
from typing import Optional

from mediapipe_jetson.live.errors import PasswordError

FILE_VARIABLE = "MEDIAPIPE_JETSON_SERVE_PASSWORD_FILE"
# systemd puts what LoadCredential= names into this folder.
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
CREDENTIAL = "mediapipe-jetson-serve-password"
LEAST, MOST = 8, 1024


def password_file(given: Optional[Path]) -> Optional[Path]:
    """Return the file that was given, else the variable's, else systemd's; None for none."""
    if given is not None:
        return given
    if named := os.environ.get(FILE_VARIABLE):
        return Path(named)
    folder = os.environ.get(CREDENTIALS_VARIABLE)
    credential = Path(folder, CREDENTIAL) if folder else None
    return credential if credential and credential.exists() else None


def read(path: Path) -> bytes:
    """Return the password: the file's only line. Raises PasswordError."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST + 1)
    except OSError as error:
        raise PasswordError(f"password file {path} can't be read: {error.strerror}") from error
    # Editors of Windows begin with a mark that no browser sends.
    content = content[len(BOM_UTF8) :] if content.startswith(BOM_UTF8) else content
    secret = content[:-1] if content.endswith(b"\n") else content
    secret = secret[:-1] if secret.endswith(b"\r") else secret
    if not LEAST <= len(secret) <= MOST or b"\n" in secret or b"\0" in secret:
        raise PasswordError(
            f"password file {path} must hold one line of {LEAST} to {MOST} bytes: "
            f"openssl rand -hex 16 > {path}"
        )
    return secret


def allows(secret: bytes, header: Optional[str]) -> bool:
    """Tell whether an Authorization header has the password, for whatever user (RFC 7617)."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        _, colon, given = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (ValueError, binascii.Error):
        return False
    return bool(colon) and hmac.compare_digest(given, secret)
