"""General English: common words, forms of words, numbers in words, adjectives of places."""
