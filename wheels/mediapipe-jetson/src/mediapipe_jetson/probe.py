"""The child process that touches drivers: loads libraries, opens EGL displays.

Each argument is a question, `load:LIBRARY`, `gl:PLATFORM` or `vulkan:`; each answer is a line of
JSON.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, Union


def load(library: str) -> Union[dict[str, Any], str]:
    """Load a shared library; return {} if it loads, else the dynamic loader's words."""
    try:
        ctypes.CDLL(library)
    except OSError as error:
        return str(error)
    return {}


def gl(platform: str) -> Union[dict[str, Any], str]:
    """Return the renderer's strings through one EGL platform, or why there are none."""
    from mediapipe_jetson import egl_context  # noqa: PLC0415 # only for these questions

    try:
        return egl_context.strings(platform)
    except (OSError, egl_context.EglError) as error:
        return str(error)


def vulkan(_: str) -> Union[dict[str, Any], str]:
    """Return Vulkan's devices, or why they can't be listed."""
    from mediapipe_jetson import vulkan_list  # noqa: PLC0415 # only for this question

    try:
        return {"devices": vulkan_list.devices()}
    except (OSError, vulkan_list.VulkanError) as error:
        return str(error)


ANSWERS: dict[str, Callable[[str], Union[dict[str, Any], str]]] = {
    "load": load,
    "gl": gl,
    "vulkan": vulkan,
}


def main(questions: Sequence[str]) -> int:
    """Answer each question, flushed at once: the next one may end the process."""
    for question in questions:
        kind, _, what = question.partition(":")
        print(json.dumps({"question": question, "answer": ANSWERS[kind](what)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
