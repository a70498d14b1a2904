"""Images of strangers, loaded within bounds."""
