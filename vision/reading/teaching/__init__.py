"""Teaching a language model to read instructions and expressions."""
