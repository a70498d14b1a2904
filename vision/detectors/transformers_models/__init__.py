"""Models of the transformers library as detectors, by their hub name or path."""

from vision.detectors.transformers_models.opening import open_transformers, split_mask_model, with_masks

__all__ = ["open_transformers", "split_mask_model", "with_masks"]
