"""The shapes of English questions by their subject; `reasoning.reading.rules.grammar` puts them together."""
