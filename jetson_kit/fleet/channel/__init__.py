"""Channels: folders of static files, from which boards update themselves."""
