"""Files of an application as tests plant them."""

from __future__ import annotations

from jetson_kit.app.settings import App


def plant(app: App, *names: str) -> None:
    for name in names:
        path = app.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
