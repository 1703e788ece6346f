"""Bare machines: roots of Debian with engines of their own, in which the kit is set up and run."""
