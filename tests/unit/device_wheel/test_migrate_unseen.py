"""`migrate`: names in quotes, star imports, texts and notebooks, where a lost one is not seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mediapipe_jetson.migrate import bindings

from tests.unit.migrate_cases import (
    FROM_HANDS,
    HEAD,
    OLD_HANDS,
    reasons,
    refused,
    write,
)

UNSEEN = {
    "a class's own": f"{FROM_HANDS}HAND_CONNECTIONS\nclass A:\n"
    "    HAND_CONNECTIONS = list(HAND_CONNECTIONS)\n    a = HAND_CONNECTIONS[0]\n",
    "a comprehension's own": f"{FROM_HANDS}HAND_CONNECTIONS\n"
    "a = [HAND_CONNECTIONS for HAND_CONNECTIONS in HAND_CONNECTIONS]\n",
    "a class": f"class A:\n    {FROM_HANDS}HAND_CONNECTIONS\ndef f(a): return a.HAND_CONNECTIONS\n",
    "a quoted annotation": "from mediapipe.framework.formats import landmark_pb2\n"
    "def f(x: 'landmark_pb2.NormalizedLandmarkList'): pass\n",
    "drawing by anything": HEAD + OLD_HANDS + "def f(d):\n    for h in r.multi_hand_landmarks:\n"
    "        d.draw_landmarks(x, h, mp.solutions.hands.HAND_CONNECTIONS)\n",
    "deep functions": "import mediapipe as mp\ndef a():\n def b():\n  def c():\n   def d():\n"
    "    def e():\n     def f(): return mp.solutions.hands.Hands()\n     return f\n"
    "    return e\n   return d\n  return c\n return b\n",
    "a name in deep functions": "from mediapipe.python.solutions import hands\ndef a():\n"
    " def b():\n  def c():\n   def d():\n    def e():\n     def f(): return hands.Hands()\n"
    "     return f\n    return e\n   return d\n  return c\n return b\n",
}


@pytest.mark.parametrize("how", UNSEEN)
def test_what_would_fail_unseen_is_refused(how: str, tmp_path: Path) -> None:
    assert refused(tmp_path, UNSEEN[how])


QUOTED = {
    "def f(x: Optional['landmark_pb2.NormalizedLandmarkList']): pass\n": True,
    "def f(x: 'Optional[\"landmark_pb2.NormalizedLandmarkList\"]'): pass\n": True,
    "def f() -> Annotated['landmark_pb2.NormalizedLandmarkList', 'of a hand']: pass\n": True,
    "x: list[' landmark_pb2.NormalizedLandmark'] = []\n": True,
    "def f(x: Annotated[list, 'as landmark_pb2 has them']): pass\n": False,
    "def f(x: Annotated[list, 'landmark_pb2']): pass\n": False,
    "def f(x: typing.Literal['landmark_pb2', 'numpy']): pass\n": False,
    "def f(x: \"Literal['landmark_pb2']\"): pass\n": False,
    "def f(x: 'what landmark_pb2 had'): pass\n": False,
    "def f(x: 'other.landmark_pb2'): pass\n": False,
}


@pytest.mark.parametrize("old", QUOTED)
def test_only_types_in_quotes_count(old: str, tmp_path: Path) -> None:
    text = f"from mediapipe.framework.formats import landmark_pb2\n{old}"
    outcome = write(tmp_path, a=text)
    assert [note.text for note in outcome.refused] == (
        [bindings.QUOTED.format("landmark_pb2")] if QUOTED[old] else []
    )
    assert QUOTED[old] or outcome.changes[0].after.decode() == old


def test_a_quoted_annotation_that_names_it_is_told(tmp_path: Path) -> None:
    text = "import mediapipe as mp\ndef f(h: 'mp.solutions.hands.Hands'): pass\n"
    outcome = write(tmp_path, a=text)
    assert (outcome.changes, outcome.refused) == ([], [])
    assert str(outcome.differs[0]).startswith("a.py:2:1: 'mp.solutions.hands.Hands' stays")


def test_a_package_that_is_imported_by_its_dots_counts(tmp_path: Path) -> None:
    inner = tmp_path / "pkg" / "sub"
    inner.mkdir(parents=True)
    (inner / "a.py").write_text("from .. import HAND_CONNECTIONS\n", encoding="utf-8")
    outcome = write(tmp_path, pkg_init=f"{FROM_HANDS}HAND_CONNECTIONS\n", pkg_sub_init="")
    assert "is taken from here by pkg/sub/a.py:1;" in reasons(outcome)[0]


def test_new_names_that_a_star_import_would_bring_over_others_are_refused(tmp_path: Path) -> None:
    utils = f"{HEAD}{OLD_HANDS}"
    main = "def to_image(x): return x\nfrom utils import *\nto_image(1)\n"
    notes = reasons(write(tmp_path, utils=utils, main=main))
    assert any(note.startswith("main.py:2:1: a star import of utils.py, whose") for note in notes)
    assert any(note.startswith("utils.py:1:1: left as it is") for note in notes)
    outcome = write(tmp_path, utils=utils, main="import os\nfrom utils import *\n")
    assert not outcome.refused


HIDDEN = {
    "own below": ("", "from utils import *\ndef to_image(x): return x\n", False),
    "a class below": ("", "from utils import *\nclass to_image: pass\n", False),
    "a list": ('__all__ = ["r"]\n', "to_image = 1\nfrom utils import *\n", False),
    "a tuple": ("__all__ = 'r', 'hands'\n", "to_image = 1\nfrom utils import *\n", False),
    "above and below": (
        "", "to_image = 1\nfrom utils import *\ndef to_image(x): return x\n", True
    ),
    "below where something is": (
        "", "from utils import *\nif r:\n    def to_image(x): return x\n", True
    ),
    "an import above": (
        "", "from cv import to_image\nfrom utils import *\ndef to_image(x): pass\n", True
    ),
    "an import above alone": ("", "from cv import to_image\nfrom utils import *\n", True),
    "an import for types only": (
        "",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from cv import to_image\n"
        "from utils import *\n",
        False,
    ),
    "an import where no types are checked": (
        "", "import typing\nif not typing.TYPE_CHECKING:\n    from cv import to_image\n"
        "from utils import *\n", True
    ),
    "an import otherwise": (
        "", "import typing\nif typing.TYPE_CHECKING:\n    pass\nelse:\n"
        "    from cv import to_image\nfrom utils import *\n", True
    ),
    "a module above": ("", "import cv as to_image\nfrom utils import *\n", True),
    "a package above": ("", "import to_image.cv\nfrom utils import *\n", True),
    "an import in a function": (
        "", "from utils import *\ndef f():\n    from cv import to_image\n    to_image(1)\n", False
    ),
    "an import below": ("", "from utils import *\nfrom cv import to_image\n", False),
    "a list that has it": ('__all__ = ["to_image"]\n', "to_image = 1\nfrom utils import *\n", True),
    "a list that grows": (
        '__all__ = ["r"]\n__all__ += x\n', "to_image = 1\nfrom utils import *\n", True
    ),
    "a list that is found": (
        "__all__ = [n for n in dir()]\n", "to_image = 1\nfrom utils import *\n", True
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "hides"), [("import jax.numpy as np\n", True), ("import numpy as np\n", False)]
)
def test_a_module_under_the_same_short_name(line: str, hides: bool, tmp_path: Path) -> None:
    utils = f"import mediapipe as mp\n{OLD_HANDS}"
    outcome = write(tmp_path, utils=utils, main=f"{line}from utils import *\nnp.array(r)\n")
    assert bool(outcome.refused) == hides


@pytest.mark.parametrize("how", HIDDEN)
def test_only_names_that_a_star_import_hides_are_refused(how: str, tmp_path: Path) -> None:
    head, main, hides = HIDDEN[how]
    outcome = write(tmp_path, utils=f"{HEAD}{head}{OLD_HANDS}", main=main)
    assert bool(outcome.refused) == hides
    assert [change.name for change in outcome.changes] == ([] if hides else ["utils.py"])


def test_a_file_that_is_imported_by_a_text_counts(tmp_path: Path) -> None:
    main = "import importlib\nc = importlib.import_module('conf')\nprint(c.HAND_CONNECTIONS)\n"
    outcome = write(tmp_path, conf=f"{FROM_HANDS}HAND_CONNECTIONS\n", main=main)
    assert "is taken from here by main.py:3;" in reasons(outcome)[0]


@pytest.mark.parametrize(
    ("name", "line", "noted"),
    [
        ("a.ipynb", "from utils import r", True),
        ("a.ipynb", "import numpy as np, pkg.utils as u", True),
        ("a.pyx", "import utils", True),
        ("a.ipynb", "import utilities", False),
        ("a.ipynb", "utils = 1", False),
        ("a.ipynb", "one may import utils", False),
        ("a.ipynb", "from the utils", False),
    ],
)
def test_a_notebook_that_imports_what_is_rewritten_is_told_of(
    name: str, line: str, noted: bool, tmp_path: Path
) -> None:
    text = json.dumps({"cells": [{"source": [f"{line}\n"]}]}) if name == "a.ipynb" else line
    (tmp_path / name).write_text(text, encoding="utf-8")
    outcome = write(tmp_path, utils=HEAD + OLD_HANDS)
    assert [change.name for change in outcome.changes] == ["utils.py"]
    assert [str(note) for note in outcome.unread] == (
        [f"{name}:1:1: it may import utils.py, which is rewritten; look through it"]
        if noted
        else []
    )
