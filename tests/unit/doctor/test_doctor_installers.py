"""What scripts install: by variables, by make, by conda, and in images that run them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor.files import variables
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor_scenes import judged, lines, plant

OLD = "mediapipe==0.10.9"
OLDER = {
    "a shell's variable": ("a.sh", f"VER=0.10.9\npip install 'numpy' mediapipe==$VER # {OLD}\n"),
    "an exported one": ("a.sh", 'export VER="0.10.9"\npip3 install "mediapipe==${VER}"\n'),
    "its default": ("a.sh", "VER=${VER:-0.10.9}\npip install mediapipe==${VER}\n"),
    "one within another": ("a.sh", "V=0.10.9; \npip install mediapipe==$V\n"),
    "a program": ("a.sh", f"PIP=pip3\n$PIP install {OLD}\n"),
    "a program of the caller's": ("a.sh", f":\n${{MY_PIP}} install {OLD}\n"),
    "make": ("Makefile", "MP ?= 0.10.9\n\tpip install mediapipe==$(MP)\n"),
    "make's program": ("Makefile", f"PIP := pip3\n\t$(PIP) install {OLD}\n"),
    "make, quietly": ("Makefile", f"a:\n\t@pip3 install {OLD}\n"),
    "make, whatever comes": ("GNUmakefile", f"a:\n\t-@python3 -m pip install {OLD}\n"),
    "included by make": ("rules/pip.mk", "MP = 0.10.9 # old\n\tpip install mediapipe==${MP}\n"),
    "just": ("justfile", "mp := '0.10.9'\n    @pip install mediapipe=={{ mp }}\n"),
    "conda runs pip": ("a.sh", f":\nconda run -n mp pip install {OLD}\n"),
}

INSTALL = "pip install mediapipe==$V\n"
# What sets V once more, after V=0.10.9.
OTHERWISE = (
    "for V in 1.2.2 1.2.3; do",
    "read V",
    "read -r -p 'Which one? ' V",
    "while read -r name V; do",
    "V+=.1",
    "case $1 in\n  new) V=1.2.2 ;;\nesac",
    "[ -n x ] && V=1.2.2",
    "[ -n x ] && export V=1.2.2",
    "if true; then V=1.2.2; fi",
    "unset V",
    "getopts v: V",
    "export A=1 V=1.2.2",
    "f() { local V=1.2.2; }",
    "  local V",
    "declare -x V",
    "V=1.2.2 make all",
    "V=$(cat version)",
    "V[0]=1.2.2",
    "V=(1.2.2)",
    "printf -v V 1.2.2",
    ": ${V:=1.2.2}",
    "select V in 1 2; do",
    "mapfile -t V < versions",
    'eval "V=1.2.2"',
)
MADE = ("V += 1", "V != cat v", "V := 1.2.2", "V ?= 1.2.2", "a: V = 1", "define V", "V::=1")
# What sets nothing.
SAME = (
    "# V=1.2.2",
    "export V",
    "docker build --build-arg V=$V .",
    'echo "V == $V"',
    "V=0.10.9",
    "[ $V = 1.2.2 ]",
    "pip install --find-links=x 'numpy>=1'",
)


@pytest.mark.parametrize("line", SAME)
def test_what_sets_nothing_changes_nothing(tmp_path: Path, line: str) -> None:
    answer = judged(tmp_path, {"a.sh": f"V=0.10.9\n{line}\n{INSTALL}"}, device="orin")
    assert answer["old-requirement"].result.status == "bad", lines(answer["old-requirement"])


def test_values_are_put_into_each_other() -> None:
    rows = "".join(f"A{n}=${{A{n - 1}}}\n" for n in range(1, 3000))
    assert variables.filled("a.sh", f"A0=1\n{rows}echo $A2999\n").endswith("echo 1\n")
    backwards = "".join(f"A{n}=$A{n + 1}\n" for n in range(3000))
    assert variables.filled("a.sh", f"{backwards}A3000=1\necho $A0\n").endswith("echo 1\n")


def test_values_that_grow_are_left_as_they_are() -> None:
    rows = "".join(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}\n" for n in range(1, 64))
    text = f"A0=1\n{rows}echo $A3\necho $A63\n" + "echo $A11\n" * 5000
    done = variables.filled("a.sh", text)
    assert "echo 11111111\necho $A63\n" in done
    assert len(done) < len(text) + (2 << 20)


@pytest.mark.parametrize("kind", OLDER)
def test_variables_are_put_in_place(tmp_path: Path, kind: str) -> None:
    name, text = OLDER[kind]
    answer = judged(tmp_path, {name: text}, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)
    assert f"{name}:2" in lines(answer)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.sh", "if x; then\nVER=0.10.9\nelse\nVER=1.2.2\nfi\npip install mediapipe==$VER\n"),
        ("a.sh", "pip install mediapipe==$1\n"),
        ("a.sh", "VER=$(cat version)\npip install mediapipe==$VER\n"),
        ("a.sh", "VER=$VER\npip install mediapipe==$VER\n"),
        ("Makefile", "a:\n\tpip install mediapipe==$(MP)\n"),
        *(("a.sh", f"V=0.10.9\n{line}\n{INSTALL}") for line in OTHERWISE),
        *(("Makefile", f"V = 0.10.9\n{line}\n\tpip install mediapipe==$(V)\n") for line in MADE),
        ("justfile", "v := '0.10.9'\na v='1.2.2':\n    pip install mediapipe=={{ v }}\n"),
        ("a.sh", "A=$B\nB=$A\npip install mediapipe==$A\n"),
        ("a.sh", f"A=0.10.9{'0' * 5000}\npip install mediapipe==$A\n"),
    ],
)
def test_a_version_that_is_not_told_is_unknown(tmp_path: Path, name: str, text: str) -> None:
    answer = judged(tmp_path, {name: text}, device="orin")["old-requirement"]
    assert answer.result.status == "unknown"
    assert "version can't be read" in lines(answer)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.sh", "conda create -y -n mp python=3.7 mediapipe\n"),
        ("a.sh", "micromamba create --name mp -c conda-forge 'python<3.9' mediapipe\n"),
        ("a.sh", "PY=3.8\nmamba create -n mp python=$PY\npip install mediapipe\n"),
        ("Dockerfile", "FROM mambaorg/micromamba:1.5\nRUN micromamba install python=3.8 mediapipe"),
        ("mise.toml", "[tools]\npython = '3.8'\n"),
        (".mise.local.toml", "[tools]\npython = ['3.8.18']\n"),
        ("Dockerfile.template", "FROM balenalib/%%BALENA_MACHINE_NAME%%-ubuntu-python:3.8-bionic\n"
         "RUN pip install mediapipe\n"),
    ],
)  # fmt: skip
def test_a_python_without_a_wheel(tmp_path: Path, name: str, text: str) -> None:
    answer = judged(tmp_path, {name: text}, device="orin")["project-python"]
    assert answer.result.status == "bad", lines(answer)
    assert "3.11" in answer.cure


def test_what_conda_installs_is_of_its_own_channels(tmp_path: Path) -> None:
    text = "conda install -c conda-forge mediapipe=0.10.9\n"
    answer = judged(tmp_path, {"a.sh": text}, device="orin")["old-requirement"]
    assert "a.sh:1: mediapipe=0.10.9, from conda" in lines(answer)


@pytest.mark.parametrize(
    "text", ["conda env create -n mp -f environment.yml", "conda create -n x --clone mp"]
)
def test_environments_of_a_file_or_a_copy_name_no_python(tmp_path: Path, text: str) -> None:
    answer = judged(tmp_path, {"a.sh": text}, device="orin")["project-python"]
    assert answer.result.status == "unknown"
    assert "a.sh" not in lines(answer)


FOCAL = "FROM ubuntu:20.04\nCOPY . /app\nRUN {}\n"


@pytest.mark.parametrize(
    ("line", "script"),
    [
        ("./install.sh", "install.sh"),
        ("cd /app && bash scripts/install.sh --all", "scripts/install.sh"),
        ('["/app/install.sh"]', "install.sh"),
        ("make -C /app deps", "Makefile"),
    ],
)
def test_an_image_whose_script_installs_packages_counts(
    tmp_path: Path, line: str, script: str
) -> None:
    files = {"Dockerfile": FOCAL.format(line), script: "deps:\n\tpip3 install mediapipe\n"}
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert answer.result.status == "bad"
    assert "Dockerfile:1" in answer.cure


@pytest.mark.parametrize("line", ["./lint.sh", "echo install.sh.txt", "cmake ."])
def test_an_image_that_installs_none_does_not(tmp_path: Path, line: str) -> None:
    files = {
        "Dockerfile": FOCAL.format(line),
        "lint.sh": "shellcheck *.sh\n",
        "install.sh": "pip install mediapipe\n",
    }
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert answer.result.status == "unknown", lines(answer)


def test_debian_has_no_package_of_it(tmp_path: Path) -> None:
    files = {"setup.sh": "sudo apt-get install -y \\\n  python3-pip \\\n  python3-mediapipe\n"}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "unknown"
    assert "setup.sh:3: neither Debian nor Ubuntu has python3-mediapipe" in lines(answer)


@pytest.mark.parametrize(
    ("script", "lines_of"),
    [
        ('for p in numpy "mediapipe==0.10.9"; do\n  pip3 install "$p" || true\ndone\n', [1]),
        (
            'PKGS=(\n  numpy # mediapipe==0.10.5\n  "mediapipe==0.10.14"\n)\n'
            'pip install "${PKGS[@]}"\n',
            [3],
        ),
        ("A=(numpy mediapipe==0.10.9)\nfor p in ${A[@]}\ndo pip install $p; done\n", [1]),
        ("A=(mediapipe==0.10.9)\necho ${A[@]}\npip install numpy\n", []),
    ],
)
def test_lists_of_a_shell_are_installed(script: str, lines_of: list[int], tmp_path: Path) -> None:
    result = judged(tmp_path, {"i.sh": script}, device="orin")["old-requirement"].result
    assert [item.line for item in result.findings] == lines_of


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("git clone -b v0.10.18 https://git.example/google/mediapipe.git\n", "is cloned here"),
        (
            "wget -q https://x.example/mediapipe-0.8.5_cuda102-cp36-none-linux_aarch64.whl\n",
            "fetched",
        ),
    ],
)
def test_what_is_built_or_fetched_is_not_known(script: str, expected: str, tmp_path: Path) -> None:
    files = {"i.sh": f"{script}pip install mediapipe 2>&1 | tee log\n"}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "unknown"
    assert "i.sh:1: " in lines(answer)
    assert expected in lines(answer)


@pytest.mark.parametrize(
    "options",
    [
        "mediapipe --index-url https://packages.example.org/jp6",
        "mediapipe numpy -i https://packages.example.org/jp6",
        "-i https://packages.example.org/jp6 mediapipe",
        "mediapipe==1.2.2 --extra-index-url=https://packages.example.org/jp6",
        "mediapipe==1.2.2 -f https://packages.example.org/jp6",
    ],
)
def test_another_index_counts_wherever_it_stands(tmp_path: Path, options: str) -> None:
    answer = judged(tmp_path, {"i.sh": f"pip3 install {options}\n"}, device="orin")
    result = answer["old-requirement"]
    assert result.result.status == "unknown", lines(result)
    assert "https://packages.example.org/jp6" in lines(result)


def test_a_python_counts_wherever_it_stands(tmp_path: Path) -> None:
    text = "uv pip install mediapipe==0.10.9 --python 3.12\n"
    result = judged(tmp_path, {"i.sh": text}, device="nano")["old-requirement"]
    assert result.result.status == "bad", lines(result)
    assert "no aarch64 wheel for Python 3.12" in lines(result)


RUN = "import subprocess, sys\n%s\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("for p in ['numpy', 'mediapipe==0.10.9']:\n    run(f'pip install {p}')", [2]),
        (
            "NEED = ('mediapipe==0.10.9',)\ndef add(p):\n"
            "    subprocess.check_call([sys.executable, '-m', 'pip', 'install', p])\n"
            "for n in NEED:\n    add(n)",
            [2],
        ),
        ("NEED = ['mediapipe<1']\nsubprocess.run(['pip', 'install', *NEED])", [2]),
        ("NEED = [\n'mediapipe<1']\nos.system('pip3 install -U ' + ' '.join(NEED))", [3]),
        ("NEED = ['mediapipe']\nos.system('pip install %s' % NEED[0])", [2]),
        ("NEED = ['mediapipe==0.10.9']\nprint(f'pip install {NEED[0]}')", []),
        ("NEED = ['mediapipe==0.10.9']\nraise ImportError(f'pip install {NEED}')", []),
        ("NEED = ['mediapipe']\nfor n in NEED:\n    __import__(n)", []),
        ("NEED = ['mediapipe==0.10.9']\nsubprocess.run(['pip', 'show', *NEED])", []),
        (
            "BROKEN = ['mediapipe==0.10.9']\nGOOD = ['mediapipe<1']\nfor p in BROKEN:\n"
            "    subprocess.run(f'pip uninstall {p}')\nfor p in GOOD:\n"
            "    subprocess.run(f'pip install {p}')",
            [3],
        ),
        ("BROKEN = ['mediapipe==0.8']\nversion = input()\nrun(['pip', 'install', version])", []),
        (
            "run(['pip', 'uninstall', 'mediapipe==0.10.9'])\nname = input()\n"
            "run(f'pip install {name}')\nadd_argument('--v', choices=['mediapipe==0.10.9'])",
            [],
        ),
        (
            "NEED = ['numpy', 'mediapipe<1']\nmissing = []\nfor p in NEED:\n"
            "    missing.append(p)\nrun(['pip', 'install', *missing])",
            [2],
        ),
        ("NEED: list = ['mediapipe<1']\nrun(['pip', 'install', *NEED])", [2]),
        ("NEED = []\nNEED += ['mediapipe<1']\nrun(['pip', 'install', *NEED])", [3]),
        ("def f(p=['mediapipe<1']):\n    run(['pip', 'install', *p])", [2]),
        (
            "class A:\n    NEED = ['mediapipe<1']\n    def go(self):\n"
            "        run(['pip', 'install', *self.NEED])",
            [3],
        ),
        ("NEED = ['mediapipe<1']\nm = [p for p in NEED if p]\nrun(['pip', 'install', *m])", [2]),
        (
            "def get(p):\n    run(f'pip install {p}')\ndef drop(p):\n    run(f'pip remove {p}')\n"
            "for p in ['mediapipe==0.1']:\n    drop(p)\nget('numpy')",
            [],
        ),
    ],
)
def test_what_a_program_installs_out_of_a_list(
    text: str, expected: list[int], tmp_path: Path
) -> None:
    scan = Scan(plant(tmp_path, {"setup_env.py": RUN % text, "mediapipe.md": ""}))
    requirements = [item for item in scan.requirements if item.name == "mediapipe"]
    assert [item.line for item in requirements] == expected
