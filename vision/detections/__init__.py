"""The objects found in an image as one value, with its formats, outlines and drawings."""
