"""A release of the kit itself: its version in every place, and what is checked before a tag."""
