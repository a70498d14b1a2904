"""A causal language model taught to write short formal texts behind a prompt, held to a grammar, with probabilities."""
