"""Referring expressions and questions about a picture, read by a small language model that was taught it."""
