"""Audit a wheel file in the project, by its library and not by its name."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path

from mediapipe_jetson.doctor.files import reading, unreadable
from mediapipe_jetson.doctor.files.facts import Wheel
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import native

LIBRARY = re.compile(r"mediapipe/(tasks/c/libmediapipe\.so|python/_framework_bindings[\w.-]*\.so)$")
LARGEST_BYTES = 600_000_000


def read(path: Path, name: str) -> Wheel:  # noqa: PLR0911 # one for each reason
    """Return what a wheel's library shows; nothing is loaded."""
    try:
        with reading.opened(path) as stream, tempfile.TemporaryDirectory() as folder:
            if not os.fstat(stream.fileno()).st_size:
                return Wheel(name, None, "it was not sent along; run ./inv wheels.audit on it")
            archive = zipfile.ZipFile(stream)
            members = [item for item in archive.infolist() if LIBRARY.match(item.filename)]
            if not members:
                return Wheel(name, None, "it holds no library of MediaPipe's")
            if members[0].file_size > LARGEST_BYTES:
                return Wheel(name, None, f"its library is larger than {LARGEST_BYTES} bytes")
            library = Path(folder) / "library.so"
            with archive.open(members[0]) as packed, library.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
            native_library = native.examine(library)
    except (OSError, unreadable.FormError) as error:
        return Wheel(name, None, unreadable.why(error))
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError):
        return Wheel(name, None, "it can't be read: it is no whole zip file, as wheels are")
    except (NotImplementedError, RuntimeError):
        return Wheel(name, None, "it can't be read: it is encrypted, or packed as no wheel is")
    if isinstance(native_library, Absent):
        return Wheel(name, None, native_library.reason.replace(str(library), members[0].filename))
    return Wheel(
        name, native_library.gpu_compiled_in, native_library.gpu_evidence, native_library.machine
    )
