"""Simulated time: tasks run one at a time, and the clock jumps to whoever wakes up next.

A heap of events, as SimPy has one. SimPy's tasks are generators, and the product's code waits deep
inside calls, which a generator can't; so a task here is a thread, and one of them runs at a time.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence

# A task's stack: there is one for each site at work, and one for who follows it.
STACK = 512 << 10


class Task:
    """Work that waits in simulated time."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.go = threading.Lock()
        self.go.acquire()
        self.ticket = 0
        self.done = False


class Signal:
    """What tasks wait for; a notice wakes all that wait."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Task, int]] = []


class Schedule:
    """The clock and all tasks; deterministic: who wakes at the same moment goes in its order."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, int, Task]] = []
        self._count = itertools.count()
        self._current: Task | None = None
        self._alive = 0
        self._over = threading.Event()
        self._fault: BaseException | None = None

    def run(self, work: Callable[[], None]) -> None:
        """Run work, and all that it begins, to the end. Raises the first error of any of it."""
        self._over.clear()
        before = threading.stack_size(STACK)
        try:
            self.begin(work)
            self._switch(None)
            self._over.wait()
        finally:
            threading.stack_size(before)
        if self._fault:
            raise self._fault

    def begin(self, work: Callable[[], None]) -> Task:
        """Let a task begin now, when the running one waits."""
        task = Task(work)
        self._alive += 1
        threading.Thread(target=self._run, args=(task,), daemon=True).start()
        self._wake(task, self.now)
        return task

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._until(self.now + seconds)

    def wait(self, signal: Signal, until: float) -> None:
        """Wait for a notice, or a moment, whichever comes first."""
        task = self._running()
        signal.waiting.append((task, task.ticket + 1))
        self._until(until)

    def notify(self, signal: Signal) -> None:
        """Wake all that wait."""
        waiting, signal.waiting = signal.waiting, []
        for task, ticket in waiting:
            if task.ticket == ticket:
                self._wake(task, self.now)

    def together(self, names: Sequence[str], do: Callable[[str], None]) -> None:
        """Do something for several names at once; return when it is done for all."""
        left, done = len(names), Signal()

        def finish(name: str) -> None:
            nonlocal left
            do(name)
            left -= 1
            self.notify(done)

        for name in names:
            self.begin(lambda name=name: finish(name))  # type: ignore[misc]
        while left:
            self.wait(done, float("inf"))

    def _running(self) -> Task:
        assert self._current is not None  # noqa: S101 # only tasks wait
        return self._current

    def _until(self, moment: float) -> None:
        task = self._running()
        self._wake(task, moment)
        self._switch(task)

    def _wake(self, task: Task, moment: float) -> None:
        task.ticket += 1
        heapq.heappush(self._heap, (moment, next(self._count), task.ticket, task))

    def _switch(self, old: Task | None) -> None:
        """Let the next one run; return when `old` is the next one again."""
        while self._heap:
            moment, _, ticket, task = heapq.heappop(self._heap)
            if ticket == task.ticket and not task.done:
                break
        else:
            self._over.set()
            return
        self.now = moment
        self._current = task
        if task is not old:
            task.go.release()
            if old is not None:
                old.go.acquire()

    def _run(self, task: Task) -> None:
        task.go.acquire()
        try:
            task.work()
        except BaseException as error:
            self._fault = self._fault or error
        task.done = True
        self._alive -= 1
        if self._fault or not self._alive:
            self._over.set()
        else:
            self._switch(None)
