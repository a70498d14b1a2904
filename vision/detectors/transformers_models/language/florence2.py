"""Florence-2 (Xiao et al. 2023, arXiv 2311.06242): `cat<loc_12><loc_40><loc_503><loc_999>`, a thousandth of a side
each; further boxes of the same class follow without its name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vision.detectors.transformers_models.language.family import Family, Written, any_of, listed
from vision.detectors.transformers_models.language.grammar import (
    Part,
    counted,
    one_of,
    perhaps,
    sequence,
    some,
    symbols,
)

BINS = 1000
_GROUP = re.compile(r"([^<]+)((?:<loc_\d+>){4,})")
_BIN = re.compile(r"<loc_(\d+)>")


class Florence2(Family):
    """Florence-2 by its task of grounding the phrases of a caption, the one that takes several."""

    caption = "<DETAILED_CAPTION>"

    def prompt(self, phrases: Sequence[str]) -> str:
        """See `Family.prompt`."""
        return f"<CAPTION_TO_PHRASE_GROUNDING>A photo of {listed(phrases)}."

    def grammar(self, phrases: Sequence[str], sent: tuple[int, int]) -> Part:
        """See `Family.grammar`."""
        place = one_of(self.tags(f"<loc_{number}>" for number in range(BINS)))
        boxes = some(counted(sequence(place, place, place, place)))
        begin = symbols([self.tag(self.processor.tokenizer.bos_token)])  # its decoder is trained to write it first
        return sequence(begin, perhaps(some(sequence(any_of(phrases), boxes))))

    def read(self, written: str, phrases: Sequence[str], sent: tuple[int, int]) -> list[Written]:
        """See `Family.read`; a bin stands for its middle, as in Florence-2's own reading."""
        found = []
        for phrase, tokens in _GROUP.findall(written.partition(self.processor.tokenizer.bos_token)[2]):
            places = [(int(number) + 0.5) / BINS for number in _BIN.findall(tokens)]
            for start in range(0, len(places) - 3, 4):
                left, top, right, bottom = places[start : start + 4]
                found.append(Written(phrase, (left, top, right, bottom)))
        return found
