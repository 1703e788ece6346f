"""The name of an application's image, where jetson.toml has none."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import Path

NAME_MOST, MARK = 40, 6


def of_folder(folder: Path) -> str:
    """Return a name for the image out of the folder's, accents left out.

    Where letters have no place in an image's name, a hash of them keeps two folders apart.
    """
    plain = unicodedata.normalize("NFKD", folder.resolve().name)
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    name = re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-")
    if all(letter.isascii() or not letter.isalnum() for letter in letters):
        return name[:NAME_MOST].strip("-") or "app"
    mark = hashlib.sha256(plain.encode(errors="surrogateescape")).hexdigest()[:MARK]
    return f"{name[: NAME_MOST - MARK - 1].strip('-') or 'app'}-{mark}"
