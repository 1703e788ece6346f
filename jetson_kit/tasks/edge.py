"""What every task has: readers for its options, and what it needs of this machine."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from invoke.collection import Collection
from invoke.tasks import task

from jetson_kit.command_line.arguments import Body, KitTask
from jetson_kit.command_line.options import Reader
from jetson_kit.core import cache_lock, needs
from jetson_kit.core.files import disk_guard

RESUMED = "--resume goes on as it was planned"
# Tasks' bodies and their full names ("fleet.rollout"), by which ci/needs.table knows them.
NAMES: dict[Body, str] = {}


def name_tasks(collection: Collection) -> None:
    """Learn the tasks' full names from the collection that holds all of them."""
    for name, others in collection.task_names.items():
        # A collection's default task goes by the collection's name.
        group = name.rpartition(".")[0]
        NAMES[collection[name].body] = group if group in others else name


def _prepared(body: Body) -> Body:
    """Return a body that has what it needs of this machine before it starts."""

    @functools.wraps(body)
    def inner(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        if name := NAMES.get(inner):
            needs.require(needs.table().of_task(name, kwargs), f"./inv {name}")
        with cache_lock.shared(), disk_guard():
            return body(*args, **kwargs)

    return inner


def kit_task(
    *,
    options: Mapping[str, Reader] | None = None,
    variadic: str = "",
    **invoke_options: Any,  # noqa: ANN401 # Invoke's own
) -> Callable[[Body], KitTask]:
    """Make an Invoke task. `options` has a reader for each option that has a value.

    What it needs of this machine is there before its body starts. `variadic` names the argument
    that takes all remaining words. Raises TypeError where a reader is missing.
    """

    def wrap(body: Body) -> KitTask:
        if variadic:
            invoke_options["positional"] = [variadic]
        result: KitTask = task(klass=KitTask, **invoke_options)(_prepared(body))
        return result.with_readers(options or {}, variadic)

    return wrap
