"""Instructions that ask for a description or a number rather than for boxes."""

from __future__ import annotations

from vision.reading.instructions.phrases.rules import Reading, Rule, compiled

_WRITTEN_WITH = (
    r"(?:with|by|using|as|through|via|in the form of) (?:(?:a|an|its|their|the|one) ){0,6}(?:[\w-]+ "
    r")?(?:polygon|bounding|box|rectangle|tuple|location|token|mark|outline)"
)

_DESCRIBE = (
    rf"\b(?:please )?describe\b(?! (?:each|every|them|their|all of them|by"
    rf"|with)\b)(?![^.;!?]{{0,60}}{_WRITTEN_WITH})(?: (?:to me|for me|in detail|briefly)){{0,3}}"
    r"(?: what(?: (?:you|is|can|we|i|the image|happens|happening|going|see|shows?|there|on|here)\b)+)?",
    r"\b(?:(?:give|write|provide|produce|generate|make|need|want)(?: me)? )?(?:(?:a|an|one|the|some|short|brief"
    r"|textual|written|verbal|spoken|natural(?:[ -]language)?|plain(?:[ -]english)?|rough|general|overall|vivid"
    r"|accessible|nice|proper|two-sentence|few-word|concise|long|detailed|one-sentence|one-line|quick|good|full)"
    r" ){0,6}"
    r"(?:captions?|descriptions?|summar(?:y|ies)|synopsis)\b(?: (?:of|for) what (?:is|you|we) (?:going on|happening"
    r"|see|in it|there|here|can see))?",
    r"\bcaption (?=(?:the|this|that|my|it)\b)|\bcaptioning\b",
    r"\b(?:(?:give|write|provide|produce|generate|make|need|want)(?: me)? )?(?:(?:a|an|the|some|short|good) ){0,3}"
    r"alt(?:ernative)?[ -]?texts?\b",
    r"\b(?:(?:explain|tell|say|report|state|note|put)(?: (?:me|us|in words)| to (?:\w+ ){0,3}\w+)? )?what (?:the|this"
    r"|my|that|our) "
    r"«image» (?:contains?|shows?|depicts?|holds?|portrays?|is (?:of|about|showing)|has|looks? like)\b"
    r"(?! (?:of|from) (?:the|this|these|that|those|my|our)\b)",
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
    r"\b(?:(?:tell|say|explain|list|report)\b(?: to)?(?: (?:me|us))?(?: please| kindly)? )?"
    r"what (?:you|we|i|one) (?:can |could |may )?(?:see|notice|observe|recognise)\b"
    r"|\btell me what (?:it|this|the «image») shows?\b",
    r"\b(?:tell me|talk|say something) about (?=(?:the|this|my|that) (?:«image»|(?:very |far )?(?:top|bottom|left"
    r"|right|upper|lower|middle|centre|central)\b))|\bexplain (?=(?:the|this|my|that) "
    r"«image»)|\btell me what is (?:in|on) (?=(?:the|this|my|that) «image»|it\b)",
    r"\bwhat kind of (?:place|scene|image|picture|photo) (?:is|do)\b",
)
_COUNT = (
    r"\bhow many\b(?! (?:points|vertices|met(?:er|re)s|centimet(?:er|re)s|cm|inches|feet|kilomet(?:er|re)s|miles"
    r"|years|hours|pixels|pounds"
    r"|kilos?|kilograms|degrees|times)\b)",
    r"(?<!not )(?<!not to )\bcount(?:ing)?(?: up)?\b(?! (?:(?:of )?(?:points|vertices)|from\b))|\b(?:head|body)?count"
    r" of\b"
    r"|\bhead ?count\b|\btally(?: up)?\b"
    r"|\bcounts\b(?! (?:as|for|towards)\b)",
    r"\b(?:(?:what is|tell me|give me|state|report|find|determine|work out|i need|i want|output|return) "
    r"){0,6}(?:the |a )?(?:total |exact |overall |whole )?(?<!serial )(?<!phone )(?<!plate )(?<!model )(?<!house"
    r" )(?<!jersey )number of\b(?! (?:(?:the |polygon |corner |outline |contour"
    r" )*(?:points|vertices)|the polygon|(?:the|its|each|that|their) (?:class|category|label)))",
    r"\b(?:quantity|amount) of\b|\bquantify\b|\bhow often (?:do|does|is|are)\b",
)

_RULES = tuple(
    Rule(compiled(pattern), "kind", kind, negatable=False, kind="wording")
    for kind, patterns in (("describe", _DESCRIBE), ("count", _COUNT))
    for pattern in patterns
)


_UNITS = (
    r"(?:met(?:er|re)s?|centimet(?:er|re)s?|cm|inch(?:es)?|feet|foot|kilomet(?:er|re)s?|miles?|kilos?|kilograms?"
    r"|degrees|pounds)"
)
_UNSEEN = compiled(
    r"\b(?:from|between) (?:one )?frames? (?:to|and) (?:the )?(?:next|frame|another)\b"
    r"|\b(?:across|over) (?:the |all )?(?:frames|time)\b"
    rf"|\b(?:within|at|about|closer than|nearer than|further than|farther than|over|under|less than|more than) (?:a"
    rf" )?«n» {_UNITS}\b"
    r"(?: (?:of|from|to|away from|away) (?:the |my )?(?:camera|lens|viewer|us|me))?"
    rf"|\b(?:in|how many) {_UNITS}\b"
    r"|\bread(?:ing)? (?:out |off )?(?:the |any |its |their )?(?:(?:number|licen[cs]e|registration) plates?|times?"
    r"|texts?|numbers?|plates?|signs?|labels?"
    r"|letters|words"
    r"|writing|licen[cs]e)\b(?: off (?:them|it|each))?"
    r"|\bwhat (?:they|it|he|she|each|each one) (?:is|are|was|were|says?|means?|costs?|weighs?|thinks?|wants?)\b"
    r"(?! (?:in|on|at|near|under|next)\b)(?: (?:called|named|worth|thinking|saying|feeling|made of|wearing|about))?"
    r"|\bwhat (?:is|are) (?:they|it|he|she|each(?: of them)?|everyone|everybody) (?:thinking|saying|feeling|worth"
    r"|called|named"
    r"|made of|planning|singing|hearing)\b"
    r"|(?<=[a-z] )(?:doing|up to|thinking|saying)(?= ?(?:$|\?))"
    r"|\bwho (?:is|are|was|were) (?:he|she|they|that|this|it)\b"
    r"|\bhow (?!many|much|sure|certain|confident|far|strongly|often)[a-z]+ (?:is|are|was|were) (?=the|this|that|these"
    r"|those|my)"
    r"|\bhow (?!many|much|sure|certain|confident|far|strongly)[a-z]+ (?:they|it|each(?: of them| one)?|he|she|these"
    r"|those) (?:is|are)\b"
    r"|\b(?:serial|phone|model|house|page|jersey) numbers?\b(?: of (?:each|them|it|all|every \w+))?"
    r"|(?<!class )\bnames? of (?!(?:(?:the|each|every|its|their|all|this|that|an?) )*(?:class|categor|label|object"
    r"|member|detect|set"
    r"|key|field))[^.;,!?\ue000-\ue004]+"
)
"""What a single picture doesn't show: identities over time, and anything in units of the world."""


def read_kinds(reading: Reading) -> None:
    """Read what asks for a description of the image or for how many there are, and what no picture shows."""
    unseen = [match.span() for match in _UNSEEN.finditer(reading.source.open)]
    reading.unread += unseen
    reading.source.claim(unseen, "filler")
    reading.apply(_RULES)
