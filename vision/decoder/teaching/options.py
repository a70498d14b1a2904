"""How a decoder is taught, and the stages in which that happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from reasoning.language.errors import TeachingError
from reasoning.language.teaching.options import WritingOptions

Stage = Literal["binding", "projector", "joint"]
STAGES: tuple[Stage, ...] = get_args(Stage)

Matching = Literal["overlap", "hungarian"]


@dataclass(frozen=True, kw_only=True)
class BoxOptions(WritingOptions):
    """How a student is taught to write boxes.

    Attributes:
        stage: "binding" teaches from text alone which class token a word was given; "projector" what image tokens
            look like, with the language model frozen; "joint" both.
        hidden: width of the projector.
        from_scores, from_boxes, sees_others, guided: see `vision.decoder.shape.Shape`; an adapter that knows pictures
            is taught on with the same, but for `sees_others`.
        image_tokens: of an image, the best ones.
        boxed: of these, whose boxes are written.
        text: share of the passes that are texts in the later stages; binding is kept up by them.
        truth: how much annotated boxes weigh beside the detector's own scores, 0 to 1.
        matching: how annotated boxes are given to tokens, see `targets`.
        fixed_tokens: give each class the same class token in every prompt (to show what random ones are good for).
    """

    stage: Stage = "binding"
    hidden: int = 768
    from_scores: bool = True
    from_boxes: bool = True
    sees_others: bool = False
    guided: bool = False
    image_tokens: int = 50
    boxed: int = 8
    text: float = 0.15
    truth: float = 0.0
    matching: Matching = "overlap"
    fixed_tokens: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_at_least_one("hidden", "image_tokens", "boxed")
        if self.stage not in STAGES:
            raise TeachingError(f"stage is one of {', '.join(STAGES)}, not {self.stage!r}")
        if self.matching not in get_args(Matching):
            raise TeachingError(f"matching is one of {', '.join(get_args(Matching))}, not {self.matching!r}")
        for name in ("text", "truth"):
            if not 0 <= getattr(self, name) <= 1:
                raise TeachingError(f"{name} is a share between 0 and 1, not {getattr(self, name)}")
        if self.boxed > self.image_tokens:
            raise TeachingError(f"boxed is at most image_tokens ({self.image_tokens}), not {self.boxed}")
