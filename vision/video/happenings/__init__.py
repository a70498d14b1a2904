"""What it means that something happens in a video: tracks on one grid of times, and each kind of event's definition."""
