"""A package for phones and other edge devices: the model in onnxruntime's own format, and the operators it needs."""
