"""Texts that code puts together, as far as the syntax tree tells them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor import legacy
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor_scenes import plant

HEAD = "import mediapipe as mp\n"
# Expressions that are "solutions", and some that can't be told.
KNOWN = (
    "'solu' + 'tions'",
    "f'solutions'",
    "f\"{'solu'}tions\"",
    "f\"{'solutions'!s}\"",
    "'%stions' % 'solu'",
    "'%s%s' % ('solu', 'tions')",
    "'{}{}'.format('solu', 'tions')",
    "'{1}{0}'.format('tions', 'solu')",
    "''.join(['solu', 'tions'])",
    "'Solutions'.lower()",
    "'_solutions_'.strip('_')",
    "'solution5'.replace('5', 's')",
    "'my_solutions'.removeprefix('my_')",
    "('solu' if x else 'dissolu') + 'tions'",
)
NOT_KNOWN = (
    "x + 'solutions'",
    "f'{x}solutions'",
    "'%s' % x",
    "'%d%s' % (1, 'solutions')",
    "'%s' % ('solutions', 'b')",
    "'{:>9}'.format('solutions')",
    "'{a}'.format(a='solutions')",
    "'{}{}'.format('solutions')",
    "''.join(x)",
    "' '.join(['solu', 'tions'])",
    "'_solutions_'.strip()",
    "'solutions'.upper(1, 2)",
    "'{'.format('solutions')",
    "1 + 2",
)


def uses(name: str) -> list[str]:
    """Return the legacy API that a program uses which reads this name of MediaPipe's package."""
    text = f"{HEAD}m = getattr(mp, {name}).face_mesh.FaceMesh()\n"
    return [use.what for use in legacy.scan(text, "program.py")]


@pytest.mark.parametrize("name", KNOWN)
def test_a_text_put_together_is_followed(name: str) -> None:
    assert "mp.solutions.face_mesh.FaceMesh" in uses(name)


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_a_text_of_unknown_parts_is_none(name: str) -> None:
    assert "mp.solutions.face_mesh.FaceMesh" not in uses(name)


def test_each_of_several_texts_counts() -> None:
    text = f"{HEAD}for name in ('hands', 'pose'):\n    m = getattr(mp.solutions, f'{{name}}')\n"
    findings = {use.what for use in legacy.scan(text, "program.py")}
    assert {"mp.solutions.hands", "mp.solutions.pose"} <= findings


@pytest.mark.parametrize(
    "grown",
    [
        "x = [face_mesh]\n" + "x = x + x\n" * 30,
        "x = (face_mesh,)\n" + "x = x + x\n" * 24,
        "x = [face_mesh]\n" + "x = x + [1, 2, 3, 4, 5, 6, 7, 8]\n" * 1500,
        "x = [face_mesh] + [1]\n",
    ],
)
def test_a_list_that_is_put_together_without_end(tmp_path: Path, grown: str) -> None:
    head = "from mediapipe.python.solutions import face_mesh\n"
    text = f"{head}{grown}for item in x:\n    item.FaceMesh()\n"
    scan = Scan(plant(tmp_path, {"app.py": text}))
    assert not scan.unread
    assert list(scan.programs.users) == ["app.py"]


@pytest.mark.parametrize(
    "grown",
    [
        "x = 'a'\n" + "x = x + x\n" * 40,
        "x = 'a'\n" + "x = f'{x}{x}'\n" * 40,
        "x = 'a'\n" + "x = '%s%s' % (x, x)\n" * 40,
        "x = 'a'\n" + "x = '{0}{0}'.format(x)\n" * 40,
        "x = 'a'\n" + "x = ''.join([x, x])\n" * 40,
        "x = 'a'\n" + "x = x.replace('a', 'aa')\n" * 40,
    ],
)
def test_a_text_that_is_put_together_without_end(tmp_path: Path, grown: str) -> None:
    text = f"import mediapipe as mp\n{grown}mp.solutions.hands.Hands(x)\n"
    scan = Scan(plant(tmp_path, {"app.py": text}))
    assert not scan.unread
    assert list(scan.programs.users) == ["app.py"]
