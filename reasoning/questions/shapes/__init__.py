"""The shapes of English questions by their subject; `reasoning.questions.grammar` puts them together."""
