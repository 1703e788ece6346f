"""Who has joined, and by which token: files of the controller's, changed whole or not at all."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import CheckFailedError, IntegrityError
from jetson_kit.core.files import disk_guard, locked, write_text

FILE = "members.json"
TOKENS = "tokens"
TOKEN_BYTES = 32


class RefusedTokenError(CheckFailedError):
    """A token that lets nobody in."""


@dataclass(frozen=True)
class Member:
    """A site that has joined: the fingerprint of the only certificate that is let in for it."""

    fingerprint: str
    joined: str
    expires: str

    @property
    def end(self) -> datetime.datetime:
        """Return when its certificate expires. Raises ValueError, TypeError for what is no time."""
        return datetime.datetime.fromisoformat(self.expires)


def load(folder: Path) -> dict[str, Member]:
    """Return the sites that have joined. Raises IntegrityError for a damaged file."""
    try:
        rows = json.loads((folder / FILE).read_text(encoding="utf-8"))
        members = {name: Member(**row) for name, row in rows.items()}
        if any(member.end.tzinfo is None for member in members.values()):
            raise ValueError  # noqa: TRY301 # named with the others
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise IntegrityError(f"{folder / FILE} is damaged", "restore it from a backup") from error
    return members


@contextlib.contextmanager
def changing(folder: Path) -> Iterator[dict[str, Member]]:
    """Yield the members to be changed; they are written when the block succeeds."""
    with disk_guard(folder), locked(folder / "members.lock", lambda: None):
        rows = load(folder)
        yield rows
        body = {name: asdict(row) for name, row in sorted(rows.items())}
        write_text(folder / FILE, json.dumps(body, indent=1) + "\n")


def new_token(folder: Path, site: str, hours: float) -> tuple[str, datetime.datetime]:
    """Return a token by which `site` may join once, and when it expires.

    Only its hash is kept. Older tokens of the site are taken away.
    """
    forget_tokens(folder, site)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)
    _write(folder, token, {"site": site, "expires": end.isoformat(timespec="seconds")})
    return token, end


def forget_tokens(folder: Path, site: str, *, past_damaged: bool = False) -> int:
    """Take away a site's tokens that were not used yet; return how many.

    Raises IntegrityError for a damaged one, which lets nobody in, before any is taken away; or,
    `past_damaged`, when all others are.
    """
    rows: dict[Path, Mapping[str, Any]] = {}
    damaged: IntegrityError | None = None
    for path in sorted((folder / TOKENS).glob("*.json")):
        try:
            rows[path] = _token(path)
        except IntegrityError as error:
            damaged = error
            if not past_damaged:
                raise
    count = 0
    for path, row in rows.items():
        if row["site"] == site and not row.get("request"):
            path.unlink()
            count += 1
    if damaged:
        raise damaged
    return count


def claim(folder: Path, token: str, request: str) -> str:
    """Return the site that a token lets in; it is used up by this request for a certificate.

    The same request may come again: its answer may have been lost on the way. Raises
    RefusedTokenError for a token that is unknown, damaged, expired, or was used by another request.
    """
    path = _path(folder, token)
    own = hashlib.sha256(request.encode()).hexdigest()
    with disk_guard(folder), locked(folder / "tokens.lock", lambda: None):
        if not path.is_file():
            raise RefusedTokenError("the token is unknown", "make a new one: ./inv sites.join")
        try:
            row = _token(path)
        except IntegrityError:
            raise RefusedTokenError(
                "the controller's record of the token is damaged", "see there: ./inv sites.join"
            ) from None
        if row.get("request", own) != own:
            raise RefusedTokenError(
                f"the token of {row['site']} was used at {row['used']}; it is good once",
                "if that was not you, ./inv sites.remove the site; then make a new one",
            )
        now = datetime.datetime.now(datetime.UTC)
        if now > datetime.datetime.fromisoformat(row["expires"]):
            raise RefusedTokenError(
                f"the token of {row['site']} expired at {row['expires']}",
                "make a new one: ./inv sites.join",
            )
        if "request" not in row:
            _write(
                folder, token, {**row, "request": own, "used": now.isoformat(timespec="seconds")}
            )
    return str(row["site"])


def _token(path: Path) -> dict[str, Any]:
    """Return what is known of a token. Raises IntegrityError for a damaged file."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(row[name], str) for name in ("site", "expires")):
            raise TypeError  # noqa: TRY301 # named with the others
        end = datetime.datetime.fromisoformat(row["expires"])
        if end.tzinfo is None or ("request" in row) != ("used" in row):
            raise ValueError  # noqa: TRY301 # named with the others
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise IntegrityError(
            f"{path} is damaged", "remove it: it lets nobody in; its site needs a new archive"
        ) from error
    result: dict[str, Any] = row
    return result


def _path(folder: Path, token: str) -> Path:
    return folder / TOKENS / f"{hashlib.sha256(token.encode()).hexdigest()}.json"


def _write(folder: Path, token: str, row: dict[str, Any]) -> None:
    path = _path(folder, token)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_text(path, json.dumps(row) + "\n")
    path.chmod(0o600)
