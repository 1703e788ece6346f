"""Arm cores under QEMU's user emulation, and commands in images on one."""
