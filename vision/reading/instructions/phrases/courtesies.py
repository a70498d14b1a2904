"""What people write around an instruction: greetings, thanks, steps, what it is for, that nothing else is wanted.

The task is the same without it, so it is passed over; left to the parser, "dear computer" would be looked for in the
picture. A pattern must never hold the only thing that is asked for: "find the man" ends in a man.
"""

from __future__ import annotations

import re

from vision.reading.instructions.phrases.rules import Reading, compiled
from vision.reading.instructions.words.numbers import NUMBER
from vision.reading.instructions.words.wording import PURPOSES

_ADDRESSED = (
    r"(?:there|all|team|folks|guys|everyone|everybody|mate|buddy|pal|friend|dear|computer|machine|robot|bot|assistant"
    r"|ai"
    r"|model|system|skylark|vision ?llm|detector|sir|madam|again|you)"
)
_PRAISE = (
    r"(?:great|ace|nice|lovely|helpful|appreciated|enough|fine|good|awesome|perfect|brilliant|wonderful|ideal|cool"
    r"|super"
    r"|kind|sweet|fab|fabulous|fantastic|amazing|excellent|best|handy|useful|splendid|grand|okay|ok|all right|alright"
    r"|preferred|preferable|a (?:great |big |real )?help|much obliged)"
)
_COURTESIES = tuple(
    compiled(pattern)
    for pattern in (
        # greetings
        r"^(?:(?:hi|hello|hey|hiya|heya|howdy|yo|oi|greetings|good (?:morning|afternoon|evening|day)|dear(?= [a-z]+,)"
        r"|okay|ok|right(?=[,!.;:])|well(?=[,!.;:])"
        rf"|ooh+|oh+|aha?|um+|uh+|erm*|hmm+|alright|all right|so(?=,))\b(?: {_ADDRESSED}\b)*[ ,!.;:]*)+",
        r"\bstep (?:\d+|one|two|three|four|five)\b ?[:.)-]?|\b[a-z] ?= ?(?=\d)",
        r"[:;]-?[)(dp](?!\w)|\bxd\b|<3(?!\d)",
        r"\b(?:lol|lmao|rofl|haha+|hehe+|omg|wow|whoa|yay|tbh|imo|imho|btw|fyi|idk)\b"
        r"|(?<=, )(?:dude|bro|man|mate)(?= ?[.!,]| *$)",
        r"\b(?:do you have |got |have you )?any idea\b|\bno idea\b|\bguess what\b|\byou know\b(?=,)",
        # thanks
        r"\b(?:with )?(?:many |much |kind )?(?:thanks?(?: you)?|thankyou|thx|thnx|tnx|ta|cheers|merci|gracias|danke"
        r"|much obliged|(?:much )?appreciated|(?:i )?appreciate it)\b"
        r"(?: (?:ever so much|so very much|so much|very much|a lot|lots|a bunch|a million|loads|in advance|again"
        r"|anyway|kindly"
        rf"|for (?:your|the|all) (?:help|time)|for (?:that|this|helping|looking)|{_ADDRESSED})\b)*",
        r"\b(?:kind |best |warm )?regards\b",
        r"\b(?:is|are|will be|would be) (?:just |perfectly |absolutely |quite )?(?:fine|ok|okay|enough|good"
        r"|sufficient|all right|alright|great|plenty)\b"
        r"(?: (?:for|with|by) (?:me|us|now))?(?= ?(?:$|[.,;!?)]))",
        # who wants it
        r"\b(?:my|our|the|his|her|your) \w+ (?:(?!(?:and|or|we|i|you|that|which|is|are|be) )\w+ )?(?:says?|said"
        r"|thinks?|claims?|claimed|told me|tells me|wants?"
        r"|wanted|asked(?: me)?(?: for)?|asks (?:me )?for|calls for|requires?|demands|insists?(?: on)?|reckons?"
        r"|would like|needs?)(?: to (?:see|have|know|find|get))?(?: that)?(?: (?:there (?:is|are)|i have|we have))?\b",
        r"^(?:[a-z]+ ){1,3}(?:complained|noticed|decided|agreed|struggled|argued)\b[^.;:!?]{0,200}[.;:!]",
        r"(?:^|(?<=[.;!] ))(?:i|we) (?:(?:own|run|manage|operate|study|teach|live|sell|breed|collect|work (?:in|at"
        r"|for|as|on))"
        r"|am an?|are an?|am (?:working|writing|building|preparing|doing|making"
        r"|studying))\b[^.;:!?]{0,200}[.;!](?= \S)",
        r",? ?\b(?:will|would|could|can) you(?= ?(?:$|[.?!]))",
        r"\bto be (?:found|detected|located|boxed|marked|identified)\b",
        r"\bfor (?:an?|the|our|my) (?:[a-z]+ )?(?:review|audit|analysis|check|inspection|overview|survey|study|report)"
        r"(?: (?:of|on) (?:[a-z]+ )?[a-z]+)?(?= ?(?:$|[.,;!?)]))",
        r"(?:^|(?<=[.;!] ))(?:the|this|my|our) «image» (?:shows?|depicts?|is (?:of|from)|was taken (?:in|at|on))\b"
        r"[^.;:!?]{1,100}[.;](?= \S)(?! ?(?:[\w']+ ){1,4}(?:it|him|her|them|both)\b)",
        r"\b(?:got to|gone(?: to)?|hiding|hidden|ended up)(?= ?(?:$|[?.!]))",
        r"\b(?:i|we) (?:have got|have|got) (?:an?|this|some|these) «image» (?:of|from) [^.;:!?]{1,60}[.:;]"
        r"(?= \S)(?! ?(?:[\w']+ ){1,4}(?:it|him|her|them|both)\b)",
        r"\bfancy (?=[a-z]+ing\b)",
        r"\b(?:your )?best guess(?: (?:at|of|for|about))\b",
        r"^as an? (?:[a-z]+ ){1,3}(?=(?:i|we) (?:need|want|would|require|am|are)\b)",
        r"(?:^|(?<=, ))(?:whether [^.;:!?,]{1,60}|[a-z]+) or not\b,?",
        rf"\bin (?:an?|a few|{NUMBER}) (?:short |plain |simple )?(?:sentences?|words?|lines?|paragraphs?)\b",
        r"\b(?:no|without|not|omit) (?:any )?(?:markdown|prose|explanations?|comments?|commentary|preamble|chatter"
        r"|headers?"
        r"|code (?:fence|block)s?|(?:extra|further|other|additional) (?:text|words|prose))\b",
        r"\bfeed it (?=[a-z])(?!(?:and|please|now|then|to|a|an|the|some)\b)",
        r"\bi wish (?:someone|somebody|anyone|you) (?:would|could)\b",
        r"\b(?:i|we) (?:have |just )*(?:uploaded|attached|took|taken|snapped|photographed"
        r"|enclosed) [^.;:!?]{1,200}[.;:!?]",
        r"^(?:(?:this|here|attached) is )?(?:a|an|the|my|our) «image» (?:of|from) [^.;:!?]{1,60}[.:]"
        r"(?= \S)(?! ?(?:[\w']+ ){1,4}(?:it|him|her|them|both)\b)",
        r"\bit (?:should|must|shall|has to|needs to|is to|ought to) (?:be (?:detected|found|marked|shown|boxed|located"
        r"|annotated|labelled|listed)\b|(?=be (?:segmented|outlined|counted)\b))",
        # please
        r"\b(?:pl+[sz]+|plse|plea{2,}se+|please{2,}|pretty please)\b",
        r"\bif (?:(?:you|it|that|this)(?: (?:would|could|can|will|do|does|is|are|were|may|might|has|have|'d))*(?:"
        r" not)?)?"
        r"(?: ?(?:be|mind|please|so|at all|quite|all|too|much|very))*"
        r" (?:kind|nice|good|possible|okay|ok|all right|alright|fine|able|convenient|trouble|like|wish|want|prefer"
        r"|please"
        r"|mind|feasible|need be|poss)\b(?: enough)?(?: to\b)?(?! (?:a|an|the|more|less|at)\b)",
        rf"\b(?:it|that) (?:would|will) be (?:so |really |very )*{_PRAISE} (?:to (?:have|get|see|know|find)|if (?:you"
        rf"|i|we) (?:could|would|can|had))",
        rf"(?:,? ?\b(?:that|it|this|which))? (?:would|will|might) (?:be|do|work)\b(?: (?:so|really|just|very"
        rf"|absolutely|more"
        rf"|most|much|all) ?)*(?: {_PRAISE})?(?: (?:of|for) (?:you|me|us))?(?= ?(?:$|[.,;!?)]|and\b|but\b))",
        r"\b(?:would|do) you mind\b|\bi (?:would|will) (?:be (?:so |very |really |most )*grateful|appreciate it|love it"
        r"|be happy|be glad|be pleased)(?: (?:if|when) (?:you|someone) (?:could|would|can))?"
        r"|\bi (?:was|am) (?:just )?wondering(?: (?:if|whether) (?:you|someone|it) (?:could|would|can|might))?"
        r"|\bdo you (?:think|reckon) (?:you|it) (?:could|can|would)\b|\b(?:(?:would|is) it (?:be )?|it (?:is|would"
        r" be) )possible(?: for you)?(?: to)?(?: (?:have|get|see|show|find))?\b"
        r"|\bi wish (?:i knew|to know)\b|\b(?:i am )?(?:just |really )?(?:curious|interested)(?: to (?:know|see"
        r"|learn)| in (?:knowing|seeing|learning)| about)?(?= (?:how|what|where|which|whether|if)\b)"
        r"|\bi wonder(?: (?:if|whether))?(?: you (?:could|can|would|might))?\b",
        r"\b(?:no rush|asap|a\.s\.a\.p\.?|as soon as (?:possible|you can)|when(?:ever)? you (?:can|have (?:the"
        r" )?(?:time|a moment"
        r"|a minute|a second)|are ready|get (?:a chance|the time)))\b",
        r"\b(?:it is )?(?:my|our) first (?:time|try|go|visit)(?: (?:here|with this|trying this|using this))?|\bfirst"
        r" time here\b"
        r"|\bjust (?:testing|trying (?:it|this) out|curious|a test|checking)\b|\blet us see what you (?:can do|find"
        r"|see|make of it)\b",
        r"\b(?:and )?(?:hand|give|pass|send|bring|return|get) (?:it|them|that|those|the results?|everything|the lot)"
        r" (?:over|back)(?: to (?:me|us))?\b",
        r"\b(?:i|we) (?:just |only |really )*(?:wish|hope|aim|(?:am|are) (?:trying|wishing|wanting|hoping)|try|intend"
        r"|plan|am going|am about"
        r"|would like|want|need) to"
        r"(?= [a-z]+\b)",
        r"\b(?:are you able to|do you manage to|can you manage to|i wish i could(?: (?:see|know|have|find))?"
        r"|is there (?:any|a|some) (?:chance|way|possibility)(?: of (?:getting|having|seeing)| to (?:get|have|see)|"
        r" (?:you|i|we) (?:could|can)"
        r"(?: (?:get|have|see))?)?|i (?:would|will) be (?:much )?(?:obliged|thankful|glad|happy) (?:for|about))\b",
        r"\b(?:estimate|guess|assess|work out|figure out|find out|determine|calculate|check|establish)(?= (?:how many"
        r"|(?:the )?(?:total |exact )?number of)\b)",
        # nothing else
        r"\b(?:and )?(?:that|this) (?:is|will be|would be) (?:all|it|everything|enough)(?: (?:that )?(?:i|we) (?:need"
        r"|want|ask"
        r"|require|care about|asked for)(?: for)?)?\b(?: for (?:now|today|me|us))?",
        r"\b(?:and |but )?(?:nothing|nobody|no one|none|not anything|not anyone) (?:else|more|further|besides)\b(?:"
        r" (?:is |are )?"
        r"(?:please|matters?|needed|wanted|counts?|required))?(?= ?(?:$|[.,;!?)]))",
        r"\b(?:and |but )?(?:(?:please )?(?:ignore|skip|drop|discard|forget|leave out|leave|omit|disregard|throw away) "
        r"(?:all )?(?:the )?(?:rest|others|everything else|anything else|all else|whatever else)"
        r"|(?:the )?(?:rest|others|everything else|anything else|all else) (?:(?:can|may|should|is|are|does|do|must)"
        r" )*(?:not )?"
        r"(?:be )?(?:go|ignored|skipped|dropped|discarded|forgotten|left (?:out|alone)|omitted|irrelevant|unimportant"
        r"|matter"
        r"|needed|wanted|of (?:no )?interest|interesting|relevant|required|important))\b",
        r"\b(?:and |but )?(?:nothing|nobody|no one|none) (?:smaller|larger|bigger|shorter|taller|narrower|wider|below"
        r"|above|less|lower|higher|beyond)"
        r"(?: (?:than )?(?:that|this))?(?= ?(?:$|[.,;!?)]))",
        rf"\b(?:class|category|label) (?:set|list) (?:has|holds|contains|comprises|consists of|with|counts) {NUMBER}"
        r" (?:members?|classes|categories|labels|entries|names|elements|items)\b",
        rf"\b{NUMBER} (?:things|classes|kinds|sorts|types|categories|objects) (?:matter|interest|concern|count"
        r"|are (?:needed|wanted|of interest|relevant|asked for))(?: (?:to |for )?(?:me|us))?\b",
        r"\b(?:and |but )?no other (?:[a-z]+ )?[a-z]+(?= ?(?:$|[.,;!?)]))",
        rf"(?<=\b(?:class|label)) (?:set|list) of {NUMBER}\b"
        r"(?: (?:classes|categories|labels|entries|names|members|items)\b)?",
        r"^looking at (?=(?:only |just )?the (?:whole |entire )?"
        r"(?:upper|lower|left|right|top|bottom|middle|centre|central)\b)",
        # what it is for
        rf"(?:(?<=,) |^)for (?:(?:my|our|the|an?|some) )?(?:[a-z-]+ ){{0,5}}"
        rf"(?:{'|'.join(sorted(PURPOSES))}|mining|training|comparison"
        r"|audit|annotation|labelling|evaluation|testing|research|debugging|catalogue|course|class project|homework)\b"
        r"(?=,? (?:i|we) (?:need|want|would|require|am|are)\b| ?[.!?]?$)",
    )
)


def read_courtesies(reading: Reading) -> None:
    """Claim what says nothing of the task, wherever it stands."""
    for pattern in _COURTESIES:
        reading.source.claim(_spans(pattern, reading.source.open), "filler")


def _spans(pattern: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    return [match.span() for match in pattern.finditer(text)]
