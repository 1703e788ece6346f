"""verify on this machine, in an image, and on a fleet."""
