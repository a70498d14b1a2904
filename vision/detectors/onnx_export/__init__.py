"""A user's own detector as an ONNX file, in the forms that YOLO's and DETR's exporters write."""
