"""The rows of the matrix, from rows.toml."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError

TABLE = Path(__file__).with_name("rows.toml")
USERS = ("root", "sudo", "plain")
GUESTS = ("", "arm64", "amd64")


@dataclass(frozen=True)
class Row:
    """One machine and what is tried on it; rows.toml says what each field means."""

    name: str
    suite: str
    user: str
    packages: tuple[str, ...] = ()
    daemon: dict[str, Any] = field(default_factory=dict)
    podman: bool = False
    before: str = ""
    peculiarity: str = ""
    rootless: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    locale: str = ""
    umask: str = "022"
    folder: str = "kit"
    network: bool = True
    proxy: bool = False
    words: tuple[str, ...] = ("build", "--jetson")
    then: str = ""
    code: int = 0
    says: str = ""
    image: bool = False
    minutes: float = 25.0
    guest: str = ""
    memory: int = 0
    reboot: bool = False

    @property
    def login(self) -> str:
        """Who types the command."""
        return "root" if self.user == "root" else "dev"

    @property
    def home(self) -> str:
        """That user's folder."""
        return "/root" if self.user == "root" else "/home/dev"

    @property
    def checkout(self) -> str:
        """Where the kit is cloned to."""
        return f"{self.home}/{self.folder}"

    @property
    def numbered(self) -> bool:
        """Whether its engine numbers the containers' users otherwise than the machine."""
        return self.rootless or "userns-remap" in self.daemon

    def peculiar(self) -> list[str]:
        """Return what sets the machine apart from a bare one, for a person."""
        memory = f", {self.memory} MiB" if self.memory else ""
        return [
            *([f"guest of QEMU with systemd ({self.guest}{memory})"] if self.guest else []),
            *(["rebooted, and typed again"] if self.reboot else []),
            *([f"with {', '.join(self.packages)}"] if self.packages else []),
            *(["Podman in Docker's place"] if self.podman else []),
            *([self.peculiarity] if self.peculiarity else []),
            *(["the engine is the user's own, without root"] if self.rootless else []),
            *([f"daemon.json {json.dumps(self.daemon)}"] if "userns-remap" in self.daemon else []),
            *([f"locale {self.locale}"] if self.locale else []),
            *([f"umask {self.umask}"] if self.umask != "022" else []),
            *([f"folder {self.folder!r}"] if self.folder != "kit" else []),
            *(f"{name}={value}" for name, value in self.environment.items()),
            *([] if self.network else ["no network"]),
            *(["only through a proxy with a password"] if self.proxy else []),
        ]


def load(path: Path = TABLE) -> tuple[Row, ...]:
    """Return all rows. Raises BadInputError for a row that is wrong, naming it."""
    rows = []
    known = {item.name for item in fields(Row)}
    for facts in tomllib.loads(path.read_text(encoding="utf-8"))["row"]:
        name = facts.get("name", "")
        if unknown := sorted(facts.keys() - known):
            raise BadInputError(f"row {name!r} has the unknown {', '.join(unknown)}")
        lists = {key: tuple(facts[key]) for key in ("packages", "words") if key in facts}
        row = Row(**{**facts, **lists})
        if row.user not in USERS or not re.fullmatch(r"[a-z0-9-]+", row.name):
            raise BadInputError(f"row {name!r}: its name or user is wrong")
        if row.guest not in GUESTS or (row.guest and not row.network):
            raise BadInputError(f"row {name!r}: its guest is wrong, or has no network")
        if row.rootless and (row.user == "root" or row.guest):
            raise BadInputError(
                f"row {name!r}: an engine without root is a user's, and in no guest"
            )
        if not row.guest and (row.memory or row.reboot):
            raise BadInputError(f"row {name!r}: only a guest has memory of its own, or reboots")
        rows.append(row)
    if len({row.name for row in rows}) != len(rows):
        raise BadInputError("two rows have one name")
    return tuple(rows)


def named(names: Sequence[str]) -> tuple[Row, ...]:
    """Return the rows of these names, all without any. Raises BadInputError."""
    rows = load()
    if wrong := sorted(set(names) - {row.name for row in rows}):
        known = ", ".join(row.name for row in rows)
        raise BadInputError(f"no machine {', '.join(wrong)}", f"choose from {known}")
    return tuple(row for row in rows if not names or row.name in names)
