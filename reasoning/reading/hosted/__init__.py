"""Questions read by a hosted chat model that writes structured output."""
