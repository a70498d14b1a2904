"""The first tab: one box for questions about a graph and about a picture, and two answers to begin with."""
