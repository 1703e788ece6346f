"""Containers that a command starts and removes: those of a command that was killed go later."""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path

import docker
from docker.errors import APIError

from jetson_kit.containers import docker_context, engine

STARTED_BY = "io.mediapipe-jetson.started-by"
STARTED_IN = "io.mediapipe-jetson.started-in"
CLIENT_TIMEOUT_S = 10


def labels() -> dict[str, str]:
    """Return the labels that name this process."""
    return {STARTED_BY: str(os.getpid()), STARTED_IN: _namespace()}


def remove_own() -> None:
    """Remove this process's containers, by a connection of its own: a thread may wait for one."""
    where = dict(docker_context.address().environment)
    client = docker.from_env(timeout=CLIENT_TIMEOUT_S, environment=where)
    for container in client.containers.list(
        all=True,
        filters={"label": [f"{name}={value}" for name, value in labels().items()]},
        ignore_removed=True,
    ):
        with contextlib.suppress(APIError):
            container.remove(force=True)


def remove_left() -> None:
    """Remove the containers of processes of this machine that are gone."""
    for container in engine.client().containers.list(
        all=True, filters={"label": f"{STARTED_IN}={_namespace()}"}, ignore_removed=True
    ):
        if not Path("/proc", container.labels[STARTED_BY]).exists():
            with contextlib.suppress(APIError):
                container.remove(force=True)


@functools.cache
def _namespace() -> str:
    """Return what tells where process numbers are ours: this boot's, this container's."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
