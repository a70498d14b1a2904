"""The tab for many queries, questions or images at once."""
