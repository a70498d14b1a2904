"""Qwen-VL, whose generations write the same boxes in three ways.

- Qwen2-VL (Wang et al. 2024, arXiv 2409.12191): control tokens around `(x1,y1),(x2,y2)`, thousandths of a side.
- Qwen2.5-VL (Bai et al. 2025, arXiv 2502.13923): a JSON list, in pixels of the image as the processor resized it.
- Qwen3-VL (arXiv 2511.21631): the same list, in thousandths of a side.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from vision.detectors.transformers_models.language.family import Family, Written, any_of
from vision.detectors.transformers_models.language.grammar import (
    Part,
    counted,
    integer,
    perhaps,
    sequence,
    some,
    symbols,
    text,
)

THOUSANDTHS = 1000
_GROUP = re.compile(r"<\|object_ref_start\|>(.+?)<\|object_ref_end\|>((?:<\|box_start\|>[^<]*<\|box_end\|>)+)")
_CORNERS = re.compile(r"\((\d+),(\d+)\),\((\d+),(\d+)\)")
_ENTRY = re.compile(r'\{"bbox_2d": \[\d+, \d+, \d+, \d+\], "label": "(?:[^"\\]|\\.)*"\}')


class _Qwen(Family):
    caption = "Describe this image in one sentence."
    chats = True

    def sent(self, inputs: dict[str, Any]) -> tuple[int, int]:
        """See `Family.sent`; the processor cuts the image into patches and says how many."""
        _, rows, columns = inputs["image_grid_thw"][0].tolist()
        patch = int(self.processor.image_processor.patch_size)
        return columns * patch, rows * patch


class Qwen2VL(_Qwen):
    """Qwen2-VL."""

    def prompt(self, phrases: Sequence[str]) -> str:
        """See `Family.prompt`."""
        return f"Locate every instance that belongs to the following categories: {', '.join(phrases)}."

    def grammar(self, phrases: Sequence[str], sent: tuple[int, int]) -> Part:
        """See `Family.grammar`."""

        def tag(name: str) -> Part:
            return symbols([self.tag(name)])

        corner = sequence(text("("), integer(THOUSANDTHS), text(","), integer(THOUSANDTHS), text(")"))
        box = sequence(tag("<|box_start|>"), corner, text(","), corner, tag("<|box_end|>"))
        name = sequence(tag("<|object_ref_start|>"), any_of(phrases), tag("<|object_ref_end|>"))
        return perhaps(some(sequence(name, some(counted(box)))))

    def read(self, written: str, phrases: Sequence[str], sent: tuple[int, int]) -> list[Written]:
        """See `Family.read`."""
        return [
            Written(phrase, _shares(corners, (THOUSANDTHS, THOUSANDTHS)))
            for phrase, boxes in _GROUP.findall(written)
            for corners in _CORNERS.findall(boxes)
        ]


class Qwen3VL(_Qwen):
    """Qwen3-VL."""

    def prompt(self, phrases: Sequence[str]) -> str:
        """See `Family.prompt`; as in Qwen's cookbook of 2D grounding."""
        return (
            f"Locate every instance that belongs to the following categories: {', '.join(phrases)}. "
            "Report bbox coordinates in JSON format."
        )

    def grammar(self, phrases: Sequence[str], sent: tuple[int, int]) -> Part:
        """See `Family.grammar`."""
        width, height = self._scale(sent)
        comma = text(", ")
        corners = sequence(integer(width), comma, integer(height), comma, integer(width), comma, integer(height))
        label = any_of([json.dumps(phrase, ensure_ascii=False) for phrase in phrases])
        entry = sequence(text('{"bbox_2d": ['), corners, text('], "label": '), label, text("}"))
        entries = sequence(text("\n\t"), some(counted(entry), text(",\n\t")), text("\n"))
        return sequence(text("```json\n["), perhaps(entries), text("]\n```"))

    def read(self, written: str, phrases: Sequence[str], sent: tuple[int, int]) -> list[Written]:
        """See `Family.read`."""
        entries = [json.loads(entry) for entry in _ENTRY.findall(written)]
        return [Written(entry["label"], _shares(entry["bbox_2d"], self._scale(sent))) for entry in entries]

    def _scale(self, sent: tuple[int, int]) -> tuple[int, int]:
        """What width and height are as numbers."""
        return THOUSANDTHS, THOUSANDTHS


class Qwen25VL(Qwen3VL):
    """Qwen2.5-VL."""

    def _scale(self, sent: tuple[int, int]) -> tuple[int, int]:
        return sent


def _shares(corners: Sequence[Any], scale: tuple[int, int]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (int(number) for number in corners)
    return left / scale[0], top / scale[1], right / scale[0], bottom / scale[1]
