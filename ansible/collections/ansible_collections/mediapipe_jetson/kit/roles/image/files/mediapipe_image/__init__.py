"""The device's half of a rollout: receives images, switches between them, goes back by itself.

Python 3.6 and later, standard library only. Run as `mediapipe-image`, by Ansible or by hand.
"""

PACKAGE = "mediapipe_image"
# Raised with each change of what a controller may ask, or of what it is answered.
PROTOCOL = 3
