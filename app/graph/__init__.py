"""The tab for graphs."""
