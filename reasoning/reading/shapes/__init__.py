"""The shapes of English questions by their subject; `reasoning.reading.grammar` puts them together."""
