"""Filters that put settings into Docker's daemon.json, and take them out, beside all others there.

Pure functions of texts: what is the same afterwards keeps its very bytes, so that Ansible's own
modules tell changes and differences truly.
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any, Callable, Dict

from ansible.errors import AnsibleFilterError

# What dockerd takes over on SIGHUP, without a restart: the reference of dockerd, "Configuration
# reload behavior".
RELOADED = frozenset(
    "debug labels live-restore max-concurrent-downloads max-concurrent-uploads "
    "max-download-attempts default-runtime runtimes authorization-plugin insecure-registries "
    "registry-mirrors shutdown-timeout features".split()
)


def parse(text: str) -> Dict[str, Any]:
    """Return the settings of a daemon.json; {} for an empty one."""
    try:
        document = json.loads(text or "{}") if text.strip() else {}
    except ValueError as error:
        raise AnsibleFilterError(
            f"daemon.json is no JSON ({error}); correct or remove it, it is not overwritten"
        ) from error
    if not isinstance(document, dict):
        raise AnsibleFilterError("daemon.json is no JSON object; correct or remove it")
    return document


def plain(value: Any) -> Any:  # noqa: ANN401 # any JSON value
    """Return a value without Ansible's own types."""
    return json.loads(json.dumps(value))


def merged(known: Dict[str, Any], requested: Dict[str, Any]) -> Dict[str, Any]:
    """Return `known` with `requested` put in: objects key by key, lists by what they lack."""
    result = copy.deepcopy(known)
    for key, value in requested.items():
        old = result.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            result[key] = merged(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            result[key] = old + [item for item in value if item not in old]
        else:
            result[key] = copy.deepcopy(value)
    return result


def merge(text: str, requested: Dict[str, Any]) -> str:
    """Return the text of daemon.json with `requested` in it; the very text where all is there."""
    known = parse(text)
    after = merged(known, plain(requested))
    return text if after == known else written(after, text)


def written(settings: Dict[str, Any], like: str) -> str:
    """Return settings as text, indented as the text `like` is."""
    match = re.search(r"^([ \t]+)\S", like, re.MULTILINE)
    indent = match.group(1) if match else "    "
    return json.dumps(settings, indent=indent, ensure_ascii=False) + "\n"


def before(text: str, requested: Dict[str, Any]) -> Dict[str, Any]:
    """Return, for each key of `requested`, what stood there: {"had": bool, "value": ...}."""
    known = parse(text)
    return {key: {"had": key in known, "value": known.get(key)} for key in plain(requested)}


def restore(text: str, record: Dict[str, Dict[str, Any]], requested: Dict[str, Any]) -> str:
    """Return the text with what `record` (see `before`) says put back.

    A key that somebody has changed since then is left as it is.
    """
    known = parse(text)
    after = copy.deepcopy(known)
    ours = plain(requested)
    for key, old in plain(record).items():
        start = {key: old["value"]} if old["had"] else {}
        if key not in known or merged(start, {key: ours.get(key)})[key] != known[key]:
            continue
        if old["had"]:
            after[key] = old["value"]
        else:
            del after[key]
    return text if after == known else written(after, text)


def needs_restart(text: str, requested: Dict[str, Any]) -> bool:
    """Tell whether dockerd must start again for `requested`, or takes it over by a reload."""
    known = parse(text)
    after = merged(known, plain(requested))
    changed = {key for key in after if after[key] != known.get(key)}
    return bool(changed - RELOADED)


class FilterModule:
    """The filters by the names that playbooks use."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return them."""
        return {
            "daemon_json_merge": merge,
            "daemon_json_before": before,
            "daemon_json_restore": restore,
            "daemon_json_needs_restart": needs_restart,
        }
