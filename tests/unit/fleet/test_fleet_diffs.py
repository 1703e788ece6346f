"""What check mode shows of a change."""

from __future__ import annotations

from jetson_kit.fleet import diffs


def test_a_changed_file_is_shown_by_its_lines() -> None:
    diff = {"before": "a\nb\n", "after": "a\nc\n", "after_header": "/etc/x", "before_header": "/y"}
    assert list(diffs.lines({"diff": [diff]})) == [
        "    /etc/x", "    @@ -1,2 +1,2 @@", "     a", "    -b", "    +c",
    ]  # fmt: skip


def test_facts_of_a_file_are_shown_as_json() -> None:
    row = {"before": {"state": "absent"}, "after": {"state": "directory"}}
    assert '    -  "state": "absent"'.replace('  "', ' "') in list(diffs.lines({"diff": row}))


def test_items_of_a_loop_are_shown_where_they_changed() -> None:
    item = {"changed": True, "diff": {"before": "", "after": "x\n"}}
    other = {"changed": False, "diff": {"before": "", "after": "y\n"}}
    text = "\n".join(diffs.lines({"results": [item, other]}))
    assert "+x" in text
    assert "+y" not in text


def test_nothing_is_shown_where_nothing_differs() -> None:
    assert list(diffs.lines({"changed": True})) == []
    assert list(diffs.lines({"diff": {"before": "a", "after": "a"}})) == []
