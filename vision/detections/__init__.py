"""The value type of this room and what is done with it."""
