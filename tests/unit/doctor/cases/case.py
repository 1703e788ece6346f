"""What a case of the doctor's checks is."""

from __future__ import annotations

from typing import Any

Case = tuple[str, str, dict[str, Any], str]
"""Cause, status, the scene, words of the evidence (ok, unknown) or of the cure (bad)."""
