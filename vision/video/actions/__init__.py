"""Actions over time: which action each moment of a video belongs to (DTGRM, Wang et al. 2021)."""
