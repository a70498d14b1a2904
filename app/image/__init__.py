"""The tab for images."""
