"""Models, pinned by hash."""
