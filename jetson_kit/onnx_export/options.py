"""What is asked of an export, and how its file is named."""

from __future__ import annotations

from dataclasses import dataclass

PRECISIONS = ("fp32", "fp16")
LAYOUTS = ("nhwc", "nchw")
BATCHES = ("1", "dynamic")


@dataclass(frozen=True)
class Options:
    """Precision of the weights and the work, order of image inputs' axes, fixed batch or not."""

    precision: str = "fp32"
    layout: str = "nhwc"
    batch: str = "1"

    @property
    def dynamic(self) -> bool:
        """Return whether the first axis of inputs and outputs is left open."""
        return self.batch == "dynamic"

    def filename(self, sub_model: str, sha256: str) -> str:
        """Return the file's name: what differs from the default follows the precision."""
        extra = "".join(
            f"-{word}"
            for word, usual in ((self.layout, "nhwc"), (self.batch, "1"))
            if word != usual
        )
        return f"{sub_model}-{sha256[:12]}-{self.precision}{extra}.onnx"
