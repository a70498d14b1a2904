"""What teaches the language model its jobs: lessons, samplers, the training loop; in a checkout, not in the wheel."""
