"""Releases: written, signed, and where boards get them."""
