"""Whether QEMU can use this machine's own processor: found out by booting, not by looking.

/dev/kvm may be there and a kernel hang on it all the same (nested paravirtual KVM), so a kernel
is booted under it once, and the answer kept until this machine boots again.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

from jetson_kit.core.files import locked, write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.virtual_devices import initramfs, qemu
from jetson_kit.virtual_devices.initramfs import Kernel

KVM = Path("/dev/kvm")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# A kernel that works under KVM is through in 1 s; one that does not hangs for ever.
PROBE_S = 15.0
PASSED = b"kit: probe passed"
DEFAULT_CPU = "cortex-a76"


def choose(arch: str, cpu: str) -> str:
    """Return "kvm" where this machine runs such a guest itself and well, else "tcg"."""
    if not qemu.native(arch) or (arch == "arm64" and cpu != DEFAULT_CPU):
        return "tcg"  # KVM knows no processor but this machine's own
    if not os.access(KVM, os.R_OK | os.W_OK):
        return "tcg"
    with locked(cache_dir("locks") / f"device-kvm-{arch}.lock", lambda: None):
        return "kvm" if _probed(arch, initramfs.build(arch)) else "tcg"


def _probed(arch: str, kernel: Kernel) -> bool:
    boot = BOOT_ID.read_text(encoding="utf-8").strip()
    requested = f"{boot} {kernel.key}"
    answer = cache_dir("devices") / f"kvm-{arch}"
    with contextlib.suppress(OSError):
        known, _, verdict = answer.read_text(encoding="utf-8").strip().rpartition(" ")
        if known == requested:
            return verdict == "yes"
    works = _boots(arch, kernel)
    write_text(answer, f"{requested} {'yes' if works else 'no'}\n")
    return works


def _boots(arch: str, kernel: Kernel) -> bool:
    try:
        done = subprocess.run(
            probe(arch, kernel, "kvm"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return PASSED in done.stdout


def probe(arch: str, kernel: Kernel, accelerator: str) -> list[str]:
    """Return a command line that boots the kernel, prints PASSED and ends."""
    shape = qemu.SHAPES[arch]
    first, machine, *shaped = qemu.core(arch, DEFAULT_CPU, accelerator)
    parameters = f"console={shape.console} quiet panic=-1 kit.probe"
    return [
        *(first, "-machine", machine, *shaped, *qemu.accel(arch, accelerator)),
        *("-no-user-config", "-nodefaults", "-display", "none", "-no-reboot"),
        *("-sandbox", qemu.SANDBOX, "-serial", "stdio"),
        *("-kernel", str(kernel.image), "-initrd", str(kernel.initramfs), "-append", parameters),
    ]
