"""What can be seen of a device: one module an observation, each with `read(root)`."""
