"""How fast the application goes, as its health check says it; nothing of it is more than numbers.

The check of the kit's images prints "healthy: 29.8 frames/s, p95 42.1 ms" once it has measured for
ten seconds, and ", within its limits" where jetson.toml has some. What it prints of an image that
is not healthy is no pace to compare: it may be one of the first seconds, or one check of several.
"""

import re
from typing import Any, Dict, Optional

HEALTHY = re.compile(
    rb"^healthy: ([0-9]{1,6}\.[0-9]) frames/s, p95 ([0-9]{1,9}\.[0-9]) ms"
    rb"(, within its limits)?\r?$",
    re.MULTILINE,
)


def of_health(words: bytes) -> Optional[Dict[str, Any]]:
    """Return frames a second and milliseconds of a health check that passed; None for any other."""
    match = HEALTHY.search(words)
    if match is None:
        return None
    return {
        "fps": float(match.group(1)),
        "latency_p95_ms": float(match.group(2)),
        "limited": match.group(3) is not None,
    }
