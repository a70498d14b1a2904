"""What teaches the language model its jobs: examples, samplers, the training loop; in a checkout, not in the wheel."""
