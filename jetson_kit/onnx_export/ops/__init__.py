"""How each operator of TFLite is written in ONNX, by family."""
