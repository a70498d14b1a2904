"""Instructions as the model writes them, and as tasks."""
