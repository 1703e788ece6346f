"""What can go wrong in a pipeline; each is one line that says where and why."""

from __future__ import annotations

from mediapipe_jetson.observation import one_line


class PipelineError(RuntimeError):
    """The pipeline can't start, or ended early."""


class SourceError(PipelineError):
    """A video or camera can't be opened, gives no frame, or stopped giving them."""


class FrameError(PipelineError):
    """One frame can't be used: empty, of another type, or older than the one before."""


class StageError(PipelineError):
    """A stage raised; `stage` is its name, `cause` what it raised, `index` the frame's number."""

    def __init__(self, stage: str, cause: BaseException, index: int | None = None) -> None:
        where = "" if index is None else f" at frame {index}"
        kind = "" if isinstance(cause, PipelineError) else f"{type(cause).__name__}: "
        super().__init__(f"stage {stage} failed{where}: {kind}{one_line(cause)}")
        self.stage = stage
        self.cause = cause
        self.index = index


class StuckError(PipelineError):
    """A stage did not come back from its call in time; its thread is left to die with the process.

    Nothing can end a thread inside foreign code, such as a camera's driver that never answers.
    """

    def __init__(self, stages: tuple[str, ...], seconds: float) -> None:
        names = ", ".join(stages)
        super().__init__(f"stage {names} did not stop within {seconds:g} s: its call never returns")
        self.stages = stages
