"""Models that others serve: which there are, how they are asked, what they cost."""
