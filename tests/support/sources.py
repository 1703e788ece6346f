"""Small source packages: folders with a build backend of their own, and archives of them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

# Compiles native.c with the compiler that is there, and needs no other package to do so.
COMPILES = """
import subprocess, sysconfig, zipfile
METADATA = "Metadata-Version: 2.1\\nName: native\\nVersion: 1.0\\n"

def build_wheel(out, config_settings=None, metadata_directory=None):
    name = "native" + sysconfig.get_config_var("EXT_SUFFIX")
    include = sysconfig.get_path("include")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", f"-I{include}", "native.c", "-o", name,
                    *LIBRARIES], check=True)
    machine = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    python = "cp" + sysconfig.get_python_version().replace(".", "")
    tag = f"{python}-{python}-{machine}"
    info = "native-1.0.dist-info"
    wheel = f"native-1.0-{tag}.whl"
    with zipfile.ZipFile(f"{out}/{wheel}", "w") as bundle:
        bundle.write(name, name)
        bundle.writestr(f"{info}/METADATA", METADATA)
        bundle.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\\nTag: {tag}\\n")
        bundle.writestr(f"{info}/RECORD", f"{name},,\\n{info}/METADATA,,\\n{info}/WHEEL,,\\n")
    return wheel
"""
# A wheel for any machine, of one module.
PURE = """
import zipfile
METADATA = "Metadata-Version: 2.1\\nName: native\\nVersion: 1.0\\n"

def build_wheel(out, config_settings=None, metadata_directory=None):
    info = "native-1.0.dist-info"
    wheel = "native-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{out}/{wheel}", "w") as bundle:
        bundle.writestr("native.py", "ANSWER = 42\\n")
        bundle.writestr(f"{info}/METADATA", METADATA)
        bundle.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        bundle.writestr(f"{info}/RECORD", f"native.py,,\\n{info}/METADATA,,\\n{info}/WHEEL,,\\n")
    return wheel
"""
MODULE_C = """
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "native", NULL, -1, methods};
PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&module); }
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "own"
backend-path = ["."]
[project]
name = "native"
version = "1.0"
"""


def compiled(code: str = MODULE_C, libraries: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the files of a package with an extension module in C."""
    backend = f"LIBRARIES = {list(libraries)!r}\n{COMPILES}"
    return {"pyproject.toml": PYPROJECT, "own.py": backend, "native.c": code}


def own(backend: str) -> dict[str, str]:
    """Return the files of a package without compiled code, with this build backend."""
    return {"pyproject.toml": PYPROJECT, "own.py": backend}


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write a package's files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def archive(folder: Path, files: dict[str, str], name: str = "native-1.0") -> Path:
    """Write a source archive, as an index has it."""
    path = folder / f"{name}.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for member, text in {"PKG-INFO": "Name: native\nVersion: 1.0\n", **files}.items():
            info = tarfile.TarInfo(f"{name}/{member}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return path
