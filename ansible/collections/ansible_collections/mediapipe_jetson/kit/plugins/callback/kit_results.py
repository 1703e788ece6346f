"""Names the tasks whose results decide over a host: by an id, which no rewording changes.

A task of a role that has the variable ROLE_result gets a line of its own when it begins.
"""

from __future__ import annotations

DOCUMENTATION = """
name: kit_results
type: notification
short_description: Names the tasks whose results decide over a host
description:
  - Prints one JSON line for each task of a role that has the variable ROLE_result.
"""

import json
from typing import Any

from ansible.plugins.callback import CallbackBase

SUFFIX = "_result"


class CallbackModule(CallbackBase):  # type: ignore[misc] # Ansible has no types
    """Prints {"_event": "kit_result", "task": UUID, "result": ID}."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "mediapipe_jetson.kit.kit_results"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ANN401
        """Print a task's id, if it has one."""
        del is_conditional
        role = task._role.get_name(include_role_fqcn=False) if task._role else ""
        result = task.vars.get(role + SUFFIX) if role else None
        if result:
            line = {"_event": "kit_result", "task": str(task._uuid), "result": str(result)}
            self._display.display(json.dumps(line))
