"""What people type, brought to the words of the grammar: one spelling of each thing, and nothing that says nothing."""

from __future__ import annotations

import re
import unicodedata

from vision.reading.expressions.adjectives import ACTIVITIES

_FUNCTION = (
    "and|or|but|not|that|which|who|is|are|was|were|in|on|at|to|of|near|next|by|beside|behind|under|above|below|over|with"
    "|without|from|has|have|inside|left|right|between|holding|wearing|sitting|standing|lying"
)
_BESIDE = "near|by|at|above|below|behind|beside|next to|close to"
_OWNER = r"\b(the|an?|this|that) ((?:\w+ ){0,2}?\w+)'s "
_REWRITTEN = (
    (r"\b(what|who|where|that|there|which|how)'s\b", r"\1 is"),
    (r"\b(is|are|was|were|does|do|did|has|have)n't\b", r"\1 not"),
    (r"\bcan't\b", "can not"),
    (r"\bi'm\b", "i am"),
    (r"\bthey're\b", "they are"),
    (r"[-_/]", " "),
    (r"&", " and "),
    (r"\s*,\s*(?=and\b|or\b)", " "),
    (r"\s*,\s*", " , "),
    (r'["“”()\[\]]', " "),
    (r"[.?!;:,\s]+$", ""),
    (r"[;:]", " , "),
    (r"^(?:hi|hello|hey|ok|okay|please|so)\b[ ,]*", ""),
    (r"[ ,]*\bplease$", ""),
    (r"\s+", " "),
    (_OWNER + r"(hands?|arms?|mouth|lap|grip|back|head|shoulders?|neck|feet|foot)\b", r"the \3 of \1 \2"),
    (rf"\b({_BESIDE}) the (?:left |right )?(?:hands?|arms?|head|feet|foot|legs?) of\b", r"\1"),
    (_OWNER + rf"((?:(?!(?:{_FUNCTION})\b)\w+ ?)+)", r"the \3 held by \1 \2 "),
    (r"\s+", " "),
)


def tidy(text: str) -> str:
    """Lower case, contractions written out, hyphens and closing marks gone, single spaces."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'").lower()
    for pattern, replacement in _REWRITTEN:
        text = re.sub(pattern, replacement, text)
    for pattern, replacement in ACTIVITIES.items():
        text = re.sub(rf"\b(?:{pattern})\b", replacement, text)
    return text.strip()
