"""TFLite models as ONNX files, and what judges them."""
