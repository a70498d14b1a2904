"""An instruction's text in one spelling, and which parts of it have been read.

Every rule claims the words that it read. What nobody claimed is a word without meaning of its own or must be told
to the user, so nothing is dropped without a word. The rules see one spelling (British, no contractions, straight
quotes, single spaces), the user sees the words as they stand in the instruction: each character knows where it came
from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from vision.classes.phrases import COLOURS
from vision.reading.instructions.words.emoji import emoji_name, is_emoji

ClaimKind = Literal["output", "selection", "class set", "wording", "filler"]

MARKS: dict[ClaimKind, str] = {
    "output": "\ue000",
    "selection": "\ue001",
    "class set": "\ue002",
    "wording": "\ue003",
    "filler": "\ue004",
}
"""What stands in place of claimed characters, so that no pattern reads across or into a claimed part."""

_CHARACTERS = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»″", '"'),
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("‐‑‒–−", "-"),
        **dict.fromkeys("—―•·", ";"),
        **dict.fromkeys("\u00a0\u2007\u202f\u3000\u200b\u200c\u200d\u2060\ufeff\t\r\v\f", " "),
        **dict.fromkeys("\ue000\ue001\ue002\ue003\ue004", " "),
    }
)
"""One character for another, so that positions stay."""

_COLOUR = "|".join(sorted(COLOURS, key=len, reverse=True))
_REWRITES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\+(?=[\"'])", ""),
        (r"…", "..."),
        *(
            (rf"\b(?:zero |nought |oh )?point {word}\b", f"0.{digit}")
            for digit, word in enumerate(
                ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), start=1
            )
        ),
        (r"\n[ \n]*\n[ \n]*|\n ?(?=[-*;] |\d+[.)] )", "; "),
        (r"(?<=; )(?:[-*;] |\d+[.)] )", ""),
        (r"[\n ]+", " "),
        (r"(?<![\d\]>]) --? (?![\d\[<])|(?<=%) --? (?=[^\W\d])", " ; "),
        (r"×", "x"),
        (r"²", "^2"),
        (r"½", "0.5"),
        (r"¼", "0.25"),
        (r"¾", "0.75"),
        (r"\b(?:per ?cent|pct)\b", "%"),
        (r"\b(?:percentage|percents?)\b(?= of)", "%"),
        (r"\bcan(?:no|')t\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"\bmustn't\b", "must not"),
        (r"n't\b", " not"),
        (r"\bi'?m\b", "i am"),
        (r"\b(do|does|did|is|are|was|were|has|have|could|would|should)nt\b", r"\1 not"),
        (r"\bcant\b", "can not"),
        (r"\bwont\b", "will not"),
        (r"\b(what|where|who|that|there|how|here)s\b(?! (?:of|for)\b)", r"\1 is"),
        (r"\b(?:u|ya)\b", "you"),
        (r"\bwot\b", "what"),
        (r"\bteh\b", "the"),
        (r"\bda (?=[a-z]+\b)", "the "),
        (r"(?<!\w)'em\b", "them"),
        (r"\bur\b(?= (?:most|least|very|really|so|not|sure|confident|certain))", "you are"),
        (r"\bur\b", "your"),
        (r"(?<=\w) n (?=\w)|(?<=\w) 'n'? (?=\w)", " and "),
        (r"(?:^|(?<=[a-z] ))r (?=[a-z]{2,})", "are "),
        (r"\blmk\b", "let me know"),
        (r"\bnear of\b", "near"),
        (r"\bhow much (?=(?:[a-z]+ )?(?:people|[a-z]+[a-rt-z]s) (?:is|are|do|does|can|there|you)\b)", "how many "),
        (r"\b((?:small|larg|bigg|wid|tall|high|low|narrow|short)er|more|less|fewer) as (?=\d)", r"\1 than "),
        (r"\bwant know\b", "want to know"),
        (r"\bwanna\b", "want to"),
        (r"\bgonna\b", "going to"),
        (r"\bgotta\b", "have to"),
        (r"\bg(?:im|imm)e\b", "give me"),
        (r"\blemme\b", "let me"),
        (r"\bb(?:ou|u)ndin box", "bounding box"),
        (r"\bw/o\b", "without"),
        (r"\bw/(?= )", "with"),
        (r"\bincl?\b\.?", "including"),
        (r"\bexcl?\b\.?", "excluding"),
        (r"\bimgs?\b", "image"),
        (r"(?<=\w) ?(?:->|=>|→) ?(?=[a-z])", " ; "),
        (r"'re\b", " are"),
        (r"'ve\b", " have"),
        (r"'ll\b", " will"),
        (
            r"'d\b(?= (?:like|love|want|prefer|need|rather|be|appreciate|really|just|also|much|so|ever|kindly|please))",
            " would",
        ),
        (
            r"\bwould (?:(?:really|just|so|very much|dearly) )*(?:love|prefer|appreciate|enjoy|be keen|be delighted"
            r"|be happy)\b",
            "would like",
        ),
        (r"\b(what|where|who|there|that|it|which|how|here|he|she)'s\b", r"\1 is"),
        (r"\blet's\b", "let us"),
        (r"\bcenter(?=s?\b|line|most|point|ed\b)", "centre"),
        (r"\bcentering\b", "centring"),
        (r"\bgray(?=\b|ish)", "grey"),
        (r"\bcolor", "colour"),
        # "the umbrella which has colour black", "of a red colour": said as "that is black"
        (
            rf"\b(?:(?:which|that|who) (?:have|has)|with|having|of|in) (?:an? "
            rf"|the )?({_COLOUR})[ -]colour(?! \w+s\b)\b",
            r"that are \1",
        ),
        (
            rf"\b(?:(?:which|that|who) (?:have|has)|with|having|of|in) (?:an? "
            rf"|the )?colour(?: of)? ({_COLOUR})\b(?! \w+s\b)",
            r"that are \1",
        ),
        (
            r"\b((?:un)?normal|summar|recogn|visual|character|local|categor|minim|maxim|quant|discret|rasterr?|organ)"
            r"iz(?=e|ing|ation)",
            r"\1is",
        ),
    )
)
"""Spellings that mean the same, brought to one; `\\1` is the first group."""

_MOST_PICTURES = 50
"""Different ones that are read; the text is gone through once for each."""
_BLANKS = re.compile("[" + "".join(MARKS.values()) + "]")


@dataclass(frozen=True)
class Claim:
    """A part of the canonical text, [start, end), that a rule has read."""

    start: int
    end: int
    kind: ClaimKind


class Source:
    """An instruction in the spelling that the rules read, with what has been claimed of it.

    Args:
        original: the instruction as it was given.

    Attributes:
        text: the canonical spelling, in lower case.
        open: the same with every claimed character replaced by the mark of its claim's kind.
    """

    def __init__(self, original: str) -> None:
        self.original = original
        text = "".join(
            low if len(low := character.lower()) == 1 else character for character in original.translate(_CHARACTERS)
        )
        starts = list(range(len(text)))
        ends = list(range(1, len(text) + 1))
        pictures = sorted(set(filter(is_emoji, text)))[:_MOST_PICTURES]
        any_picture = "[" + "".join(map(re.escape, pictures)) + "]"
        for picture in pictures:
            beside = re.compile(rf"{re.escape(picture)}(?= ?{any_picture})")
            text, starts, ends = _rewritten(beside, f"{picture}, " if emoji_name(picture) else " ", text, starts, ends)
        for picture in pictures:
            text, starts, ends = _rewritten(
                re.compile(re.escape(picture)), f" {emoji_name(picture)} ", text, starts, ends
            )
        for pattern, replacement in _REWRITES:
            text, starts, ends = _rewritten(pattern, replacement, text, starts, ends)
        self.text = text
        self.open = text
        self._starts, self._ends = starts, ends
        self._claims: list[Claim] = []

    def original_at(self, start: int, end: int) -> str:
        """The words of the instruction from which canonical characters [start, end) come."""
        if start >= end:
            return ""
        return self.original[self._starts[start] : max(self._ends[start:end])]

    def claim(self, spans: Iterable[tuple[int, int]], kind: ClaimKind) -> None:
        """Mark parts as read."""
        new = [Claim(start, end, kind) for start, end in spans if end > start]
        if not new:
            return
        self._claims.extend(new)
        pieces, last = [], 0
        for piece in sorted(new, key=lambda piece: piece.start):
            if piece.end <= last:
                continue
            start = max(piece.start, last)
            pieces += [self.open[last:start], MARKS[kind] * (piece.end - start)]
            last = piece.end
        self.open = "".join([*pieces, self.open[last:]])

    def release(self, start: int, end: int) -> None:
        """Take back what was claimed inside [start, end), for a reader that needs those words as they are."""
        self._claims = [claim for claim in self._claims if claim.end <= start or claim.start >= end]
        self.open = self.open[:start] + self.text[start:end] + self.open[end:]

    def blank(self, position: int) -> bool:
        """Whether the character at a position has been claimed."""
        return _BLANKS.match(self.open, position) is not None


def _rewritten(
    pattern: re.Pattern[str], replacement: str, text: str, starts: Sequence[int], ends: Sequence[int]
) -> tuple[str, list[int], list[int]]:
    pieces: list[str] = []
    new_starts: list[int] = []
    new_ends: list[int] = []
    last = 0
    for match in pattern.finditer(text):
        low, high = match.span()
        put = match.expand(replacement)
        pieces += [text[last:low], put]
        new_starts += starts[last:low]
        new_ends += ends[last:low]
        if high > low:
            new_starts += [starts[low]] * len(put)
            new_ends += [ends[high - 1]] * len(put)
        last = high
    if not pieces:
        return text, list(starts), list(ends)
    pieces.append(text[last:])
    new_starts += starts[last:]
    new_ends += ends[last:]
    return "".join(pieces), new_starts, new_ends
