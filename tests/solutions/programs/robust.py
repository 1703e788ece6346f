"""An old program that does what is hard on a library; pickles what came of it.

Arguments: a .npz with `picture` (height, width, 3), a part.
"""

import os
import pickle
import signal
import sys
import threading
import time
from pathlib import Path

OUT = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

import mediapipe as mp
import numpy as np

solutions = mp.solutions
PICTURE = np.load(sys.argv[1])["picture"]
SIZES = ((1, 1), (1, 400), (400, 1), (3, 5), (64, 64), (1500, 40), (2160, 3840))


def faces(result):
    """Return how many faces a result has."""
    return len(result.multi_face_landmarks or [])


def first(result):
    """Return where the first face's first landmark is."""
    point = result.multi_face_landmarks[0].landmark[0]
    return point.x, point.y, point.z


def sizes():
    """Return how many faces images of odd sizes have, and that the picture's comes back."""
    rows = []
    with solutions.face_mesh.FaceMesh(static_image_mode=True) as mesh:
        before = first(mesh.process(PICTURE))
        for size in SIZES:
            count = faces(mesh.process(np.full((*size, 3), 127, np.uint8)))
            rows.append((size, count, first(mesh.process(PICTURE)) == before))
    with solutions.face_mesh.FaceMesh() as mesh:
        small = [
            faces(mesh.process(np.ascontiguousarray(PICTURE[::step, ::step])))
            for step in (1, 2, 1, 3, 1)
        ]
    return rows, small


def masks():
    """Return the shapes of masks of a stream whose frames change their size."""
    with solutions.pose.Pose(enable_segmentation=True) as pose:
        results = [pose.process(PICTURE[: 512 - cut]).segmentation_mask for cut in (0, 40, 0)]
    return [None if mask is None else mask.shape for mask in results]


def in_threads(work, count=3):
    """Return what each of several threads returned, or raised."""
    results = {}

    def one(index):
        try:
            results[index] = work(index)
        except Exception as error:
            results[index] = repr(error)

    threads = [threading.Thread(target=one, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[index] for index in range(count)]


def threads():
    """Return what threads find, each with its own solution, and with one for all."""

    def own(index):
        with solutions.face_mesh.FaceMesh(static_image_mode=bool(index % 2)) as mesh:
            return [faces(mesh.process(PICTURE)) for _ in range(5)]

    with solutions.face_mesh.FaceMesh() as shared:
        together = in_threads(lambda index: [faces(shared.process(PICTURE)) for _ in range(5)])
    return {"own": in_threads(own), "shared": together}


def fork():
    """Return what a child finds by solutions that its parent used, and by a new one."""
    mesh = solutions.face_mesh.FaceMesh(static_image_mode=True)
    whole = solutions.holistic.Holistic(static_image_mode=True)
    expected = first(mesh.process(PICTURE)), whole.process(PICTURE).face_landmarks is not None
    reader, start = os.pipe()
    child = os.fork()
    if not child:
        with solutions.face_mesh.FaceMesh(static_image_mode=True) as new:
            seen = whole.process(PICTURE).face_landmarks is not None
            result = (first(mesh.process(PICTURE)), seen), first(new.process(PICTURE))
        os.write(start, pickle.dumps(result))
        os._exit(0)
    os.close(start)
    with os.fdopen(reader, "rb") as stream:
        got = pickle.loads(stream.read())
    return {
        "status": os.waitpid(child, 0)[1],
        "same": got == (expected, expected[0]),
        "parent": first(mesh.process(PICTURE)) == expected[0],
    }


def interrupt():
    """Return how often Ctrl-C came out of process() as KeyboardInterrupt, and that all went on."""
    came, fine = 0, []
    whole = solutions.holistic.Holistic()
    expected = faces_of(whole)
    for wait in (0.001, 0.004, 0.009, 0.015, 0.022):
        timer = threading.Timer(wait, os.kill, (os.getpid(), signal.SIGINT))
        try:
            timer.start()
            end = time.monotonic() + 30
            while time.monotonic() < end:
                whole.process(PICTURE)
        except KeyboardInterrupt:
            came += 1
        timer.join()
        fine.append(faces_of(whole) == expected)
    whole.close()
    return {"came": came, "fine": fine}


def faces_of(whole):
    """Return whether a face is seen."""
    return whole.process(PICTURE).face_landmarks is not None


def resident_mb():
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def growth():
    """Return resident megabytes along 10,000 frames of faces, and of 200 solutions."""
    frames, created = [], []
    with solutions.face_mesh.FaceMesh(refine_landmarks=True) as mesh:
        for index in range(10_000):
            mesh.process(PICTURE)
            if index % 1000 == 999:
                frames.append(resident_mb())
    for index in range(200):
        with solutions.face_mesh.FaceMesh() as mesh:
            mesh.process(PICTURE)
        if index % 20 == 19:
            created.append(resident_mb())
    return {"frames": frames, "solutions": created}


parts = {
    "sizes": sizes,
    "masks": masks,
    "threads": threads,
    "fork": fork,
    "interrupt": interrupt,
    "growth": growth,
}
OUT.write(pickle.dumps({name: parts[name]() for name in sys.argv[2:]}))
OUT.close()
