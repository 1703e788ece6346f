"""MediaPipe's TFLite models as ONNX, proven equal; what makes them runs in its own environment."""
