"""Programs that create a task, and the delegate that it is given."""

from __future__ import annotations

HEAD = """\
import mediapipe as mp
from mediapipe.tasks import python
from mediapipe.tasks.python import vision
from mediapipe.tasks.python.core.base_options import BaseOptions
GPU = BaseOptions.Delegate.GPU
CPU = BaseOptions.Delegate.CPU
"""
MAKE = "vision.FaceLandmarker.create_from_options(vision.FaceLandmarkerOptions(base_options={}))"


def made(base: str) -> str:
    return MAKE.format(base)


BY_GPU = made("BaseOptions(delegate=GPU)")
BY_CPU = made("BaseOptions(delegate=CPU)")
CHOICE = f"""\
{HEAD}
def make(gpu):
    d = GPU if gpu else CPU
    return {made("BaseOptions(delegate=d)")}
"""


# The code after HEAD; what the delegates are, a "?" where the tree does not tell.
DELEGATES = [
    ("no delegate", f"{made('BaseOptions()')}", "absent"),
    ("none", f"{made('BaseOptions(delegate=None)')}", "absent"),
    ("the cpu", f"{made('BaseOptions(delegate=CPU)')}", "CPU"),
    ("default", f"{made('BaseOptions(delegate=BaseOptions.Delegate.DEFAULT)')}", "DEFAULT"),
    ("the gpu", f"{made('BaseOptions(delegate=GPU)')}", "GPU"),
    ("by place", f"{made('BaseOptions(None, None, GPU)')}", "GPU"),
    (
        "mp.tasks",
        f"{made('mp.tasks.BaseOptions(delegate=mp.tasks.BaseOptions.Delegate.GPU)')}",
        "GPU",
    ),
    ("python.BaseOptions", f"{made('python.BaseOptions(model_asset_path=1)')}", "absent"),
    ("of the object", "b = BaseOptions()\nb.delegate = b.Delegate.GPU\n" + made("b"), "GPU"),
    (
        "by its name",
        f"{made('BaseOptions(delegate=BaseOptions.Delegate[' + repr('GPU') + '])')}",
        "GPU",
    ),
    (
        "by getattr",
        "D = BaseOptions.Delegate\n" + made("BaseOptions(delegate=getattr(D, 'GPU'))"),
        "GPU",
    ),
    ("by number", f"{made('BaseOptions(delegate=BaseOptions.Delegate(1))')}", "1"),
    (
        "aliases",
        "B, F = BaseOptions, vision\nC = F.FaceLandmarker.create_from_options\n"
        "O = F.FaceLandmarkerOptions\nC(O(base_options=B(delegate=CPU)))",
        "CPU",
    ),
    ("set later", "b = BaseOptions()\nb.delegate = GPU\n" + made("b"), "GPU"),
    (
        "set on the options",
        "o = vision.FaceLandmarkerOptions(base_options=BaseOptions())\n"
        "o.base_options.delegate = GPU\nvision.FaceLandmarker.create_from_options(o)",
        "GPU",
    ),
    ("by setattr", "b = BaseOptions()\nsetattr(b, 'delegate', GPU)\n" + made("b"), "GPU"),
    ("perhaps set", "b = BaseOptions()\nif x:\n    b.delegate = GPU\n" + made("b"), "GPU absent"),
    ("keywords", "kw = {'delegate': GPU}\n" + made("BaseOptions(**kw)"), "GPU"),
    ("keywords set", "kw = dict(a=1)\nkw['delegate'] = GPU\n" + made("BaseOptions(**kw)"), "GPU"),
    ("keywords updated", "kw = {}\nkw.update(delegate=GPU)\n" + made("BaseOptions(**kw)"), "GPU"),
    ("keywords merged", "kw = {**{'a': 1}, 'delegate': CPU}\n" + made("BaseOptions(**kw)"), "CPU"),
    ("keywords joined", "kw = {'a': 1} | {'delegate': GPU}\n" + made("BaseOptions(**kw)"), "GPU"),
    (
        "keywords perhaps",
        "kw = {}\nif x:\n    kw['delegate'] = GPU\n" + made("BaseOptions(**kw)"),
        "GPU absent",
    ),
    ("unknown keywords", "kw = load()\n" + made("BaseOptions(**kw)"), "?"),
    (
        "keywords of the options",
        "kw = {'base_options': BaseOptions(delegate=GPU)}\n"
        "vision.FaceLandmarker.create_from_options(vision.FaceLandmarkerOptions(**kw))",
        "GPU",
    ),
    ("a helper", "def base(d):\n    return BaseOptions(delegate=d)\n" + made("base(GPU)"), "GPU"),
    (
        "a helper's default",
        "def base(d=None):\n    return BaseOptions(delegate=d)\n" + made("base()"),
        "absent",
    ),
    (
        "a word",
        "def base(w):\n    return BaseOptions(delegate=GPU if w == 'gpu' else CPU)\n"
        + made("base('gpu')"),
        "GPU",
    ),
    (
        "a flag",
        "USE = False\nif USE:\n    d = GPU\nelse:\n    d = CPU\n" + made("BaseOptions(delegate=d)"),
        "CPU",
    ),
    ("a condition", "d = GPU if x else CPU\n" + made("BaseOptions(delegate=d)"), "CPU GPU"),
    ("a table", "T = {'gpu': GPU, 'cpu': CPU}\n" + made("BaseOptions(delegate=T['gpu'])"), "GPU"),
    (
        "an unknown key",
        "T = {'gpu': GPU, 'cpu': CPU}\n" + made("BaseOptions(delegate=T[x])"),
        "CPU GPU ?",
    ),
    ("the environment", "import os\n" + made("BaseOptions(delegate=os.environ.get('D'))"), "?"),
    (
        "arguments",
        "import argparse\na = argparse.ArgumentParser().parse_args()\n"
        + made("BaseOptions(delegate=a.d)"),
        "?",
    ),
    (
        "partial",
        "from functools import partial\nB = partial(BaseOptions, delegate=GPU)\n" + made("B()"),
        "GPU",
    ),
    (
        "replace",
        "import dataclasses\nb = dataclasses.replace(BaseOptions(), delegate=GPU)\n" + made("b"),
        "GPU",
    ),
    ("a lambda", "f = lambda d=GPU: BaseOptions(delegate=d)\n" + made("f()"), "GPU"),
    (
        "a class",
        "class A:\n    def __init__(self, d=GPU):\n        self.d = d\n"
        "    def make(self):\n        " + made("BaseOptions(delegate=self.d)") + "\nA().make()",
        "GPU",
    ),
    (
        "a class that nobody makes",
        "class A:\n    D = GPU\n    def make(self):\n        "
        + made("BaseOptions(delegate=self.D)"),
        "GPU",
    ),
    (
        "a dataclass",
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    d: object = CPU\nc = C()\n"
        + made("BaseOptions(delegate=c.d)"),
        "CPU",
    ),
    (
        "a dataclass that is given",
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    d: object = CPU\n"
        "c = C(d=GPU)\n" + made("BaseOptions(delegate=c.d)"),
        "GPU",
    ),
    (
        "a dataclass derived",
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    d: object = CPU\n"
        "@dataclass\nclass B(A):\n    n: int = 1\nc = B(GPU, 2)\n"
        + made("BaseOptions(delegate=c.d)"),
        "GPU",
    ),
    (
        "settings",
        "from pydantic_settings import BaseSettings\n"
        "class S(BaseSettings):\n    gpu: bool = False\n"
        "d = GPU if S().gpu else CPU\n" + made("BaseOptions(delegate=d)"),
        "CPU GPU",
    ),
    (
        "settings derived, and given",
        "import pydantic\nclass S(pydantic.BaseSettings):\n    gpu: bool = False\n"
        "class T(S):\n    n: int = 1\n"
        + made("BaseOptions(delegate=GPU if T(gpu=True).gpu else CPU)"),
        "GPU",
    ),
    (
        "a model",
        "from pydantic import BaseModel\nclass S(BaseModel):\n    gpu: bool = False\n"
        "d = GPU if S().gpu else CPU\n" + made("BaseOptions(delegate=d)"),
        "CPU",
    ),
    (
        "options derived",
        "class B(BaseOptions):\n    def __init__(self, **kw):\n"
        "        super().__init__(delegate=GPU, **kw)\n" + made("B(model_asset_path=1)"),
        "GPU",
    ),
    (
        "options derived, plain",
        "class B(BaseOptions):\n    pass\n" + made("B(model_asset_path=1)"),
        "absent",
    ),
    (
        "a task derived",
        "class L(vision.FaceLandmarker):\n    pass\n"
        "L.create_from_options(vision.FaceLandmarkerOptions(base_options=BaseOptions()))",
        "absent",
    ),
    (
        "a task's own maker",
        "class L(vision.FaceLandmarker):\n    @classmethod\n    def new(cls, d):\n"
        "        base = BaseOptions(delegate=d)\n"
        "        return cls.create_from_options(vision.FaceLandmarkerOptions(base_options=base))\n"
        "L.new(GPU)",
        "GPU",
    ),
    ("from a path", "vision.FaceLandmarker.create_from_model_path('x')", "absent"),
    ("with", f"with {made('BaseOptions(delegate=GPU)')} as f:\n    f.detect(i)", "GPU"),
    ("a parameter", "def f(d):\n    " + made("BaseOptions(delegate=d)"), "?"),
    (
        "a parameter with a default",
        "def f(d=GPU):\n    " + made("BaseOptions(delegate=d)"),
        "GPU ?",
    ),
    (
        "in main",
        "def main():\n    "
        + made("BaseOptions(delegate=GPU)")
        + "\nif __name__ == '__main__':\n    main()",
        "GPU",
    ),
    (
        "dead",
        "if False:\n    " + made("BaseOptions()") + "\n" + made("BaseOptions(delegate=GPU)"),
        "GPU",
    ),
    (
        "a loop",
        "for T in (vision.FaceLandmarker, vision.HandLandmarker):\n"
        "    o = vision.FaceLandmarkerOptions(base_options=BaseOptions(delegate=GPU))\n"
        "    T.create_from_options(o)",
        "GPU",
    ),
    (
        "a list that grows",
        "ts = []\nts.append(vision.FaceLandmarker)\nfor T in ts:\n"
        "    T.create_from_options(vision.FaceLandmarkerOptions(base_options=BaseOptions()))",
        "absent",
    ),
    (
        "a global",
        "d = CPU\ndef up():\n    global d\n    d = GPU\nup()\n" + made("BaseOptions(delegate=d)"),
        "GPU",
    ),
    ("walrus", made("(b := BaseOptions(delegate=GPU))"), "GPU"),
    (
        "a property",
        "class A:\n    @property\n    def d(self):\n        return GPU\n"
        + made("BaseOptions(delegate=A().d)"),
        "GPU",
    ),
    (
        "match",
        "match x:\n    case 1:\n        d = GPU\n    case _:\n        d = CPU\n"
        + made("BaseOptions(delegate=d)"),
        "CPU GPU",
    ),
    (
        "match of a literal",
        "x = 'gpu'\nmatch x:\n    case 'cpu' | 'none':\n        d = CPU\n"
        "    case 'gpu':\n        d = GPU\n"
        "    case _:\n        d = CPU\n" + made("BaseOptions(delegate=d)"),
        "GPU",
    ),
    (
        "match of a literal, with a guard",
        "x = 'gpu'\nmatch x:\n    case 'gpu' if y:\n        d = GPU\n"
        "    case _:\n        d = CPU\n" + made("BaseOptions(delegate=d)"),
        "CPU GPU",
    ),
    (
        "match of a literal that no case has",
        "x, d = 'a', GPU\nmatch x:\n    case 'cpu':\n        d = CPU\n"
        + made("BaseOptions(delegate=d)"),
        "GPU",
    ),
    ("an item that is not known", made("BaseOptions(delegate=BaseOptions.Delegate[x])"), "?"),
    ("unpacked", "d, n = GPU, 1\n" + made("BaseOptions(delegate=d)"), "GPU"),
    (
        "recursion",
        "def f(n):\n    return f(n - 1) if n else BaseOptions(delegate=GPU)\n" + made("f(3)"),
        "?",
    ),
    (
        "a name in capitals",
        made("BaseOptions(delegate=BaseOptions.Delegate['gpu'.upper()])"),
        "GPU",
    ),
    (
        "a registry",
        "T = {'h': (vision.HandLandmarker, vision.HandLandmarkerOptions),\n"
        "     'f': (vision.FaceLandmarker, vision.FaceLandmarkerOptions)}\n"
        "def make(kind, **kw):\n    M, O = T[kind]\n"
        "    return M.create_from_options(O(base_options=BaseOptions(**kw)))\n"
        "for k in T:\n    make(k, delegate=GPU)",
        "GPU",
    ),
    (
        "a key taken out",
        "kw = {'delegate': GPU, 'a': 1}\ndel kw['delegate']\n" + made("BaseOptions(**kw)"),
        "absent",
    ),
    (
        "a key popped",
        "kw = {'delegate': GPU}\nkw.pop('delegate')\n" + made("BaseOptions(**kw)"),
        "absent",
    ),
    (
        "fields by a loop",
        "b = BaseOptions()\nfor k, v in load():\n    setattr(b, k, v)\n" + made("b"),
        "?",
    ),
    ("handed to a stranger", "b = BaseOptions()\nconfigure(b)\n" + made("b"), "?"),
    ("handed to print", "b = BaseOptions()\nprint(b)\n" + made("b"), "absent"),
    ("its own dictionary", "b = BaseOptions()\nvars(b).update(x)\n" + made("b"), "?"),
    (
        "updated by a stranger",
        "kw = {'delegate': GPU}\nkw.update(load())\n" + made("BaseOptions(**kw)"),
        "GPU ?",
    ),
    (
        "a task that is chosen",
        "M = getattr(vision, name)\nM.create_from_options(load())",
        "?",
    ),
    ("a task that is handed over", "def f(M, o):\n    return M.create_from_options(o)", "?"),
    (
        "tried again",
        "d = GPU\nwhile x:\n    try:\n        "
        + made("BaseOptions(delegate=d)")
        + "\n    except RuntimeError:\n        d = CPU",
        "CPU GPU",
    ),
    (
        "an abstract method",
        "class A:\n    def make(self):\n        "
        + made("BaseOptions(delegate=self.d())")
        + "\nclass B(A):\n    def d(self):\n        return GPU\nB().make()",
        "GPU",
    ),
    (
        "an import within",
        "def f():\n    from mediapipe.tasks.python import BaseOptions as B\n    "
        + made("B(delegate=B.Delegate.CPU)"),
        "CPU",
    ),
]
