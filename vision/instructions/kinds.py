"""Instructions that ask for a description or a number rather than for boxes."""

from __future__ import annotations

from vision.instructions.rules import Reading, Rule, compiled

_WRITTEN_WITH = (
    r"(?:with|by|using|as|through|via|in the form of) (?:(?:a|an|its|their|the|one) ){0,6}(?:[\w-]+ "
    r")?(?:polygon|bounding|box|rectangle|tuple|location|token|mark|outline)"
)

_DESCRIBE = (
    rf"\b(?:please )?describe\b(?! (?:each|every|them|their|all of them|by"
    rf"|with)\b)(?![^.;!?]{{0,60}}{_WRITTEN_WITH})(?: (?:to me|for me|in detail|briefly)){{0,3}}"
    r"(?: what(?: (?:you|is|can|we|i|the image|happens|happening|going|see|shows?|there|on|here)\b)+)?",
    r"\b(?:(?:give|write|provide|produce|generate|make|need|want)(?: me)? )?(?:(?:a|an|one|the|some|short|brief"
    r"|concise|long|detailed|one-sentence|one-line|quick|good|full) ){0,6}"
    r"(?:captions?|descriptions?|summar(?:y|ies)|synopsis)\b(?: (?:of|for) what (?:is|you|we) (?:going on|happening"
    r"|see|in it|there|here|can see))?",
    r"\bcaption (?=(?:the|this|that|my|it)\b)|\bcaptioning\b",
    r"\bsummaris(?:e|ing)\b|\bsum up\b",
    r"\bwhat (?:does|do)\b(?=[^.;!?]{0,50}\b(?:show|contain|depict|hold|look like|consist)\b)"
    r"|\bwhat (?:am i looking at|is this (?:a|an) (?=«image» of\b))",
    r"\bwhat can be (?:seen|found|made out|observed)\b",
    r"\bwhat (?:is|are|'s) (?:(?:being )?(?:shown|depicted|pictured|visible|displayed|going on|happening|to be seen"
    r"|seen|present|there to see|up)|here|there|this)\b"
    r"(?: (?:here|there|in here))?(?= ?(?:$|[.;!?,]|in |on |at |for |and |here|here\b|right|\ue001))",
    r"\bwhat (?:is|'s) (?:there )?(?=(?:in|on|at|within) (?:(?:the|this|that|my|your) ){0,6}(?:«image»|(?:(?:upper"
    r"|lower|very|far|top|bottom|left|right|middle|centre|central)"
    r"[ -]?(?:hand )?)+(?:half|side|corner|third|quarter|quadrant|part|area|region|edge)?(?:«of image»)?(?= ?(?:$"
    r"|[.;!?,]|and )))|in it\b|in here\b)",
    r"\bwhat (?:(?:else )?(?:can|could|do|did) (?:you|we|i|one) (?:see|make out|notice|observe|recognise)|does (?:it"
    r"|this|that|(?:the|this|my) «image») (?:show|depict|contain|represent|look like))\b",
    r"\b(?:tell me |say |explain |list |report )?what (?:you|we|i) (?:can )?(?:see|notice|observe|recognise)\b"
    r"|\btell me what (?:it|this|the «image») shows?\b",
    r"\b(?:tell me|talk|say something) about (?=(?:the|this|my|that) «image»)|\bexplain (?=(?:the|this|my|that) "
    r"«image»)|\btell me what is (?:in|on) (?=(?:the|this|my|that) «image»|it\b)",
    r"\bwhat kind of (?:place|scene|image|picture|photo) (?:is|do)\b",
)
_COUNT = (
    r"\bhow many\b(?! (?:points|vertices))",
    r"\bcount(?:ing)?(?: up)?\b(?! (?:of )?(?:points|vertices))|\b(?:head|body)?count of\b|\btally(?: up)?\b"
    r"|\bcounts\b",
    r"\b(?:(?:what is|tell me|give me|state|report|find|determine|work out|i need|i want|output|return) "
    r"){0,6}(?:the |a )?(?:total |exact |overall |whole )?number of\b(?! (?:points|vertices|the polygon))",
    r"\b(?:quantity|amount) of\b",
)

_RULES = tuple(
    Rule(compiled(pattern), "kind", kind, negatable=False, kind="wording")
    for kind, patterns in (("describe", _DESCRIBE), ("count", _COUNT))
    for pattern in patterns
)


def read_kinds(reading: Reading) -> None:
    """Read what asks for a description of the image or for how many there are."""
    reading.apply(_RULES)
