"""The shipped judge: sincerity.onnx and its card."""
