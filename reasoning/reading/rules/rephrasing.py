"""Ways of putting a question around what it asks: greetings, "is it true that", "..., right?", a topic put first.

Each gives the same question said plainly, so that the grammar need not know them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reasoning.reading.english.vocabulary import ASKING
from reasoning.reading.english.word_forms import is_verb, lemmas


@dataclass(frozen=True)
class Put:
    """A question and whether it wants yes or no."""

    text: str
    asks: bool


_FLAGS = re.IGNORECASE | re.DOTALL
_END = r"\s*[?.!]*\s*$"

_NEGATED = re.compile(r"^\W*(is|are|was|were|do|does|did|has|have)n['’]?t\b", _FLAGS)
"""What expects a yes: "Isn't Spain in Europe?" asks whether it is."""

_GREETING = re.compile(
    r"^\W*(?:(?:hi|hello|hey|ok|okay|so|well|please|thanks|quick (?:one|question|check)|fact[ -]?check|question|"
    r"just curious|out of curiosity|by the way|good (?:morning|day|evening)|remind me|"
    r"(?:(?!who|which|what|how|where|is|are|do|does|did|has|have)\w+ ){0,3}"
    r"(?:fans|folks|people|guys|friends|experts)(?=,)|for (?:a|an|my|our|the|this) [^,:;?]{1,40}(?=:))"
    r"(?: (?:there|all|everyone))?"
    r"\s*[,:;!.\-–—]+\s*)+",
    _FLAGS,
)
_WHETHER = re.compile(
    r"^(?:is it (?:true|correct|right|the case) that|(?:is|would) it (?:be )?(?:true|correct|right) to say(?: that)?|"
    r"true or false[:,]?|(?:can|could) you (?:tell me|say|check) (?:if|whether)|do you know (?:if|whether)|"
    r"(?:i )?wonder(?:ing)? (?:if|whether)|i(?:'d| would) like to know (?:if|whether)|tell me (?:if|whether)|"
    r"check (?:if|whether))\s+",
    _FLAGS,
)
_WISH = re.compile(
    r"^(?:i|we)(?:'d| would| want| need|'m trying| am trying)\b[^.;!?]{0,40}?\b"
    r"(?:know|learn|hear|find out|be told|see|get)\s+"
    r"(?=(?:what|which|who|where|how|whose|the|all)\b)",
    _FLAGS,
)
_GRATEFUL = re.compile(
    r"^(?:i|we)(?:'d| would| should) be (?:very |most |so )?(?:grateful|glad|happy|thankful|obliged) "
    r"(?:for|to (?:know|have|get|learn|hear))\s+",
    _FLAGS,
)
_LIST = re.compile(
    r"^(?:is there|do you have|have you got|can i (?:get|have|see)|could i (?:get|have|see)) (?:a|an|the|any)\s+"
    r"(?:full |complete |short )?list of\s+",
    _FLAGS,
)
_IF_ANY = re.compile(r",?\s+if (?:any\b|it has|they have|there (?:is|are))[^,?.!;]*", _FLAGS)
_YES_OR_NO = re.compile(rf"[,;.?]?\s+(?:yes or no|true or false|y/n){_END}", _FLAGS)
_FRAME = re.compile(
    r"^just (?:a|the|one) (?:number|names?|list|yes or no|short answer)(?: is fine| will do)?,? ?(?:please)?"
    r"\s*[:,;.\-–—]+\s*|"
    r"[,;.]\s*(?:either|any|both|one)(?: one)?(?: of them)? (?:is fine|will do|counts|works|is okay)\s*(?=[?.!]*$)",
    _FLAGS,
)
_OUT_OF = re.compile(r"^(?:out of|from among|among|amongst|between)\s+(?=[^,]+(?:,| and ).*,)", _FLAGS)
_AS_SPOKEN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r",?\s*\b(?:i\.e\.|i mean|that is to say|in other words),?\s.*?(?=[?.!]*$)", _FLAGS), ""),
    # "what do I dial to ring someone in Peru", "which airport if I'm going to Lima"
    (
        re.compile(
            r"\bto (?:ring|ring up|call|phone|telephone|reach|contact|text|message)(?: up)? "
            r"(?:someone|somebody|anyone|people|friends|family|a \w+|my \w+)(?: who (?:lives|is))?(?: living)? "
            r"(?=in\b|at\b)",
            _FLAGS,
        ),
        "",
    ),
    (
        re.compile(
            r"\b(?:if|when|in case) (?:i'?m|i am|you'?re|you are|we'?re|we are|one is|i|you|we) "
            r"(?:want to |wanted to |need to |have to |had to )?"
            r"(?:go|going|fly|flying|travel|travell?ing|head|heading)(?: over)? to (?=[A-Za-z])",
            _FLAGS,
        ),
        "for ",
    ),
    # "films with a dog in them"; the film is called "It"
    (re.compile(r"\b([Ww]ith [^,?]{2,40}?) in (?:it|them)\b", re.DOTALL), r"\1"),
    # "to Chad but not to Niger", "in Chad or in Niger"
    (re.compile(r"(\b(to|from|in|with|by|for|at|on) [^,?]+?),? but (?:not|none|never) \2 ", _FLAGS), r"\1 but not "),
    (re.compile(r"\b(in|to|from|by|with|on|at) ([A-Z][^,?]{1,40}?) (or|and) \1 (?=[A-Z])", re.DOTALL), r"\1 \2 \3 "),
    (re.compile(r"\bhow far (?:up )?above sea level\b", _FLAGS), "how high above sea level"),
    (re.compile(r"\b(fly|land|go|travel|get) (?:in|into|to) to (?:reach|get to|visit|see) ", _FLAGS), r"\1 to "),
    (re.compile(r"^(?:taken together|all in all|all together|overall|in total|altogether)[,:]\s*", _FLAGS), ""),
    # "how big is the population of Chad"
    (
        re.compile(
            r"^how (?:big|large|high|great|long|tall) (is|was|are) the "
            r"(?=(?:[a-z]+ )?(?:area|size|population|elevation|height|altitude|extent|number|length|width)\b)",
            _FLAGS,
        ),
        r"what \1 the ",
    ),
    # "contains water, or surrounds it"
    (re.compile(r"(\w+s) (?P<it>[^,?]{2,40}), (or|and) (\w+s) (?:it|them)(?=[?.!]*$)", _FLAGS), r"\1 \3 \4 \g<it>"),
)
"""Ways of saying something that are read shorter and mean the same in any sentence, outside of marked names."""

_MARKED = re.compile(r"\"[^\"]*\"|“[^”]*”|\[[^\]]*\]")
_HOLDS_ON = re.compile(
    r"\b(?:has|have|had|imposes?|imposed|maintains?|places?|placed|keeps?) (?:an? |the |any )?(?P<noun>[a-z]+) "
    r"(?:on|upon|against)\b",
    _FLAGS,
)
_THERE = re.compile(
    r"(?P<where>\b(?:in|at|from|to) (?P<place>(?:the )?[A-Z][\w'’.-]*(?: [A-Z][\w'’.-]*)*))(?P<between>\s.*?)\bthere\b"
    r"(?!\s+(?:is|are|any|a)\b)",
    re.DOTALL,
)
_RIDDLE = re.compile(
    r"^(?:it|they) (?P<first>[^,:;?]+?)(?:,? and (?:it|they) (?P<second>[^,:;?]+?))?\s*[:;,.–—-]+\s*"
    rf"(?:what|who|which) (?:is|are|might|could|can) (?:it|they)(?: be)?{_END}",
    _FLAGS,
)
_LATE = re.compile(
    r"^(?P<subject>[^,?]{2,80}?) (?P<verb>(?!is\b|was\b|has\b|does\b)[a-z]+s)"
    r"(?P<with> (?:to|in|on|by|from|with|at|for|of|before|after|into))? "
    rf"(?P<asked>(?:what|which) [^,?]{{2,40}}?){_END}",
    _FLAGS,
)
_WHAT_OF = re.compile(
    r"^(?P<subject>[^,?]{2,80}?) (?:is|are|was|were) (?:an? |the )?(?P<noun>[a-z]+(?: [a-z]+)?) of "
    rf"(?P<asked>(?:what|which|how many) [^,?]{{2,40}}?){_END}",
    _FLAGS,
)
_ROLE_OF_WHAT = re.compile(
    r"^(?P<subject>[^,?]{2,80}?) (?P<is>is|are|was|were) (?P<role>(?:an? |the )?[a-z][a-z ]* (?:of|for|by|in|to|with)) "
    rf"(?P<asked>what|whom|who){_END}",
    _FLAGS,
)
_TERSE = re.compile(
    rf"^(?:(?:a |the )?list of |all |the )?(?P<kind>[a-z]+s) (?P<place>[\w.'-]+(?: [\w.'-]+)?){_END}", _FLAGS
)
_OWNED = re.compile(
    r"\b(?P<owner>[A-Z][\w’-]*(?: [A-Z][\w’-]*)*)['’]s (?P<most>(?:\w+ )?(?:\w+est|most \w+) [a-z]+)"
    r"(?P<by> (?:by|in terms of) )"
)
_WHO_OF = re.compile(r"^who (?=(?:has|have|is|are|gets|earns)\b[^?]*, [^,?]+ or [^,?]+\?*$)", _FLAGS)
_ANYBODY = re.compile(
    r"^(?P<where>[^,?]{3,60}), (?P<rest>(?:does|do|is|has) (?:anybody|anyone|somebody|someone)\b.*)$", _FLAGS
)
_AMONG = re.compile(r"\b(?:among|amongst|one of|included in|counted among) (?=(?:the|its|their)\b)", _FLAGS)
_TAG = re.compile(
    r"[,;]?\s+(?:right|correct|no|yes|true or false|is that (?:right|so|correct|true)|or not|"
    rf"(?:is|are|does|do|was|were)n't (?:it|they|he|she)){_END}",
    _FLAGS,
)
_AND_WHICH = re.compile(
    r"[,.;?]?\s*(?:and,? )?(?:if so,? )?(?:(?:which|what|who)(?: ones?)?(?: (?:is|are) (?:it|they|that|those))?|"
    rf"(?:tell me|say) which(?: ones?)?){_END}",
    _FLAGS,
)
_STRANDED = re.compile(rf"\s*(of|by|for|from|with)\s+((?:which|what|whom)\b.*?){_END}", _FLAGS)
_IN_WHICH_NOT = re.compile(r"(?<=\w )(?:in|for|of) which( [^,?]+ (?:is|are)(?: not|n't|nt)\b)", _FLAGS)
_OF_WHICH = re.compile(
    r"^(?:out of|from among|from|among|amongst|of)\s+(?:all (?:of )?)?(?P<set>[^,]{2,100}),\s+"
    r"(?P<which>which|what)(?: ones?| of them| of those)?\s+(?P<rest>.+)$",
    _FLAGS,
)
_FRONTED = re.compile(
    rf"^(?:and )?(?P<word>to|from|with|in|at|on|by|for|against) (?P<asked>(?:which|what|how many|whom)\b.*?) "
    rf"(?P<rest>(?:do|does|did|is|are|was|were|has|have)\b.*?){_END}",
    _FLAGS,
)
_RELATIVE = re.compile(
    r"(?<=\w) (?P<word>to|from|with|in|at|on|by|for|against) (?:which|whom) "
    r"(?P<said>[^,?]+?)(?=(?:,? (?:and|but|or|that)\b|[,?.!]|$))",
    _FLAGS,
)
_USED_AS = re.compile(
    r"^(?P<is>is|are|was|were) (?P<what>[^,?]+?) (?:used|known|counted|serving) as (?=the\b|an?\b)", _FLAGS
)
_WHERE_DONE = re.compile(
    rf"^where (?P<is>is|are|was|were|did|does|do) (?P<what>[^,?]+?) (?P<verb>[a-z]+){_END}",
    _FLAGS,
)
_FOR_A = re.compile(r"\b((?:has|have|having|with|uses?) [^,?]{2,40}?) for (?:an?|its|their|the) (?=\w)", _FLAGS)
_WHICH_OF_LIST = re.compile(
    r"^(?P<which>which|who|what)(?: one)? (?:out )?of (?P<list>[^?]+?),? (?:and|or) (?P<last>[^,?]+?) "
    rf"(?P<rest>(?:is|has|have|was|lies|comes)\b[^,?]*?){_END}",
    _FLAGS,
)
_CITY_STATE = re.compile(r"((?:\b[A-Z][\w'.-]*\s?)+), ((?:[A-Z][\w'.-]*\s?)+)(?=[?.!]*\s*$)")
_SPAN = re.compile(
    r"\b(?P<with>with|has|have|having|of) (?P<low>\d[\d.,]*(?: ?[a-z]+llion| thousand)?)\s*(?:to|-|–|—)\s*(?P<high>\d)",
    _FLAGS,
)
_WHICH_OF = re.compile(
    r"^(?P<one>[^,?.!:;]+) (?:or|and) (?P<other>[^,?.!:;]+?)\s*[,:;\-–—]+\s*(?P<which>(?:which|what|who)\b.+?)"
    rf"(?: of (?:the|these|them)(?: two)?)?(?P<rest> .+?){_END}",
    _FLAGS,
)
_PRONOUNS = dict.fromkeys(("it", "he", "she", "they", "him", "them"), "") | dict.fromkeys(("its", "his", "their"), "'s")
_TOPIC = re.compile(rf"(?!if\b|when\b)(.{{1,200}}?)[,:]\s+(.*\b)({'|'.join(_PRONOUNS)})\b(.*)", _FLAGS)
_SAID = re.compile(
    r"^[^\[\]]*(?P<name>\[[^\]]+\])[^\[\]]*?[,.?!;:]\s+(?P<rest>[^\[\]]*)$",
    _FLAGS,
)
_PRONOUN = re.compile(rf"\b(?P<pronoun>{'|'.join(_PRONOUNS)})\b", _FLAGS)
_SETTING = re.compile(
    r"^(?P<said>(?:(?:if|when|once) )?(?:i'?m|i am|we'?re|we are|i'?ll|we'?ll|i'?ve|i'?d|i|we are|we|my \w+(?: \w+)?)\b"
    r"[^.;!?]{3,80}?)(?: (?:now|soon|today|tomorrow|(?:next|this) \w+|(?:in|for) "
    r"(?:(?:a|the|my|two|three) \w+|spring|summer|autumn|winter|[A-Z][a-z]+(?:ary|ember|ober|uly|une|pril|arch))))?"
    r"(?:\s*[.;!,]|\s+[-–—])\s+(?:and |so )?(?P<rest>\S.*)$",
    _FLAGS,
)
_TO_PLACE = re.compile(r"\s(?:in|to|at|from|for|near|visit|visiting) ", _FLAGS)
_ARE_THERE = re.compile(
    r"^(?:are there|do) (?P<what>(?:more|fewer|less|over|under|at least|at most) [^?]+?)(?: liv(?:e|ing))? in "
    rf"(?P<place>[^?]+?){_END}",
    _FLAGS,
)
_ONE_OF = re.compile(
    r"^(?P<said>(?P<subject>[^,;:?]{2,80}?) (?:(?:is|was|are) [^,;:?]*?|[a-z]+s)(?: (?:of|in|at|on|by|to))?) an? "
    r"(?P<kind>[a-z]+)\s*[;:,.–—-]+\s*(?:and )?(?P<rest>\S.*)$",
    _FLAGS,
)
_PART_OF_WHICH = re.compile(
    r"^(?P<said>[^,;:?]{2,80}? (?:is|was|are) (?:an? |the )[^,;:?]*? of) an? (?P<kind>[a-z]+) (?P<where>in|on|at) "
    rf"(?P<asked>(?:which|what) [a-z]+){_END}",
    _FLAGS,
)
_HERE = re.compile(r"\b(?:over )?(?:there|here)\b(?!\s+(?:is|are|any|a))", _FLAGS)
_IT = re.compile(r"\bit\b", _FLAGS)
_THIS = re.compile(
    r"\b(?:this|that|the|my|the same) (?P<kind>country|city|town|state|region|place|continent)\b", _FLAGS
)


def wants_yes_or_no(text: str) -> bool:
    """Whether a question begins as one that is answered yes or no."""
    words = text.casefold().split()
    return len(words) > 1 and words[0] in ASKING and words[1] != "you"


def stripped(question: str) -> Put:
    """The question without what is said around it."""
    question = _NEGATED.sub(r"\1", question)
    for said, shorter in _AS_SPOKEN:
        question = _put(said, shorter, question)
    question = _put(_HOLDS_ON, _done_to, question)
    text = _GRATEFUL.sub("", _WISH.sub("", _FRAME.sub("", _GREETING.sub("", question))))
    text = _SPAN.sub(r"\g<with> between \g<low> and \g<high>", _OUT_OF.sub("of ", _IF_ANY.sub("", text)))
    if found := _YES_OR_NO.search(text):
        return Put(text[: found.start()], True)
    if found := _LIST.match(text):
        return Put(f"list {text[found.end() :]}", False)
    if found := _WHETHER.match(text):
        return Put(text[found.end() :], True)
    asks = wants_yes_or_no(text)
    if asks and (found := _AND_WHICH.search(text)):
        return Put(text[: found.start()], False)
    if not asks and (found := _TAG.search(text)):
        return Put(text[: found.start()], True)
    return Put(text, asks)


def _put(said: re.Pattern[str], written: str | Callable[[re.Match[str]], str], question: str) -> str:
    """The question with what a pattern finds written otherwise; what is within a marked name is no such thing."""
    names = [name.span() for name in _MARKED.finditer(question)]

    def put(match: re.Match[str]) -> str:
        if any(start < at < end for start, end in names for at in match.span()):
            return match[0]
        return match.expand(written) if isinstance(written, str) else written(match)

    return said.sub(put, question)


def _done_to(match: re.Match[str]) -> str:
    """ "embargoes" of "has an embargo on", which says who does it to whom."""
    noun = match["noun"]
    return f"{noun}{'es' if noun.endswith(('o', 's', 'sh', 'ch', 'x')) else 's'}" if is_verb(noun) else match[0]


def turned(question: str) -> Iterator[str]:
    """The question with what was put first put back to its place, where something was."""
    if found := _THERE.search(question):  # "born in Vienna who did not die there"
        yield f"{question[: found.end() - len('there')]}{found['where']}{question[found.end() :]}"
    if found := _RIDDLE.match(question):  # "It can fly, and it lays eggs: what is it?"
        second = f" and {found['second']}" if found["second"] else ""
        yield f"what {found['first']}{second}"
    if found := _LATE.match(question):  # "Cusco belongs to which country?"
        subject, verb = found["subject"], lemmas(found["verb"])[-1:]
        if verb:
            yield f"{found['asked']} does {subject[0].lower()}{subject[1:]} {verb[0]}{found['with'] or ''}"
    if found := _OWNED.search(question):  # "Chad's two largest neighbours by area"
        most = f"the {found['most']} of {found['owner']}{found['by']}"
        yield f"{question[: found.start()]}{most}{question[found.end() :]}"
    if found := _ANYBODY.match(question):  # "Next door to Chad, does anybody speak French?"
        yield f"{found['rest'].rstrip('?.! ')} {found['where'][0].lower()}{found['where'][1:]}"
    if found := _FRONTED.match(question):  # "To which countries does Chad send aid?"
        yield f"{found['asked']} {found['rest']} {found['word'].lower()}"
    if _RELATIVE.search(question):  # "the countries to which Chad sends aid"
        yield _RELATIVE.sub(r" that \g<said> \g<word>", question)
    if found := _USED_AS.match(question):  # "Is French used as the language of Chad?"
        yield f"{found['is']} {found['what']} {question[found.end() :]}"
    if found := _STRANDED.match(question):  # "Of which country is Paris the capital"
        yield f"{found[2]} {found[1].lower()}"
    if wants_yes_or_no(question) and _AMONG.search(question):  # "Is Tamil among the languages of ..."
        yield _AMONG.sub("", question, count=1)
    if found := _IN_WHICH_NOT.search(question):  # "the neighbours of Chad in which French is not a language"
        yield f"{question[: found.start()]}where{question[found.start(1) :]}"
    for place, rest in _settings(question):  # "I'm in Cusco. What is spoken here?"
        if _HERE.search(rest):
            yield _HERE.sub(f"in {place}", rest, count=1)
        elif _THIS.search(rest):
            yield _THIS.sub(rf"the \g<kind> of {place}", rest, count=1)
        elif _IT.search(rest):
            yield _IT.sub(place, rest, count=1)
    if found := _ONE_OF.match(question):  # "The Ebro ends in a sea. Which countries lie on that sea?"
        again = re.compile(rf"\b(?:that|this|the|its|said) {found['kind']}\b", _FLAGS)
        yield again.sub(f"the {found['kind']} that {_lowered(found['said'])}", found["rest"], count=1)
    if found := _PART_OF_WHICH.match(question):  # "Lima is the capital of a country on which continent?"
        yield f"{found['asked']} is the {found['kind']} that {found['said']} {found['where']}"
    if found := _ARE_THERE.match(question):  # "Are there more than 5 million people in Chad?"
        yield f"does {found['place']} have {found['what']}"
    if found := _TOPIC.match(question):  # "Psycho, when was it released"
        topic, before, pronoun, after = found.groups()
        yield f"{before}{topic}{_PRONOUNS[pronoun.casefold()]}{after}"
    if (found := _SAID.match(question)) and (meant := _PRONOUN.search(found["rest"])):
        # "I liked [Psycho]. Who are its actors?"
        name, rest = found["name"], found["rest"]
        ending = _PRONOUNS[meant["pronoun"].casefold()]
        yield f"{rest[: meant.start()]}{name}{ending}{rest[meant.end() :]}"


def _settings(question: str) -> Iterator[tuple[str, str]]:
    """Where somebody is or goes to by what is said before the question, and the question."""
    found = _SETTING.match(question)
    if found is None:
        return
    for word in reversed(list(_TO_PLACE.finditer(found["said"]))):
        yield found["said"][word.end() :], found["rest"]


def _lowered(text: str) -> str:
    """A sentence's beginning within a sentence; a name keeps its capital."""
    first, space, rest = text.partition(" ")
    return f"{first.lower()}{space}{rest}" if first in ("The", "A", "An") else text


