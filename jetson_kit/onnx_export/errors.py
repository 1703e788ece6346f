"""What can be wrong with a model: its bytes, or that it asks for what the exporter doesn't know."""

from __future__ import annotations

from jetson_kit.core.errors import BadInputError, IntegrityError


class ModelDamagedError(IntegrityError):
    """The bytes are not a whole, consistent TFLite model or task bundle."""

    def __init__(self, model: str, what: str) -> None:
        super().__init__(f"{model}: {what}", "it is damaged or no TFLite model; fetch it again")


class ModelUnsupportedError(BadInputError):
    """The model is sound but uses an operator, type or option without a handler."""

    def __init__(self, model: str, what: str) -> None:
        super().__init__(
            f"{model}: {what}", "./inv engines.export knows no way to write it as ONNX"
        )
