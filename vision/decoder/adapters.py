"""What belongs to a decoder beside its LoRA matrices: `boxes.json` and the projector's weights in its folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import reasoning.language
from reasoning.language.errors import LLMError
from vision.decoder.image_tokens import TokenSource
from vision.decoder.shape import Shape
from vision.decoder.vocabulary import MOST_CLASSES

BOXES_FILE, PROJECTOR_FILE = "boxes.json", "projector.safetensors"

FORMAT = 1
"""Of `boxes.json`."""

PACKAGED = Path(reasoning.language.__file__).parent / "adapters" / "boxes"
"""The adapter of the packaged model and the embedded detector; its README says how it was made."""


@dataclass(frozen=True)
class BoxWriting:
    """How a decoder is used.

    Attributes:
        layers: how many of the model's layers are used.
        base: fingerprint of the language model that it was taught on.
        student: its name, None for the embedded one; see `language.local_weights.find_weights`.
        source: name and fingerprint of the detector whose tokens it was taught with.
        vocabulary: of that detector, whose names its evidence speaks in.
        shape: of the parts beside the language model.
        class_tokens: token ids of `<c0>` to `<c511>`.
        stages: what it was taught, in order.
        pictures: that it was taught with, each counted whenever it was seen.
        format: of the file.
    """

    layers: int
    base: str
    student: str | None
    source: tuple[str, str]
    vocabulary: tuple[str, ...]
    shape: Shape
    class_tokens: tuple[int, ...]
    stages: tuple[str, ...] = ()
    pictures: int = 0
    format: int = FORMAT

    @classmethod
    def read(cls, folder: Path) -> BoxWriting:
        """From an adapter's folder.

        Raises:
            LLMError: the folder holds no decoder, a damaged one, or one of a newer form.
        """
        try:
            stored: dict[str, Any] = json.loads((folder / BOXES_FILE).read_text(encoding="utf-8"))
            read = cls(**{**stored, "shape": Shape(**stored["shape"])})
            name, fingerprint = read.source
            read = replace(
                read,
                source=(str(name), str(fingerprint)),
                vocabulary=tuple(map(str, read.vocabulary)),
                class_tokens=tuple(map(int, read.class_tokens)),
                stages=tuple(map(str, read.stages)),
            )
        except FileNotFoundError:
            raise LLMError(f"{folder} holds no adapter that writes boxes: it has no {BOXES_FILE}") from None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise LLMError(f"{folder} holds no adapter that writes boxes ({type(error).__name__}: {error})") from error
        numbers = (read.format, read.layers, read.shape.features, read.shape.width, read.shape.hidden)
        if (
            any(type(number) is not int or number < 1 for number in numbers)
            or len({*read.class_tokens}) != MOST_CLASSES
            or min(read.class_tokens) < 0
            or not isinstance(read.student, str | None)
        ):
            raise LLMError(f"{folder} holds no adapter that writes boxes: expected a format, a number of layers, "
                           f"widths, {MOST_CLASSES} different class tokens and a model's name or null in {BOXES_FILE}; "
                           f"copy it again")  # fmt: skip
        if read.format > FORMAT:
            raise LLMError(f"{folder} has form {read.format}, and this version reads adapters up to form {FORMAT}: "
                           f"install a newer version, or teach it again")  # fmt: skip
        return read

    def write(self, folder: Path) -> None:
        """Into an adapter's folder."""
        (folder / BOXES_FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    def check_source(self, source: TokenSource, folder: Path) -> None:
        """Refuse the tokens of another detector.

        Raises:
            LLMError: they are of another.
        """
        if self.source[1] != source.fingerprint:
            raise LLMError(
                f"{folder} was taught on the image tokens of {self.source[0]} (fingerprint {self.source[1]}), not on "
                f"those of {source.name} ({source.fingerprint}): take that detector, or teach an adapter on this one"
            )
        if self.vocabulary != source.vocabulary:
            raise LLMError(f"{folder} is damaged: the vocabulary in {BOXES_FILE} is not that of {source.name}; copy it "
                           f"again")  # fmt: skip

    def check_base(self, base: str, folder: Path) -> None:
        """Refuse another base model than it was taught on.

        Args:
            base: fingerprint of the model.
            folder: of the adapter, for the message.

        Raises:
            LLMError: it is another.
        """
        if self.base != base:
            raise LLMError(
                f"The adapter {folder} was taught on another base model (fingerprint {self.base}) than this one "
                f"({base}): take that model, or teach an adapter on this one"
            )
