"""`bench.build`: the whole command from nothing, after a change and without one; and its rival."""

# The user's own images keep their names.
REPOSITORY = "mediapipe-jetson-bench"
