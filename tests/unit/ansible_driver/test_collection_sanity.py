"""The collection under those of Ansible's own sanity tests that install nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from jetson_kit.core.paths import COLLECTION, COLLECTION_NAME, ROOT
from jetson_kit.core.run import run
from tests.support.here import not_here_if

TESTS = (
    "action-plugin-docs", "compile", "empty-init", "ignores", "line-endings", "no-assert",
    "no-get-exception", "no-illegal-filenames", "no-smart-quotes", "replace-urlopen", "shebang",
    "symlinks", "use-argspec-type-path", "use-compat-six",
)  # fmt: skip


@not_here_if(not (ROOT / ".git").exists(), "this is no checkout of git, which lists the files")
def test_ansibles_own_sanity_tests(tmp_path: Path) -> None:
    place = tmp_path.joinpath("ansible_collections", *COLLECTION_NAME.split("."))
    listed = run(["git", "ls-files", "-z", COLLECTION], what="git", cwd=ROOT).split("\0")
    for name in filter(None, listed):
        copy = place / (ROOT / name).relative_to(COLLECTION)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy)
    # ansible-test asks git which files there are.
    run(["git", "init", "--quiet", place], what="git")
    python = Path(sys.executable)
    arguments = [word for name in TESTS for word in ("--test", name)]
    arguments += ["--python", f"{sys.version_info.major}.{sys.version_info.minor}"]
    done = subprocess.run(
        [python.parent / "ansible-test", "sanity", "--color", "no", *arguments],
        cwd=place,
        env={**os.environ, "HOME": str(tmp_path), "ANSIBLE_HOME": str(tmp_path / "ansible")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stdout + done.stderr
    assert all(f'Running sanity test "{name}"' in done.stdout + done.stderr for name in TESTS)
