"""Names that break what is put together by hand: operators, quotes, control characters, scripts that run both ways."""

AWKWARD = (
    "count", "a ; ~x & !(y)", '\\"', "\\u000A", "a\tb", "\r\n", "\x00", "\u2028", "\u202eשלום", "😀\u0301", "\ud800",
    "²", "-1", " ", "_", "x> } #", "D. C.", "100%", "http://x.org/a b", "http://[", "urn:skylark:entity:a",
)  # fmt: skip
