"""A user's application begun from a template, and its tests."""
