"""Teaching a language model to read instructions."""
