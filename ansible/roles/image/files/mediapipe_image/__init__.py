"""The device's half of a rollout: receives images, switches between them, goes back by itself.

Python 3.6 and later, standard library only. Run as `mediapipe-image`, by Ansible or by hand.
"""

VERSION = "1"
