"""Calls of OpenCV's windows, which no image has, are told where the program always makes them."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.app import imports, inputs, opencv_windows, settings, tree
from jetson_kit.app.module_names import Python
from jetson_kit.app.settings import App

HELD = frozenset({"opencv-python-headless"})


@pytest.fixture
def app(tmp_path: Path) -> App:
    (tmp_path / "app.py").touch()
    return settings.load(tmp_path)


def warning(app: App, packages: frozenset[str]) -> str:
    files = tree.read(app)
    return opencv_windows.warning(app, files, imports.program(app, files.entries), packages)


def told(app: App, text: str = "", /, **files: str) -> list[str]:
    """Return the places that are named."""
    for name, body in {**({"app": text} if text else {}), **files}.items():
        path = app.folder / f"{name.replace('__of__', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(body))
    line = warning(app, HELD)
    return line.partition(": the image's OpenCV has no windows")[0].split("; ") if line else []


LOOP = """
    import cv2
    import mediapipe as mp
    cap = cv2.VideoCapture(0)
    with mp.tasks.vision.FaceLandmarker.create_from_options(None) as landmarker:
        while cap.isOpened():
            success, frame = cap.read()
            if not success:
                print("Ignoring empty camera frame.")
                continue
            cv2.imshow('MediaPipe', cv2.flip(frame, 1))
            if cv2.waitKey(5) & 0xFF == 27:
                break
    cap.release()
    cv2.destroyAllWindows()
"""
MAIN = """
    import cv2 as cv
    def main():
        cap = cv.VideoCapture(0)
        if not cap.isOpened():
            print("no camera")
            return
        try:
            while True:
                ok, image = cap.read()
                if not ok:
                    break
                cv.imshow("w", image)
                key = cv.waitKey(1)
                if key == ord("q"):
                    break
        except KeyboardInterrupt:
            pass
        finally:
            cv.destroyAllWindows()
    if __name__ == "__main__":
        main()
"""


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (
            LOOP,
            ["app.py, line 11 (cv2.imshow)", "app.py, line 12 (cv2.waitKey)",
             "app.py, line 15 (cv2.destroyAllWindows)"],
        ),
        (
            MAIN,
            ["app.py, line 13 (cv2.imshow)", "app.py, line 14 (cv2.waitKey)",
             "app.py, line 20 (cv2.destroyAllWindows)"],
        ),
        (
            """
            from cv2 import imshow as show
            class Viewer:
                def __init__(self):
                    self.open()
                def open(self):
                    show("a", None)
            viewer = Viewer()
            """,
            ["app.py, line 7 (cv2.imshow)"],
        ),
        (
            """
            import cv2, threading
            def loop():
                cv2.namedWindow("a")
            threading.Thread(target=loop).start()
            """,
            ["app.py, line 4 (cv2.namedWindow)"],
        ),
        (
            """
            import asyncio, cv2
            async def main():
                cv2.waitKey(1)
            asyncio.run(main())
            """,
            ["app.py, line 4 (cv2.waitKey)"],
        ),
    ],
)  # fmt: skip
def test_a_call_that_is_always_made_is_told(app: App, text: str, places: list[str]) -> None:
    assert told(app, text) == places


@pytest.mark.parametrize(
    "text",
    [
        "if args.show:\n    cv2.imshow('a', x)",
        "if os.environ.get('DISPLAY'):\n    cv2.imshow('a', x)",
        "show and cv2.imshow('a', x)",
        "cv2.imshow('a', x) if show else None",
        "try:\n    cv2.imshow('a', x)\nexcept cv2.error:\n    pass",
        "try:\n    cv2.imshow('a', x)\nexcept Exception:\n    pass",
        "try:\n    cv2.imshow('a', x)\nexcept:\n    pass",
        "with contextlib.suppress(cv2.error):\n    cv2.imshow('a', x)",
        "if args.headless:\n    sys.exit(serve())\ncv2.imshow('a', x)",
        "while True:\n    if headless:\n        continue\n    cv2.imshow('a', x)",
        "def show(x):\n    cv2.imshow('a', x)",
        "def show(x):\n    cv2.imshow('a', x)\nif args.show:\n    show(1)",
        "def show(x):\n    cv2.imshow('a', x)\nparser.set_defaults(run=show)",
        "def show(x):\n    if not args.show:\n        return\n    cv2.imshow('a', x)\nshow(1)",
        "class Viewer:\n    def show(self):\n        cv2.imshow('a', 1)\nplt.show()",
        "class A:\n    def __init__(self):\n        cv2.waitKey(1)\nv = A() if args.show else None",
        "@click.command()\ndef show():\n    cv2.imshow('a', 1)\nmain()",
        "f = lambda x: cv2.imshow('a', x)",
        "cv2.imshow = lambda *a: None\ncv2.imshow('a', x)",
        "match mode:\n    case 'show':\n        cv2.waitKey(0)",
        "writer = cv2.VideoWriter('a.mp4', 1, 30, (9, 9))\nwriter.write(x)",
        "cv2.setWindowTitle('a', 'b')",
        "raise SystemExit\ncv2.waitKey(0)",
        "imshow('a', x)",
    ],
)
def test_a_call_that_something_keeps_is_not_told(app: App, text: str) -> None:
    assert told(app, f"import contextlib, cv2, os, sys\n{text}\n") == []


def test_code_of_any_depth_is_read(app: App) -> None:
    long = "x = " + " + ".join(f"'{number}'" for number in range(900))
    assert told(app, f"import cv2\n{long}\ncv2.waitKey(1)\n") == ["app.py, line 3 (cv2.waitKey)"]
    chain = "".join(f"elif key == {number}:\n    pass\n" for number in range(900))
    told(app, f"import cv2\nkey = cv2.waitKey(1)\nif key == 0:\n    pass\n{chain}")


def test_modules_are_followed_by_what_imports_name(app: App) -> None:
    main = """
        import cv2
        def main():
            cv2.imshow("a", None)
        if __name__ == "__main__":
            main()
    """
    assert told(app, "import view\ndef main():\n    pass\nmain()\n", view=main) == []
    assert told(app, "from view import main\nmain()\n") == ["view.py, line 4 (cv2.imshow)"]
    assert told(app, "import view as v\nv.main()\n") == ["view.py, line 4 (cv2.imshow)"]
    assert told(app, "from ui import view\nview.main()\n", ui__of__view=main) == [
        "ui/view.py, line 4 (cv2.imshow)"
    ]


def test_an_opencv_of_its_own_may_have_windows(app: App) -> None:
    assert told(app, LOOP)
    assert not told(replace(app, debian=("python3-opencv",)))
    assert not warning(app, frozenset())
    (app.folder / "wheels").mkdir()
    (app.folder / "wheels" / "opencv_python-4.9.0-cp311-cp311-linux_aarch64.whl").touch()
    assert not told(replace(app, wheels="wheels"))


def test_the_plan_tells_the_cure(app: App, caplog: pytest.LogCaptureFixture) -> None:
    (app.folder / "app.py").write_text("import cv2\ncv2.waitKey(1)\n")
    inputs.check_folder(app, Python("3.11", "arm64"), HELD)
    assert caplog.messages == [
        "warning: app.py, line 2 (cv2.waitKey): the image's OpenCV has no windows, and the call "
        "raises cv2.error there; call it only where a display is, and show the picture in a "
        "browser: mediapipe_jetson.live.serve, or run --serve (docs/live-view.md)"
    ]
