"""Debian packages and root file systems, without a container."""
