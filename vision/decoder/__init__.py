"""VisionLLM's decoder (Wang et al. 2023, arXiv 2305.11175): a language model writes what image tokens are."""
