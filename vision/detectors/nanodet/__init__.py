"""The embedded detector: NanoDet-g 416 by onnxruntime, its weights beside the code."""
