"""What verify.bundle prints."""

from __future__ import annotations

from typing import Any

from jetson_kit.bundle.build import MB, PYZ, Bundle
from jetson_kit.core.files import sha256_file


def as_json(written: Bundle) -> dict[str, Any]:
    """Return the bundle's files with size in bytes and sha256."""
    return {
        "folder": str(written.folder),
        "mediapipe": written.mediapipe,
        "pythons": list(written.pythons),
        "unpacked": written.unpacked,
        "files": [
            {"name": path.name, "size": path.stat().st_size, "sha256": sha256_file(path)}
            for path in written.files
        ],
    }


def show(written: Bundle) -> None:
    """Print what was written, and the command that uses it."""
    count = len(written.files)
    print(
        f"{written.folder}: {count} {'file' if count == 1 else 'files'}, {written.size // MB} MB; "
        f"MediaPipe {written.mediapipe}, Python {', '.join(written.pythons)}"
    )
    print(f"on the machine ({written.unpacked // MB} MB while it runs, offline):")
    print(f"  python3 {written.folder.name}/{PYZ} --level full --json report.json")
    print(f"  python3 {written.folder.name}/{PYZ} measure --json measured.json")
