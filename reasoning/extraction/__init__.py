"""Texts become a graph: a chat model names triples with the words that say them; what no words say is dropped."""
