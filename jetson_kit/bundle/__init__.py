"""The verify bundle: what proves a PC or a board, offline, before anything is installed there."""
