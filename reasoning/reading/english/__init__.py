"""General English: forms and meanings of words, numbers in words."""
