"""The tab for models."""
