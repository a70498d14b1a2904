"""A pasted text becomes a graph: passage after passage it is read by a chat model, drawn as it grows, then asked."""
