"""A reader of cpio archives, by the kernel's description of them."""

from __future__ import annotations


def newc(raw: bytes) -> dict[str, tuple[int, bytes]]:
    """Return each entry's mode and contents; a form that is not newc fails an assertion."""
    result: dict[str, tuple[int, bytes]] = {}
    place = 0
    while True:
        assert raw[place : place + 6] == b"070701" and place % 4 == 0
        fields = [int(raw[at : at + 8], 16) for at in range(place + 6, place + 110, 8)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = raw[place + 110 : place + 110 + length]
        assert name.endswith(b"\0")
        body = (place + 110 + length + 3) // 4 * 4
        if name == b"TRAILER!!!\0":
            return result
        result[name[:-1].decode()] = (mode, raw[body : body + size])
        place = (body + size + 3) // 4 * 4
