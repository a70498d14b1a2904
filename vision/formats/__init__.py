"""Output formats: detections to text and back."""
