"""What a virtual device looks like: a module or branch without a row is bad input."""

from __future__ import annotations

from typing import Any

import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.targets import table as targets
from jetson_kit.virtual_devices import board_rows


@pytest.mark.parametrize(
    ("kind", "name"), [("modules", "orin-nano-8gb"), ("branches", targets.resolve("36.4.4").branch)]
)
def test_a_row_that_is_missing(monkeypatch: pytest.MonkeyPatch, kind: str, name: str) -> None:
    table: dict[str, Any] = dict(board_rows.load())
    table[kind] = {key: row for key, row in table[kind].items() if key != name}
    monkeypatch.setattr(board_rows, "load", lambda: table)
    with pytest.raises(BadInputError, match=rf"no virtual device can look like {name}") as caught:
        board_rows.pick("orin-nano-8gb", "36.4.4")
    assert (
        caught.value.cure == f"add [{kind}.{name}] to jetson_kit/virtual_devices/board_profile.toml"
    )
