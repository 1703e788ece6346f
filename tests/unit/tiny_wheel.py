"""Small but real ELF libraries and wheels, made byte by byte for any machine."""

from __future__ import annotations

import base64
import hashlib
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

AARCH64, X86_64 = 183, 62
RET = 0xD65F03C0
PAGE = 0x10000
# Strings that only inference code with or without a GPU path has.
GL_IMPORTS = ("glDispatchCompute", "glLinkProgram", "glUseProgram", "eglCreateContext")
GL_CODE = ("InferenceCalculatorGl", "N6tflite3gpu2gl", "#version 310 es")
CPU_TEXT = ("InferenceCalculatorCpu", "GPU processing is disabled in build flags")


def elf(
    machine: int = AARCH64,
    *,
    needed: Sequence[str] = (),
    imports: Sequence[str] = (),
    texts: Sequence[str] = (),
    code: Sequence[int] = (),
    glibc: str = "",
    appended: bytes = b"",
) -> bytes:
    """Return a shared library without section headers.

    `code` are aarch64 instructions that run when it is loaded; `texts` are mapped into memory,
    `appended` are bytes behind everything that is.
    """
    strings = b"\0"

    def named(text: str) -> int:
        nonlocal strings
        strings += text.encode() + b"\0"
        return len(strings) - len(text) - 1

    symbols = bytes(24) + b"".join(
        struct.pack("<IBBHQQ", named(n), 0x12, 0, 0, 0, 0) for n in imports
    )
    tags = [(1, named(name)) for name in needed]
    need = b""
    if glibc:
        file, version = named("libc.so.6"), named(f"GLIBC_{glibc}")
        need = struct.pack("<HHIII", 1, 1, file, 16, 0) + struct.pack("<IHHII", 0, 0, 2, version, 0)
    count = len(imports) + 1
    chain = struct.pack(f"<{3 + count}I", 1, count, *[0] * (1 + count))
    body = b"".join(struct.pack("<I", word) for word in (*code, RET))
    mapped = b"\0".join(text.encode() for text in texts) + b"\0"
    entries = len(tags) + 5 + (1 if code else 0) + (2 if need else 0) + 1
    at = 64 + 2 * 56 + entries * 16
    places = {}
    content = b""
    for name, part in (
        *(("strings", strings), ("symbols", symbols), ("chain", chain), ("need", need)),
        *(("code", body), ("mapped", mapped)),
    ):
        content += bytes(-(at + len(content)) % 8)
        places[name] = at + len(content)
        content += part
    tags += [(5, places["strings"]), (10, len(strings)), (6, places["symbols"]), (11, 24)]
    tags.append((4, places["chain"]))
    if code:
        tags.append((12, places["code"]))
    if need:
        tags += [(0x6FFFFFFE, places["need"]), (0x6FFFFFFF, 1)]
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in (*tags, (0, 0)))
    size = at + len(content)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        *(b"\x7fELF\x02\x01\x01" + bytes(9), 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0),
    )
    load = struct.pack("<IIQQQQQQ", 1, 7, 0, 0, 0, size, size, PAGE)
    where = 64 + 2 * 56
    dyn = struct.pack("<IIQQQQQQ", 2, 6, where, where, where, len(dynamic), len(dynamic), 8)
    return header + load + dyn + dynamic + content + appended


def wheel(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    tag: str = "py3-none-manylinux_2_28_aarch64",
    file_tag: str = "",
    name: str = "tiny",
    filename: str = "",
    altered: str = "",
) -> Path:
    """Write a wheel; `file_tag` differs from `tag` where the name shall lie, and RECORD has a
    wrong hash for `altered`.
    """
    info = f"{name}-1.0.dist-info"
    members = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
    }
    record = ""
    for member, data in members.items():
        digest = hashlib.sha256(data if member != altered else b"other").digest()
        text = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        record += f"{member},sha256={text},{len(data)}\n"
    path = folder / (filename or f"{name}-1.0-{file_tag or tag}.whl")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in {**members, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(member, data)
    return path
