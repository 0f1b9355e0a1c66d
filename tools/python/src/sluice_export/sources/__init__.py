"""Where models come from: a class and its weights, a pickled module, TorchScript, an ExportedProgram, an ONNX file."""
