"""The contract of the container on a device, and what is held to it."""
