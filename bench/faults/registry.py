"""The registry that devices pull from, gone."""

from __future__ import annotations

import random
import re
import socket
import time

from bench.faults.cases import PHASE_S, Attempt, Case, after
from bench.faults.site import Site

FLAGS = ("--way", "registry")
GONE_S = 5.0


def down(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Stop it before the devices pull; first see that they can."""
    del rand
    with_it = site.release()
    _up(site)
    try:
        _task(site, "--push", str(with_it.folder))
        if site.start(with_it, *FLAGS).end(site.kind.limit_s):
            attempt.unkept.append("nothing arrives from a registry that is up")
            return
        site.good = dict.fromkeys(site.names, with_it.image_id)
        release = site.release()
        _task(site, "--push", str(release.folder))
    finally:
        _task(site, "--down")
    going = site.start(release, *FLAGS)
    after(site, case, attempt, release, going)


def killed(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Stop it while they pull; it is back after some seconds."""
    release = site.release(bulk=8_000_000)
    port = _up(site)
    try:
        _task(site, "--push", str(release.folder))
        going = site.start(release, *FLAGS)
        if going.until("fetch", PHASE_S):
            time.sleep(rand.uniform(2, 5))
            _task(site, "--down")
            time.sleep(GONE_S)
            _up(site, port)
        going.end(site.kind.limit_s)
    finally:
        _task(site, "--down")
    after(site, case, attempt, release, going)


def _up(site: Site, port: int = 0) -> int:
    if not port:
        with socket.socket() as probe:
            probe.bind((site.gateway(), 0))
            port = probe.getsockname()[1]
    task = _task(site, "--up", "--address", site.gateway(), "--port", str(port))
    if not re.search(rf":{port}\b", task):
        raise AssertionError(task)
    return port


def _task(site: Site, *arguments: str) -> str:
    # Its data and its record are the bench's own.
    return site.task("fleet.registry", *arguments, KIT_CACHE=str(site.folder / "cache"))
