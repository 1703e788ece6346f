"""Tiny packages of which tests put a root file system together."""

from __future__ import annotations

from pathlib import Path

from jetson_kit.debian.deb_file import Deb
from tests.unit import tiny_deb


def packages(folder: Path) -> tuple[Deb, ...]:
    base = tiny_deb.make(
        folder,
        "base",
        {
            "var/tmp/": "",
            "root/": "",
            "etc/issue": "hello\n",
            "usr/share/base-passwd/passwd.master": "root:*:0:0:root:/root:/bin/sh\n",
            "usr/share/base-passwd/group.master": "root:*:0:\nvideo:*:44:\n",
            "usr/share/base-files/nsswitch.conf": "hosts: files dns\n",
            "usr/share/ca-certificates/mozilla/A.crt": "PEM A\n",
            "usr/share/ca-certificates/mozilla/B.crt": "PEM B",
        },
        conffiles="/etc/issue\n",
        modes={"var/tmp": 0o1777, "root": 0o700},
    )
    library = tiny_deb.make(
        folder,
        "libx",
        {
            "lib/aarch64-linux-gnu/libx.so.1": "elf",
            "bin/x": "#!/bin/sh\n",
            "usr/lib/x/big.bin": "dropped",
            "usr/share/doc/libx/README": "dropped",
            "usr/share/doc/libx/copyright": "kept",
            "var/tmp/y": "y",
        },
        extra="Multi-Arch: same\nDepends: base\n",
        links={"lib/aarch64-linux-gnu/libx.so": "libx.so.1"},
    )
    return base, library
