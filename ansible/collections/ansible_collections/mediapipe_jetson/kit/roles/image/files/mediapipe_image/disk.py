"""Files that are whole or absent, also after a power cut; locks; this boot."""

import contextlib
import errno
import fcntl
import json
import os
import stat
import time
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from mediapipe_image import guarded
from mediapipe_image.errors import BusyError, FullError, IntegrityError

# A prefix for every path, for trials beside the real device.
ROOT = os.environ.get("MEDIAPIPE_IMAGE_ROOT", "")
ETC = Path(ROOT + "/etc/mediapipe-jetson")
LIB = Path(ROOT + "/var/lib/mediapipe-jetson")
# Only root writes here; the folder that the application may write to is another one.
RUN = Path(ROOT + "/run/mediapipe-image")
HOLD = Path(ROOT + "/run/mediapipe-jetson/update.lock")
BLOBS = LIB / "blobs" / "sha256"
# Of who logs in without being root: layers arrive here where sudo asks for a password.
SENT = LIB / "sent"
RELEASES = LIB / "releases"
PENDING = LIB / "pending"
FULL = (errno.ENOSPC, errno.EDQUOT)
# linux/time.h; the name came with Python 3.7.
BOOTTIME = getattr(time, "CLOCK_BOOTTIME", 7)


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that a power cut leaves the old or the new one. Raises FullError."""
    try:
        make_folder(path.parent)
        if path.is_dir() and not path.is_symlink():
            remove(path)
        # Root's own folders: nobody else is there to take the name before.
        aside = path.parent / f".{path.name}.{os.getpid()}"
        try:
            with aside.open("w", encoding="utf-8") as out:
                os.fchmod(out.fileno(), 0o600)
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            aside.chmod(mode)
            aside.replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                aside.unlink()
        sync_folder(path.parent)
    except OSError as error:
        if error.errno in FULL:
            raise FullError(f"no space left to write {path}", "free some space") from error
        raise


def write_json(path: Path, body: Dict[str, Any], mode: int = 0o644) -> None:
    """Write a JSON file, as write does."""
    write(path, json.dumps(body, indent=1, sort_keys=True) + "\n", mode)


def read_json(path: Path) -> Optional[Dict[str, Any]]:
    """Return a JSON object, or None where there is no such file. Raises IntegrityError.

    What someone else than root could have written is damaged, too.
    """
    try:
        body = guarded.parse(guarded.read(path), str(path))
        check_owner(path)
    except FileNotFoundError:
        return None
    if not isinstance(body, dict):
        raise IntegrityError(f"{path} is damaged: no JSON object")
    return body


def check_owner(path: Path) -> None:
    """Raise IntegrityError where others than root own a file or may write to it."""
    facts = path.lstat()
    if facts.st_uid not in (0, os.geteuid()) or stat.S_IMODE(facts.st_mode) & 0o022:
        raise IntegrityError(f"{path} is damaged: others than root may write to it")


def make_folder(path: Path) -> None:
    """Make a folder of root's own; a file that took its name, or that of one above it, goes.

    A link stays: a disk of its own may be behind it.
    """
    for item in (*reversed(path.parents), path):
        if item in (RUN, LIB) or LIB in item.parents:
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISREG(item.lstat().st_mode):
                    item.unlink()
    path.mkdir(parents=True, exist_ok=True)


def remove(path: Path) -> None:
    """Remove a file for good, if it is there; a folder that took its name goes as well."""
    try:
        path.unlink()
    except FileNotFoundError:
        return
    except IsADirectoryError:
        import shutil

        # Removes no more than what is below it: links are not followed.
        shutil.rmtree(str(path))
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk."""
    handle = os.open(str(folder), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what killed writes left in a folder. Only for the holder of its lock."""
    for left in folder.glob(".*.json.*"):
        remove(left)
    for left in folder.glob(".current.env.*"):
        remove(left)


@contextlib.contextmanager
def locked(name: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock, which ends with its holder however that ends. Raises BusyError."""
    make_folder(RUN)
    place = RUN / (name + ".lock")
    end = time.monotonic() + wait_s
    handle = _taken(place)
    while handle is None:
        if time.monotonic() >= end:
            raise BusyError(f"another mediapipe-image is at work ({name})", "try again later")
        time.sleep(0.1)
        handle = _taken(place)
    try:
        yield
    finally:
        os.close(handle)


def _taken(place: Path) -> Optional[int]:
    """Return the handle of a lock that is ours now, None where another has it.

    What is no file (a FIFO would be waited for, a link leads elsewhere) gives way to one.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(place.lstat().st_mode):
            remove(place)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(str(place), flags, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # One that was removed meanwhile keeps nobody out.
        if os.path.samestat(os.fstat(handle), place.lstat()):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def boot_id() -> str:
    """Return what differs from boot to boot: clocks of boards may be wrong by years."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def uptime() -> float:
    """Return seconds since boot, suspended time included, as /proc/uptime but finer.

    Two events within the same hundredth of a second keep their order.
    """
    return time.clock_gettime(BOOTTIME)


def marked(path: Path, key: Any, name: str) -> Optional[float]:  # noqa: ANN401 # JSON
    """Return the time since boot that a file notes for `key`; None where it says none.

    One that is yet to come is none: nothing that is counted from it would ever end.
    """
    try:
        body = read_json(path) or {}
    except (IntegrityError, OSError):
        return None
    value = body.get(name) if body.get("key") == key else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= uptime() else None


def now() -> str:
    """Return the time for people to read; nothing is decided by it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def free(path: Path) -> int:
    """Return how many bytes are free where `path` is or would be."""
    there = next(place for place in (path, *path.parents) if place.exists())
    result = os.statvfs(str(there))
    return result.f_bavail * result.f_frsize


def device_of(path: Path) -> int:
    """Return the number of the file system where `path` is or would be."""
    there = next(place for place in (path, *path.parents) if place.exists())
    return there.stat().st_dev
