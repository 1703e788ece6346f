"""Docker's daemon.json: merged, never overwritten, and put back."""

import importlib.util
import json
from types import ModuleType
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from jetson_kit.core.paths import COLLECTION


def _load() -> ModuleType:
    path = COLLECTION / "plugins" / "filter" / "daemon_json.py"
    spec = importlib.util.spec_from_file_location("daemon_json", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


daemon: Any = _load()
OURS = {"live-restore": True, "runtimes": {"nvidia": {"path": "x"}}}
THEIRS = '{\n  "log-opts": {"max-size": "9m"},\n  "runtimes": {"other": {"path": "y"}}\n}'


def test_what_is_there_stays() -> None:
    document = json.loads(daemon.merge(THEIRS, OURS))
    assert document["log-opts"] == {"max-size": "9m"}
    assert document["runtimes"] == {"other": {"path": "y"}, "nvidia": {"path": "x"}}
    assert list(document) == ["log-opts", "runtimes", "live-restore"]


def test_a_second_merge_keeps_every_byte() -> None:
    once = daemon.merge(THEIRS, OURS)
    assert daemon.merge(once, OURS) is once
    odd = '{ "live-restore":true }'
    assert daemon.merge(odd, {"live-restore": True}) is odd


@pytest.mark.parametrize("text", ["", "{}", THEIRS, '{"live-restore": false}'])
def test_restore_undoes_merge(text: str) -> None:
    record = daemon.before(text, OURS)
    after = daemon.restore(daemon.merge(text, OURS), record, OURS)
    assert json.loads(after) == json.loads(text or "{}")


def test_what_somebody_changed_since_is_left() -> None:
    record = daemon.before("{}", OURS)
    changed = daemon.merge(daemon.merge("{}", OURS), {"live-restore": False})
    assert json.loads(daemon.restore(changed, record, OURS)) == {"live-restore": False}


def test_lists_get_what_they_lack() -> None:
    document = json.loads(daemon.merge('{"dns": ["a"]}', {"dns": ["b", "a"]}))
    assert document == {"dns": ["a", "b"]}


@pytest.mark.parametrize("text", ["{", "[]", "null", '"x"'])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"daemon\.json is no JSON"):
        daemon.merge(text, OURS)


def test_only_what_dockerd_does_not_reload_needs_a_start() -> None:
    assert not daemon.needs_restart(THEIRS, OURS)
    assert not daemon.needs_restart('{"data-root": "/x"}', {"data-root": "/x"})
    assert daemon.needs_restart("{}", {"data-root": "/x"})
