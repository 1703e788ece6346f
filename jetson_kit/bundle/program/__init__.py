"""The program inside verify.pyz: standard library only, Python 3.9 or later, nothing of the kit."""
