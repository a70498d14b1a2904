"""What a family of vision-language models has of its own: its prompts, its way to write boxes, its scale."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from vision.detectors.transformers_models.language.constraint import Spelling
from vision.detectors.transformers_models.language.grammar import Part, control, either, text
from vision.errors import DetectorError


@dataclass(frozen=True)
class Written:
    """An object as a model wrote it.

    Attributes:
        phrase: its class, in the words of the prompt.
        box: x0, y0, x1, y1 in shares (0 to 1) of the image, in any order of the corners.
    """

    phrase: str
    box: tuple[float, float, float, float]


class Family(ABC):
    """A family of vision-language models."""

    caption: str
    """The prompt that a caption answers."""

    chats: bool = False
    """Whether prompts go through the processor's chat template."""

    avoid: str = ""
    """Signs with a meaning of their own in its prompts."""

    def __init__(self, processor: Any, spelling: Spelling) -> None:
        self.processor = processor
        self.spelling = spelling

    @abstractmethod
    def prompt(self, phrases: Sequence[str]) -> str:
        """What asks for the objects of some classes."""

    @abstractmethod
    def grammar(self, phrases: Sequence[str], sent: tuple[int, int]) -> Part:
        """All texts that answer it.

        Args:
            phrases: the classes.
            sent: (width, height) in pixels of the image as the model gets it.
        """

    @abstractmethod
    def read(self, written: str, phrases: Sequence[str], sent: tuple[int, int]) -> list[Written]:
        """The complete objects of a text, in its order; what breaks off in the middle of one is left out.

        Args:
            written: the text, control tokens as they are written.
            phrases: the classes that were asked for.
            sent: as in `grammar`.
        """

    def prepare(self, picture: Any, prompt: str) -> Any:
        """The model's input for one image and a prompt."""
        if self.chats:
            content = [{"type": "image"}, {"type": "text", "text": prompt}]
            prompt = self.processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
            )
        return self.processor(images=[picture], text=[prompt], return_tensors="pt")

    def sent(self, inputs: dict[str, Any]) -> tuple[int, int]:
        """(width, height) in pixels of the image as the model gets it."""
        height, width = inputs["pixel_values"].shape[-2:]
        return int(width), int(height)

    def captioned(self, written: str) -> str:
        """A caption as a person reads it."""
        return written.strip()

    def tag(self, name: str) -> int:
        """The symbol of a control token.

        Raises:
            DetectorError: the tokenizer has no such token.
        """
        return self.tags([name])[0]

    def tags(self, names: Iterable[str]) -> list[int]:
        """The symbols of control tokens, in order.

        Raises:
            DetectorError: the tokenizer lacks one.
        """
        row = list(names)
        if missing := [name for name in row if name not in self.spelling.controls]:
            raise DetectorError(
                f"the tokenizer lacks the token {missing[0]}, with which models of the kind {type(self).__name__} "
                "write boxes: this one was not trained to"
            )
        return [control(self.spelling.controls[name]) for name in row]


def any_of(phrases: Sequence[str]) -> Part:
    """One of some classes."""
    return either([text(phrase) for phrase in phrases])


def listed(phrases: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(phrases[:-1]), phrases[-1]]) if len(phrases) > 1 else phrases[0]
