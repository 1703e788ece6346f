"""What the constructors that dataclasses and their like generate take, and in which order."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor.delegates import HEAD, made
from tests.unit.doctor_scenes import plant

TYPES = """\
import abc, attr, attrs, dataclasses, typing
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any, ClassVar, NamedTuple
"""
A = "@dataclass\nclass A:\n    d: Any = CPU\n"
B = "@dataclass\nclass B:\n    name: Any = 'x'\n"
PLAIN = "class P:\n    name: Any = 'x'\n"
D = "    d: Any = CPU\n"

# The classes; what makes an object; what its field "d" is.
MADE = [
    (
        "of the last base first",
        f"{A}{B}@dataclass\nclass C(A, B):\n    z: int = 1\n",
        "C(GPU, CPU)",
        "CPU",
    ),
    (
        "of the last base first, both",
        f"{A}{B}@dataclass\nclass C(A, B):\n    z: int = 1\n",
        "C('n', GPU)",
        "GPU",
    ),
    (
        "of the last base first, reversed",
        f"{A}{B}@dataclass\nclass C(B, A):\n    z: int = 1\n",
        "C(GPU, CPU)",
        "GPU",
    ),
    ("a plain base", f"{PLAIN}@dataclass\nclass C(P):\n{D}", "C(GPU)", "GPU"),
    (
        "a plain base, more fields",
        f"{PLAIN}@dataclass\nclass C(P):\n{D}    b: Any = 1\n",
        "C(CPU, GPU)",
        "CPU",
    ),
    (
        "a plain base between",
        f"{B}class P(B):\n    n: int = 1\n@dataclass\nclass C(P):\n{D}",
        "C('x', GPU)",
        "GPU",
    ),
    (
        "an abstract base",
        f"class P(abc.ABC):\n    r: dict = {{}}\n@dataclass\nclass C(P):\n{D}",
        "C(GPU)",
        "GPU",
    ),
    ("no decorator of its own", f"{A}class C(A):\n    other: Any = 1\n", "C(GPU)", "GPU"),
    (
        "a base by name only",
        f"@dataclass(kw_only=True)\nclass B:\n    n: str = ''\n@dataclass\nclass C(B):\n{D}",
        "C(GPU)",
        "GPU",
    ),
    (
        "a class by name only",
        f"{A}@dataclass(kw_only=True)\nclass C(A):\n    n: Any = 1\n",
        "C(GPU, n=CPU)",
        "GPU",
    ),
    (
        "a mark",
        f"@dataclass\nclass B:\n    _: KW_ONLY\n    n: str = ''\n@dataclass\nclass C(B):\n{D}",
        "C(GPU)",
        "GPU",
    ),
    (
        "a mark, of a module",
        f"@dataclass\nclass C:\n    n: str\n    _: dataclasses.KW_ONLY\n{D}",
        "C('n', d=GPU)",
        "GPU",
    ),
    (
        "of the class",
        f"@dataclass\nclass B:\n    k: ClassVar[int] = 1\n@dataclass\nclass C(B):\n{D}",
        "C(GPU)",
        "GPU",
    ),
    (
        "of the class, in quotes",
        f"@dataclass\nclass C:\n    k: 'typing.ClassVar[int]' = 1\n{D}",
        "C(GPU)",
        "GPU",
    ),
    (
        "for the constructor alone",
        f"@dataclass\nclass B:\n    v: InitVar[int] = 1\n@dataclass\nclass C(B):\n{D}",
        "C(1, GPU)",
        "GPU",
    ),
    (
        "not given",
        "@dataclass\nclass B:\n    k: int = field(default=1, init=False)\n"
        f"@dataclass\nclass C(B):\n{D}",
        "C(GPU)",
        "GPU",
    ),
    (
        "a field by name only",
        f"@dataclass\nclass C:\n    k: int = field(default=1, kw_only=True)\n{D}",
        "C(GPU)",
        "GPU",
    ),
    (
        "a field by place",
        "@dataclass(kw_only=True)\nclass C:\n    n: Any = 1\n"
        "    d: Any = field(default=CPU, kw_only=False)\n",
        "C(GPU)",
        "GPU",
    ),
    (
        "a field again",
        f"{A}@dataclass\nclass C(A):\n    n: Any = 1\n    d: Any = CPU\n",
        "C(GPU, CPU)",
        "GPU",
    ),
    ("a named tuple", f"class C(NamedTuple):\n    n: str = ''\n{D}", "C('a', GPU)", "GPU"),
    (
        "a named tuple derived",
        f"class B(NamedTuple):\n    n: str = ''\n{D}class C(B):\n    x: int = 1\n",
        "C('a', GPU)",
        "GPU",
    ),
    (
        "attrs derived",
        f"@attrs.define\nclass B:\n    n: str = ''\n@attrs.define\nclass C(B):\n{D}",
        "C('a', GPU)",
        "GPU",
    ),
    ("itself", f"{A}@dataclass\nclass A(A):\n    n: int = 1\n", "A(GPU)", "GPU"),
    (
        "a diamond",
        f"{A}@dataclass\nclass L(A):\n    left: Any = 1\n"
        "@dataclass\nclass R(A):\n    right: Any = 1\n"
        "@dataclass\nclass C(L, R):\n    d: Any = CPU\n",
        "C(GPU, CPU, CPU)",
        "GPU",
    ),
    (
        "an external base",
        f"from library import Base\n@dataclass\nclass C(Base):\n{D}",
        "C(GPU)",
        "?",
    ),
    (
        "by name only or not",
        f"@dataclass(kw_only=LATE)\nclass C:\n    n: Any = 1\n{D}",
        "C(CPU, GPU)",
        "?",
    ),
    (
        "attrs, a field again",
        f"@attrs.define\nclass B:\n{D}    n: Any = 1\n@attrs.define\nclass C(B):\n{D}",
        "C(GPU, CPU)",
        "?",
    ),
]


def told(tmp_path: Path, code: str, **files: str) -> str:
    plant(tmp_path, {"app.py": HEAD + TYPES + code, **files})
    (task,) = Scan(tmp_path).programs.tasks.by_place
    exact = all(isinstance(item, str) for item in task.delegates) and not task.unknown
    return " ".join(sorted(map(str, task.delegates))) if exact else "?"


@pytest.mark.parametrize(
    ("code", "call", "right"), [item[1:] for item in MADE], ids=[item[0] for item in MADE]
)
def test_fields_are_taken_in_pythons_order(
    tmp_path: Path, code: str, call: str, right: str
) -> None:
    assert told(tmp_path, f"{code}{made(f'BaseOptions(delegate={call}.d)')}\n") == right


def test_deep_diamonds_take_no_time(tmp_path: Path) -> None:
    levels = "".join(
        f"@dataclass\nclass L{n}(A{n}):\n    l{n}: int = 0\n"
        f"@dataclass\nclass R{n}(A{n}):\n    r{n}: int = 0\n"
        f"@dataclass\nclass A{n + 1}(L{n}, R{n}):\n    b{n}: int = 0\n"
        for n in range(40)
    )
    code = f"{A.replace('class A', 'class A0')}{levels}"
    started = time.monotonic()
    assert told(tmp_path, f"{code}{made('BaseOptions(delegate=A40(GPU).d)')}\n") == "GPU"
    assert time.monotonic() - started < 10
