"""Image and instruction to detections, scene graph and grounded answers; empty until that half is built."""
