"""Whether Linux drives a GPU here: by its device nodes alone, which costs no process."""

from __future__ import annotations

from pathlib import Path

# Jetson's GPU up to JetPack 5, JetPack 6 and later, a discrete one, any that Linux drives.
NODES = ("dev/nvhost-gpu", "dev/nvgpu", "dev/nvidia0", "dev/dri/renderD128")


def there(root: Path = Path("/")) -> bool:
    """Tell whether a GPU's device node is below a root."""
    return any((root / node).exists() for node in NODES)
