"""TensorRT engines: their sources, manifest, store, and layer in an image."""
