"""What the translator refuses."""

from __future__ import annotations

from jetson_kit.core.errors import IntegrityError


class UntranslatableError(IntegrityError):
    """A library that can't be translated; the message begins with "it"."""
