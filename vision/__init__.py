"""Image and instruction to detections, scene graph and grounded answers."""
