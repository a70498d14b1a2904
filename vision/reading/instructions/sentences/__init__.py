"""Sentences of orders: which words are verbs, which name something in the image."""
