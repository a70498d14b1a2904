"""Images: loaded within bounds, sent through detectors, drawn on."""
