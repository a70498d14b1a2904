"""Teaching a language model to write boxes: first to bind words to class tokens, from text alone, then images."""
