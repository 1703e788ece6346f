"""A file of sites with the inventories of its boards, as tests write it."""

from __future__ import annotations

from pathlib import Path

TOP = '[controller]\naddress = "198.51.100.1"\n'


def write(folder: Path, text: str, **boards: str) -> Path:
    for name, hosts in boards.items():
        rows = "".join(f"    {row}\n" for row in hosts.split(";"))
        (folder / f"{name}.yml").write_text(f"all:\n  hosts:\n{rows}")
    path = folder / "sites.toml"
    path.write_text(TOP + text)
    return path
