"""Names that break what is put together by hand: operators, quotes, control characters, scripts that run both ways."""

from __future__ import annotations

AWKWARD = (
    "count", "entity", "exists", "top", "bottom", "countess", "a b", "~x", "!x", "&", "|", "!", "(", ")", "[x]",
    "r(s)", ",", '"', "'", "\\", '\\"', "\\u000A", "a\tb", "a\nb", "\r\n", "\x00", "\x7f", "\u2028", "\u202eabc",
    "😀", "👩‍👩‍👧", "שלום", "مرحبا", "e\u0301", "é", "ß", "İ", "Δx", "١", "²", "\ud800",
    "1st", "1", "-1", "_", " ", "<x>", "{x}", "x> } #", "?x", "a.", ".a", "a.b.c", "D. C.",
    "%20", "100%", "# a", "a ; DROP ALL",
    "/people/person/born", "http://x.org/a b", "http://x.org/a#b", "http://[", "urn:x", "urn:skylark:entity:a",
)  # fmt: skip
