"""Bytes by the kernel's counters."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from bench.scale import traffic
from bench.scale.traffic import Bytes

NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
    lo:     100       1    0    0    0     0          0         0      100       1    0    0
  eth0: 9007199254740993 7    0    0    0     0          0         0     4096       9    0    0
"""


def test_received_and_sent_of_each_interface() -> None:
    assert traffic.interfaces(NET_DEV) == {"lo": (100, 100), "eth0": (9007199254740993, 4096)}


def test_what_moved_meanwhile() -> None:
    before = {"a": Bytes(10, 1), "b": Bytes(5, 5)}
    after = {"a": Bytes(30, 2), "b": Bytes(5, 9)}
    assert traffic.between(before, after) == {"a": Bytes(20, 1), "b": Bytes(0, 4)}


def test_the_kernels_own_table_counts_what_is_sent() -> None:
    def sent() -> int:
        return traffic.interfaces(Path("/proc/net/dev").read_text(encoding="ascii"))["lo"][1]

    before = sent()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.bind(("127.0.0.1", 0))
        connection.sendto(os.urandom(1000), connection.getsockname())
    # Besides, 8 of UDP and 20 of IP.
    assert sent() - before >= 1028
