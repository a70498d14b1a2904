"""Instructions read by a small language model that was taught it."""
