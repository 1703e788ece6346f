"""What can go wrong; each kind has a fixed exit code, the first ones equal the kit's own."""


class ImageError(Exception):
    """A failure that a user can act on: what is wrong, and what to do."""

    exit_code = 7

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.message = _line(message)
        self.cure = _line(cure)

    def line(self) -> str:
        """Return the single line that the user sees."""
        return "error: " + self.message + ("; " + self.cure if self.cure else "")


def _line(text: str) -> str:
    """Return words of one line: what they quote may hold what drives a terminal."""
    return "".join(item if item.isprintable() else "?" for item in " ".join(text.split()))


class UnhealthyError(ImageError):
    """The image did not become healthy; the device went back."""

    exit_code = 1


class BadInputError(ImageError):
    """An argument, a release or a setting is wrong."""

    exit_code = 2


class ToolMissingError(ImageError):
    """A program or the Docker Engine is missing or does not answer."""

    exit_code = 3


class IntegrityError(ImageError):
    """Bytes do not have the hash or signature that they must have."""

    exit_code = 5


class FullError(ImageError):
    """The disk lacks the space."""

    exit_code = 6


class StepFailedError(ImageError):
    """A program that we run failed."""

    exit_code = 7


class HeldError(ImageError):
    """The application says "not now"."""

    exit_code = 8


class BusyError(ImageError):
    """Another run of this program is at work."""

    exit_code = 9


class WrongDeviceError(ImageError):
    """The release is for another kind of device."""

    exit_code = 10
