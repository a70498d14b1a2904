"""Teaching a language model to read questions: domains that people wrote, schemas drawn from them, lessons."""
