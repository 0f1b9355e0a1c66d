"""From a model in PyTorch to one ONNX file that the service loads."""
