"""A project of somebody else: ansible-core alone, and the collection from its archive."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.ansible_driver import collection_archive, collections
from jetson_kit.core import uv
from jetson_kit.core.paths import ROOT

PROVISION = """\
- name: Provision
  ansible.builtin.import_playbook: mediapipe_jetson.kit.provision
"""
ROLE = """\
- hosts: all
  gather_facts: false
  roles: [mediapipe_jetson.kit.jetson_facts]
"""
LIMIT_S = 600


@dataclass(frozen=True)
class Foreign:
    """A folder with an environment and the installed collection; nothing of the kit is in it."""

    folder: Path

    @classmethod
    def begin(cls, folder: Path) -> Foreign:
        """Make the environment, and install the archive as its users do, offline."""
        foreign = cls(folder)
        python = uv.make_environment(folder / "venv")
        uv.install(python, "ansible-core", "--constraint", ROOT / "requirements" / "host.txt")
        # What Galaxy would bring: the collections that ours depends on.
        shutil.copytree(
            collections.path() / collections.FOLDER, folder / "collections" / collections.FOLDER
        )
        archive = collection_archive.build(folder)
        foreign.run(
            "ansible-galaxy", "collection", "install", "--offline", "-p", "collections", archive
        )
        return foreign

    def play(self, book: str, inventory: Path, *arguments: str, code: int = 0) -> str:
        """Write a playbook and run it; return what ansible-playbook printed."""
        (self.folder / "site.yml").write_text(book, encoding="utf-8")
        return self.run("ansible-playbook", "-i", inventory, *arguments, "site.yml", code=code)

    def run(self, program: str, *arguments: str | Path, code: int = 0) -> str:
        """Run a program of the environment in the folder; it ends with `code`."""
        known = {name: os.environ[name] for name in ("LANG", "SSH_AUTH_SOCK") if name in os.environ}
        done = subprocess.run(
            [self.folder / "venv" / "bin" / program, *arguments],
            cwd=self.folder,
            env={
                **known,
                "PATH": os.defpath,
                "HOME": str(self.folder / "home"),
                "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"),
                "ANSIBLE_NOCOLOR": "1",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        assert done.returncode == code, done.stdout[-4000:] + done.stderr[-2000:]
        return done.stdout + done.stderr
