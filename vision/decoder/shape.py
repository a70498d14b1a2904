"""What the parts of a decoder beside its language model are like."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """What the parts beside the language model are like.

    Attributes:
        features: width of an image token's features.
        width: of the language model.
        hidden: width of the projector.
        from_scores: whether a token's vector begins with the detector's own evidence, as a mix of its classes' names.
        from_boxes: whether l_i holds the detector's box; else the cell's middle and size alone.
        sees_others: whether a slot sees the class slots of its image.
        guided: whether the instruction's names are attended to by each token before it enters the language model.
        fixed_tokens: whether each class of the detector has the same class token in every prompt.
    """

    features: int
    width: int
    hidden: int = 768
    from_scores: bool = True
    from_boxes: bool = True
    sees_others: bool = False
    guided: bool = False
    fixed_tokens: bool = False
