"""Kosmos-2 (Peng et al. 2023, arXiv 2306.14824): a caption whose phrases carry boxes, each as the two cells of a
grid of 32 x 32 in which its corners lie, as in
`<phrase> a cat</phrase><object><patch_index_0044><patch_index_0863></object>`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from vision.detectors.transformers_models.language.family import Family, Written, any_of
from vision.detectors.transformers_models.language.grammar import (
    Part,
    counted,
    either,
    one_of,
    perhaps,
    sequence,
    some,
    symbols,
    text,
)

NEXT = "</delimiter_of_multi_objects/>"
ARTICLES = (" ", " a ", " an ", " the ")
_GROUP = re.compile(r"<phrase> (.+?)</phrase><object>(.+?)</object>")
_PAIR = re.compile(r"<patch_index_(\d{4})><patch_index_(\d{4})>")


class Kosmos2(Family):
    """Kosmos-2: the caption may hold nothing but the classes that are asked for."""

    caption = "An image of"

    def prompt(self, phrases: Sequence[str]) -> str:
        """See `Family.prompt`; the model isn't told the classes, it is held to them."""
        return "<grounding> An image of"

    def grammar(self, phrases: Sequence[str], sent: tuple[int, int]) -> Part:
        """See `Family.grammar`."""

        def tag(name: str) -> Part:
            return symbols([self.tag(name)])

        cell = one_of(self.tags(f"<patch_index_{number:04}>" for number in range(self._cells())))
        boxes = some(counted(sequence(cell, cell)), tag(NEXT))
        article = either([text(words) for words in ARTICLES])
        named = sequence(tag("<phrase>"), article, any_of(phrases), tag("</phrase>"))
        written = sequence(named, tag("<object>"), boxes, tag("</object>"))
        return sequence(perhaps(some(written, either([text(","), text(" and")]))), text("."))

    def read(self, written: str, phrases: Sequence[str], sent: tuple[int, int]) -> list[Written]:
        """See `Family.read`; cells become coordinates as in the model's own reading."""
        from transformers.models.kosmos2.processing_kosmos2 import patch_index_to_coordinate

        side = math.isqrt(self._cells())
        found = []
        for named, boxes in _GROUP.findall(written):
            phrase = named if named in phrases else named.partition(" ")[2]
            for first, second in _PAIR.findall(boxes):
                first_cell, second_cell = int(first), int(second)
                # Whichever corners the two are, the box lies between them.
                top, bottom = sorted((first_cell // side, second_cell // side))
                left, right = sorted((first_cell % side, second_cell % side))
                corners = patch_index_to_coordinate(top * side + left, bottom * side + right, side)
                found.append(Written(phrase, corners))
        return found

    def captioned(self, written: str) -> str:
        """See `Family.captioned`."""
        return f"{self.caption} {written.strip()}"

    def _cells(self) -> int:
        return int(self.processor.num_patch_index_tokens)
