"""Reads messages that another program pickled; writes their texts to standard output, pickled."""

import pickle
import sys
from pathlib import Path

import mediapipe as mp

assert mp.solutions
pickles = pickle.loads(Path(sys.argv[1]).read_bytes())
sys.stdout.buffer.write(pickle.dumps([str(pickle.loads(one)) for one in pickles]))
