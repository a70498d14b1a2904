"""Instructions in plain language, read to typed tasks."""
