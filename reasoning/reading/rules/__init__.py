"""Questions read by a grammar of English, written by hand: the default until the model reads better."""
