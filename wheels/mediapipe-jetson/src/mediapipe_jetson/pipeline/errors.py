"""What can go wrong in a pipeline; each is one line that says where and why."""

from __future__ import annotations

from mediapipe_jetson.observation import one_line


class PipelineError(RuntimeError):
    """The pipeline can't start, or ended early."""

    exit_code = 7


class SourceError(PipelineError):
    """A video or camera can't be opened, or gives no frame."""

    exit_code = 2


class OpenCvMissingError(SourceError):
    """OpenCV, which reads sources, can't be imported."""

    exit_code = 3


class SourceEndedError(SourceError):
    """A camera stopped giving frames."""

    exit_code = 7


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
        self.exit_code = getattr(cause, "exit_code", PipelineError.exit_code)


class StuckError(PipelineError):
    """A stage did not come back from its call in time; its thread is left to die with the process.

    Nothing can end a thread inside foreign code, such as a camera's driver that never answers.
    """

    def __init__(self, stages: tuple[str, ...], seconds: float) -> None:
        names = ", ".join(stages)
        super().__init__(f"stage {names} did not stop within {seconds:g} s: its call never returns")
        self.stages = stages
