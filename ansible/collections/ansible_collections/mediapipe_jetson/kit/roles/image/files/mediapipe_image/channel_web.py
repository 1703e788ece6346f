"""Static files from a server that is not trusted: bounded in size and time, resumed where cut."""

import http.client
import os
import re
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO, Any, Callable, List, Optional, cast

from mediapipe_image.errors import BadInputError, IntegrityError, StepFailedError

AGENT = "mediapipe-image"
# Silence for so long ends an attempt, and all of a small file takes at most that long.
SILENCE_S = 30.0
SMALL_S = 60.0
# A layer comes at least this fast, seen over each of these times: else someone holds it up.
SLOWEST = 1024
WINDOW_S = 60.0
CHUNK = 64 * 1024
NOT_THERE = (403, 404)
PARTIAL, TOO_FAR = 206, 416
LENGTH = re.compile("[0-9]{1,19}")


class AwayError(StepFailedError):
    """The server can't be reached, or does not go on."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: what is asked for is a file of this very server."""

    def redirect_request(self, *_: Any, **__: Any) -> None:  # noqa: ANN401
        """Return no request."""
        return


def base(url: str) -> str:
    """Return a channel's address, with a slash at its end. Raises BadInputError."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadInputError(f"{url[:80]!r} is no address of a channel", "write https://HOST/PATH/")
    return url.rstrip("/") + "/"


def small(url: str, most: int) -> Optional[bytes]:
    """Return a file of at most `most` bytes, None where there is none.

    Raises IntegrityError for more bytes, AwayError.
    """
    # Beyond the limit inside: the line before a chunk may come byte by byte.
    return cast(Optional[bytes], _within(2 * SMALL_S, lambda: _small(url, most), url))


def _small(url: str, most: int) -> Optional[bytes]:
    end = time.monotonic() + SMALL_S
    stream = _open(url, 0)
    if stream is None:
        return None
    result = b""
    with stream:
        while True:
            block = _read(stream, url)
            if not block:
                # `read1` itself says nothing of an answer that was cut.
                if len(result) < _named(stream):
                    raise AwayError(f"{url} ended early")
                return result
            result += block
            if len(result) > most:
                raise IntegrityError(f"{url} has more than {most} bytes")
            if time.monotonic() > end:
                raise AwayError(f"{url} did not come within {SMALL_S:.0f} s")


def _named(stream: Any) -> int:  # noqa: ANN401 # a response, of which type is Python's matter
    """Return the bytes that an answer was to have, 0 where it did not say so or not in digits."""
    words = str(stream.headers.get("Content-Length", ""))
    return int(words) if LENGTH.fullmatch(words) else 0


def append(url: str, path: Path, size: int) -> None:
    """Bring a file to `size` bytes, from where it was cut. What they are is checked elsewhere.

    Raises IntegrityError for more bytes, AwayError where it is not all there yet.
    """
    have = path.stat().st_size if path.exists() else 0
    if have >= size:
        return
    stream = _open(url, have)
    if stream is None:
        raise AwayError(f"{url} is not there")
    with stream:
        if getattr(stream, "chunked", False):
            # The line before each chunk could come byte by byte, for ever.
            raise AwayError(f"{url}: the server names no length")
        at = have if getattr(stream, "status", 200) == PARTIAL else 0
        with path.open("r+b" if path.exists() else "w+b") as out:
            out.seek(at)
            out.truncate()
            _copy(stream, out, url, size - at)
            out.flush()
            os.fsync(out.fileno())
    if path.stat().st_size < size:
        raise AwayError(f"{url} ended early")


def post(url: str, authority: str, raw: bytes) -> None:
    """Send a small document to a server with a certificate of an authority (PEM; "": any known).

    What it answers is not read. Raises AwayError unless it takes the document.
    """
    try:
        opener = _opener(authority)
        request = urllib.request.Request(  # noqa: S310 # base() looked
            url, raw, {"User-Agent": AGENT, "Content-Type": "application/json"}
        )
        opener.open(request, timeout=SILENCE_S).close()
    except urllib.error.HTTPError as error:
        error.close()
        raise AwayError(f"{url}: the server says {error.code}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise AwayError(f"{url} can't be reached: {getattr(error, 'reason', error)}") from error


def _opener(authority: str = "") -> urllib.request.OpenerDirector:
    context = ssl.create_default_context(cadata=authority or None)
    return urllib.request.build_opener(NoRedirect(), urllib.request.HTTPSHandler(context=context))


def _copy(stream: IO[bytes], out: IO[bytes], url: str, left: int) -> None:
    start, came = time.monotonic(), 0
    while True:
        block = _read(stream, url)
        if not block:
            return
        if len(block) > left:
            raise IntegrityError(f"{url} has more bytes than were signed")
        out.write(block)
        left, came = left - len(block), came + len(block)
        took = time.monotonic() - start
        if took > WINDOW_S:
            if came < SLOWEST * took:
                raise AwayError(f"{url} came with less than {SLOWEST} bytes a second")
            start, came = time.monotonic(), 0


def _read(stream: IO[bytes], url: str) -> bytes:
    try:
        # One piece as it comes: `read` alone would wait for all of them.
        return cast(bytes, stream.read1(CHUNK))  # type: ignore[attr-defined]
    except (OSError, http.client.HTTPException) as error:
        raise AwayError(f"{url} was cut: {error}") from error


def _within(seconds: float, work: Callable[[], Any], url: str) -> Any:  # noqa: ANN401
    """Return what `work` returns, or raise what it raises. Raises AwayError where it takes longer.

    Its thread is left then: it ends with its connection, or with this program.
    """
    result: List[Any] = []

    def run() -> None:
        try:
            result.append((work(), None))
        except BaseException as error:  # raised below
            result.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not result:
        raise AwayError(f"{url} did not begin within {seconds:.0f} s")
    value, error = result[0]
    if error is not None:
        raise error
    return value


def _open(url: str, start: int) -> Optional[IO[bytes]]:
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 # base() looked
        # Its headers may come byte by byte, too.
        stream = _within(SMALL_S, lambda: _opener().open(request, timeout=SILENCE_S), url)
        return cast(IO[bytes], stream)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in NOT_THERE:
            return None
        if error.code == TOO_FAR and start:
            return _open(url, 0)
        raise AwayError(f"{url}: the server says {error.code}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise AwayError(f"{url} can't be reached: {getattr(error, 'reason', error)}") from error
