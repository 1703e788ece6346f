"""A user's own application in the image: settings, lock, layers, tests, and how it runs."""
