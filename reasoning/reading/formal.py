"""Telling a query in the grammar from a question in plain English, both typed into the same box.

A malformed query deserves the grammar's error, which points at a column; a question must never get it.
"""

from __future__ import annotations

import re

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# § stands for a string of the original text. What opens so is in the grammar whatever follows.
_SURELY = re.compile(
    r"[\s(!~-]*(?:(?:entity|count|exists|top|bottom|sum|average|minimum|maximum|every|name_starts|date)\s*\("
    r"|(?:\w+|§)\s*\(\s*(?:§|[~!(\"]|\w+\()"
    r"|\[[^\]]*\bit\b[^\]]*\]\s*\("
    r"|\w[\w^*+.:/-]*\(\s*§"
    r"|(?:today|[\d.]+)\s*[-+*/<>=!]{1,2}\s*(?:\w+|§)\s*\()"
)
_CALL = re.compile(r"[\s(!~]*\w+\(")
_AFTER_STRING = re.compile(r"[\s(!]*§\s*(?:$|[&|)(])")
_WORDS_APART = re.compile(r"\w\s+\w|\)\s*\w")


def looks_formal(text: str) -> bool:
    """Whether a text is meant as a query in the grammar, well formed or not.

    `borders("France") &`, `borders(France)` and `"Paris"` are; `What is the capital of "France"?` is not.
    """
    masked = _STRING.sub("§", text.strip()[:2000])
    if masked.startswith(("~", "!")) or _SURELY.match(masked) or _AFTER_STRING.match(masked):
        return True
    if masked.endswith("?"):
        return False
    if masked.startswith('"'):
        return True  # a string that is never closed
    if _CALL.match(masked):
        # "Country(ies) bordering France" calls nothing: words stand side by side outside the brackets.
        return not _WORDS_APART.search(re.sub(r"\([^()]*\)?", "()", masked))
    return False
