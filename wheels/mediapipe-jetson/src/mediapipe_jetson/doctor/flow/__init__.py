"""What Python code does with MediaPipe, by its syntax tree: values are followed, nothing is run."""