def reordered(question: str) -> Iterator[str]:
    """The question with what it chooses from put behind what it asks, for where it cannot be read as it stands."""
    if found := _TERSE.match(question):  # "airports fiji"
        yield f"{found['kind']} in {found['place']}"
    if found := _WHAT_OF.match(question):  # "The euro is the currency of how many countries?"
        yield f"{found['asked']} have {found['subject']} as {found['noun']}"
    if found := _WHERE_DONE.match(question):  # "Where was Psycho filmed?"
        for place in ("location", "place"):
            yield f"what is the {(found['verb'], *lemmas(found['verb']))[-1]} {place} of {found['what']}"
    if found := _ROLE_OF_WHAT.match(question):  # "A leaf is a part of what?"
        yield f"{found['asked']} {found['is']} {found['subject'][0].lower()}{found['subject'][1:]} {found['role']}"
    if found := _WHO_OF.match(question):  # "who has more people, Chad or Niger"
        yield f"which one {question[found.end() :]}"
    if found := _OF_WHICH.match(question):  # "Out of all of Chad's neighbours, which one has the smallest area?"
        yield f"{found['which']} of {found['set']} {found['rest']}"
    if found := _FOR_A.search(question):  # "that has Lomé for a capital"
        yield f"{question[: found.start()]}{found[1]} as {question[found.end() :]}"
    if found := _WHICH_OF_LIST.match(question):  # "Which of Chad, Niger and Mali is the smallest?"
        yield f"of {found['list']} and {found['last']}, {found['which']} {found['rest']}"
    if found := _CITY_STATE.search(question):  # "Paris, Texas"
        yield f"{question[: found.start()]}{found[1]} in {found[2]}{question[found.end() :]}"
    if found := _WHICH_OF.match(question):  # "Chad or Niger, which of the two has more people?"
        yield f"{found['which']}{found['rest']}, {found['one']} or {found['other']}"
