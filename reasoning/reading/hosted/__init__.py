"""Questions read by a chat model that nobody taught to: the taught one's prompt, checks and choice, asked in words."""
