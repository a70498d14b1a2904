"""PaliGemma (Beyer et al. 2024, arXiv 2407.07726): `<loc0123><loc0040><loc0503><loc1023> cat ; ...`, y before x, each
1/1024 of a side."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vision.detectors.transformers_models.language.family import Family, Written, any_of
from vision.detectors.transformers_models.language.grammar import Part, counted, one_of, perhaps, sequence, some, text

BINS = 1024
_OBJECT = re.compile(r"<loc(\d{4})><loc(\d{4})><loc(\d{4})><loc(\d{4})> ([^<]+?) ?(?:;|$)")


class PaliGemma(Family):
    """PaliGemma and PaliGemma 2."""

    caption = "<image>caption en"
    avoid = ";"

    def prompt(self, phrases: Sequence[str]) -> str:
        """See `Family.prompt`."""
        return f"<image>detect {' ; '.join(phrases)}"

    def grammar(self, phrases: Sequence[str], sent: tuple[int, int]) -> Part:
        """See `Family.grammar`."""
        place = one_of(self.tags(f"<loc{number:04}>" for number in range(BINS)))
        written = sequence(place, place, place, place, text(" "), any_of(phrases))
        return perhaps(some(counted(written), text(" ; ")))

    def read(self, written: str, phrases: Sequence[str], sent: tuple[int, int]) -> list[Written]:
        """See `Family.read`."""
        found = []
        for *numbers, phrase in _OBJECT.findall(written):
            top, left, bottom, right = (int(number) / BINS for number in numbers)
            found.append(Written(phrase, (left, top, right, bottom)))
        return found
