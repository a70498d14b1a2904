"""The English that questions are read with: one reviewed table of words.

Nothing here knows a graph. A relation is found by the words of its own name; the table adds the verbs and nouns that
people use instead of that name, and says which relation they mean where a graph has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from reasoning.reading.english.word_forms import PARTICLES, lemmas
from reasoning.reading.english.wordnet import wordnet


@dataclass(frozen=True)
class Phrase:
    """Words that stand for a relation whose name they do not contain.

    Attributes:
        words: the phrase, in the forms of a dictionary, variants parted by "|".
        relations: names of the relations it may mean, the likeliest first; the graph decides among those it has.
    """

    words: str
    relations: tuple[str, ...]


# "X <phrase> Y" says that the triple (X, relation, Y) holds, and "the <phrase> of X" asks for Y.
PHRASES: tuple[Phrase, ...] = (
    Phrase(
        "use|pay with|pay in|accept|adopt|switch to|have adopted",
        ("currency", "language", "top level domain", "calling code", "time zone", "timezone"),
    ),
    Phrase("people use|people pay with|people pay in|people pay", ("currency",)),
    Phrase("spend", ("currency",)),
    Phrase("number", ("calling code",)),
    Phrase("observe|keep|follow|set my watch|set my watch to|set watch to|set my clock", ("timezone", "time zone")),
    Phrase("how far east|how far west", ("longitude",)),
    Phrase("how far north|how far south", ("latitude",)),
    Phrase("money|legal tender", ("currency",)),
    Phrase("speak|people speak|hear|official", ("language", "official language")),
    Phrase(
        "neighbour|neighbor|adjoin|touch|share border|have border|adjacent|next to|share frontier|"
        "frontier|land border|"
        "share land border|have land border|common border|land neighbour|land neighbor|border with|"
        "border on|border from|over border from|"
        "across border from|bordering on|abut|adjacent to|next door to|around|surround|surrounding|"
        "have common border|"
        "share common border|share boundary",
        ("borders", "neighbour"),
    ),
    Phrase(
        "capital city|capitol|capitol city|seat of government|governed from|ruled from|administered from|run from",
        ("capital",),
    ),
    Phrase("fly to|fly into|land in|land at|fly in|fly from", ("serves",)),
    Phrase("make up|constitute", ("part of", "continent", "subdivision", "country", "located in")),
    Phrase("circulate", ("currency",)),
    Phrase("ground|territory size|how much land|much land", ("area",)),
    Phrase(
        "pop|total population|number of inhabitant|number of people|number of resident|"
        "people|people live|live|inhabitant|resident|populous|how populous|live people",
        ("population",),
    ),
    Phrase("how big|how large|size", ("area", "population")),
    Phrase("km2|km²|sq km|square kilometre|square kilometer|square km", ("area",)),
    Phrase("surface area|land area|total area|surface", ("area",)),
    Phrase(
        "m|metre|meter|metre high|meter high|m high|metre up|altitude|"
        "field elevation|height|height above sea level|how high|how high up|"
        "metre above sea level|m above sea level",
        ("elevation", "height"),
    ),
    Phrase(
        "domain|internet domain|web domain|web address|website|web site|internet address|"
        "internet domain ending|domain ending|"
        "domain suffix|domain extension|internet suffix|internet extension|internet code|internet ending|tld|url",
        ("top level domain",),
    ),
    Phrase(
        "international dialling code|international dialing code|international calling code|international code|"
        "dialling code|dialing code|phone code|country code|phone number|dialling prefix|dialing prefix|phone prefix|"
        "calling prefix|international prefix|telephone code|dial code|dial|telephone prefix|prefix|"
        "phone|phone country code",
        ("calling code",),
    ),
    Phrase("how old", ("age",)),
    Phrase("how tall", ("height",)),
    Phrase("how heavy|weigh", ("weight", "mass")),
    Phrase("earn|be paid|how much earn|wage|pay", ("salary", "income", "wage")),
    Phrase("born", ("place of birth", "birthplace", "born in", "birth place")),
    Phrase("die", ("place of death", "died in")),
    Phrase(
        "author|script|scripts|screenplay|screenwriter|scriptwriter|script writer|screen writer|pen|story|write script|"
        "write screenplay|come up with script|come up with story|come up with screenplay|screenplay credit|"
        "writing credit",
        ("author", "written by", "writer", "screenwriter"),
    ),
    Phrase(
        "filmmaker|film maker|moviemaker|movie maker|helm|make|shoot|call shot|director 's chair|make as director|"
        "behind camera|direction",
        ("directed by", "director"),
    ),
    Phrase(
        "cast|cast member|in cast|leading part|leading role|lead role|leading man|leading lady|main role|main part|"
        "play in|play part|play part in|play role|play role in|have part|have part in|have role|have role in|appear|"
        "appear in|appear as actor|appear on screen|screen|face|work as actor|act for",
        ("starred actors", "starring", "cast", "cast member", "actor", "performance"),
    ),
    Phrase(
        "come out|premiere|hit screen|hit big screen|hit cinema|reach screen|reach cinema|come to cinema|be in cinema|"
        "make in|date from",
        ("release year", "release date", "released in", "publication date"),
    ),
    Phrase(
        "keyword|key word|catchword|catchphrase|theme|topic|subject|subject heading|heading|motif|about|"
        "revolve around|"
        "centre on|center on|use to describe|describe",
        ("tag", "keyword", "subject", "topic", "theme", "main subject"),
    ),
    Phrase(
        "kind of film|kind of movie|sort of film|sort of movie|type of film|type of movie|classify|"
        "classify as|categorise|categorize|category|shelf",
        ("genre", "category"),
    ),
    Phrase(
        "score|rate|how good|how bad|how highly rated|how well rated|how well received|receive|reception|review",
        ("rating", "imdb rating", "score"),
    ),
    Phrase(
        "how famous|how popular|how well known|how well-known|popularity|fame|voting|vote count|"
        "number of vote|how many vote",
        ("votes", "imdb votes", "popularity"),
    ),
    Phrase("dialogue|dialog|dialogue in|tongue|subtitle", ("language", "original language")),
    Phrase("marry|husband|wife", ("spouse", "married to")),
    Phrase(
        "bring about|bring on|give rise to|lead to|trigger|induce|provoke|set off|be responsible for",
        ("causes", "cause", "cause of", "has effect"),
    ),
    Phrase(
        "go to college|go to school|go to university|study at|graduate from|educate at|alma mater|degree from|"
        "attend college|attend school|attend university|enrol at|enroll at",
        ("student", "educated at", "alma mater", "attended", "students graduates", "student of"),
    ),
    Phrase("bury|lay to rest|grave|tomb|burial place|final resting place", ("place of burial", "buried in")),
    Phrase("come from|hail from|originate from|be from|native of", ("origin", "place of birth", "country of origin")),
    Phrase(
        "score|compose|compose music|write score|write music|soundtrack|film score|musical score|composer",
        ("music", "composer", "music by"),
    ),
    Phrase("inspire by|inspire|inspiration|role model|look up to", ("influenced by", "influences")),
)

# Relations that say where something lies, the nearest way to put it first: (X, country, Y) puts X in Y.
LOCATION = ("located in", "country", "subdivision", "continent", "location", "part of", "serves")

# Relations that say what kind of thing something is.
TYPE_RELATIONS = ("type", "instance of", "is a", "kind", "category")

TYPE_SYNONYMS = {
    "nation": "country", "land": "country", "town": "city", "state": "subdivision", "province": "subdivision",
    "voivodeship": "subdivision", "krai": "subdivision", "okrug": "subdivision", "commune": "subdivision",
    "municipality": "subdivision", "parish": "subdivision", "region": "subdivision", "canton": "subdivision",
    "county": "subdivision", "prefecture": "subdivision", "oblast": "subdivision", "department": "subdivision",
    "governorate": "subdivision", "district": "subdivision", "emirate": "subdivision", "territory": "country",
    "dependency": "country", "administrative region": "subdivision", "administrative division": "subdivision",
    "first level division": "subdivision",
    "republic": "country", "kingdom": "country", "tongue": "language", "film": "movie",
    "people": "person", "picture": "movie", "flick": "movie", "title": "movie",
}  # fmt: skip


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(" ".join(phrase.split()) for phrase in text.split("|"))


# Nouns that may mean another type too.
OTHER_TYPES = {"state": "country", "place": "city"}


# Nouns that stand for anything.
ANYTHING = _words(
    """everybody everyone anybody anyone whoever somewhere anywhere thing place one entity entities item everything
    anything something part spot location"""
)

# Nouns that ask for the kind itself.
KIND_WORDS = _words("type kind sort form class category")

# Nouns for kinds of things, which are no names even where something is called so.
KINDS = _words("movie film person man woman book song album company team city town country place state nation thing")

# Relations that say since when something is: what has the least is the oldest, which the sign says.
_BEGUN = (
    "-founded", "-founding year", "-founding date", "-inception", "-established", "-release year", "-release date",
    "-born", "-year of birth", "-date of birth", "-birth year", "-birth date",
)  # fmt: skip

# Role in a sentence, what it says, and the phrases that play it. Longer phrases win over shorter ones.
_ROLES: tuple[tuple[str, object, str], ...] = (
    ("of", None, "of|for|out of"),
    (
        "in",
        None,
        "across|throughout|in|within|inside|on|from|at|located|situated|lie|lies|lying|found in|"
        "based in|belong to|belongs to|part of|form part of|"
        "forms part of|forming part of",
    ),
    ("preposition", None, "to|through"),
    ("by", None, "by|in terms of|according to|measured by|ranked by"),
    ("with", None, "with|have|has|having|had|whose"),
    ("as", None, "as"),
    ("and", None, "and|+|but|,|;|as well as|while|along with|plus|in addition to"),
    ("or", None, "or|nor"),
    (
        "except",
        None,
        "except|except for|excluding|other than|besides|apart from|aside from|not counting|not including|leaving out|"
        "leaving|leaving aside|setting aside|ignoring|disregarding|bar|barring|save for|minus|with the exception of",
    ),
    ("outside", None, "outside|outside of|beyond"),
    ("xor", None, "but not both|not both"),
    ("excepted", None, "excepted|excluded|aside|apart"),
    ("between", None, "between"),
    (
        "not",
        None,
        "not|no|neither|never|without|don't|doesn't|didn't|isn't|aren't|wasn't|weren't|haven't|"
        "hasn't|hadn't|can't|cannot|dont|doesnt|didnt|isnt|arent|wasnt|werent|havent|hasnt|hadnt|cant|"
        "lacking|lack|lacks",
    ),
    (
        "many",
        None,
        "how many|how many of|in how many|over how many|across how many|into how many|number of|count|count of",
    ),
    (
        "compare",
        ">",
        "north of|east of|more than|greater than|larger than|bigger than|higher than|over|above|"
        "exceeding|exceeds|exceed|after|>",
    ),
    ("compare", "<", "south of|west of|less than|fewer than|smaller than|lower than|under|below|before|<"),
    ("compare", ">=", "at least|no less than|not less than|since|>="),
    ("compare", "<=", "at most|no more than|not more than|up to|<="),
    ("compare", "=", "exactly|equal to|="),
    ("degree", (True, ()), "more|greater"),
    ("degree", (False, ()), "fewer|less"),
    ("degree", (True, ("area", "population")), "larger|bigger"),
    ("degree", (False, ("area", "population")), "smaller"),
    ("degree", (True, ("elevation", "height")), "higher|taller"),
    ("degree", (False, ("elevation", "height")), "lower"),
    ("degree", (True, ("population",)), "more populous|more populated"),
    ("degree", (False, ("population",)), "less populous|less populated"),
    ("degree", (True, ("latitude",)), "further north|farther north|more northerly"),
    ("degree", (False, ("latitude",)), "further south|farther south|more southerly"),
    ("degree", (True, ("longitude",)), "further east|farther east|more easterly"),
    ("degree", (False, ("longitude",)), "further west|farther west|more westerly"),
    ("degree", (True, ("age", *_BEGUN)), "older"),
    ("degree", (False, ("age", *_BEGUN)), "younger|newer"),
    ("than", None, "than"),
    ("most", (True, ()), "most|greatest|maximum|top"),
    ("most", (False, ()), "least|fewest|minimum|bottom"),
    ("most", (True, ("elevation", "height")), "highest|tallest|highest lying|highest-lying"),
    ("most", (False, ("elevation", "height")), "lowest|lowest lying|lowest-lying"),
    ("most", (True, ("area",)), "most land|most territory|most ground|most space"),
    ("most", (False, ("area",)), "least land|least territory|least ground|least space"),
    ("degree", (True, ("area",)), "more land|more territory"),
    ("degree", (False, ("area",)), "less land|less territory"),
    ("most", (True, ("area", "population")), "largest"),
    ("most", (False, ("area", "population")), "smallest|tiniest"),
    ("most", (True, ("area", "population")), "biggest"),
    ("most", (True, ("latitude",)), "northernmost|most northerly|most northern|furthest north|farthest north"),
    ("most", (False, ("latitude",)), "southernmost|most southerly|most southern|furthest south|farthest south"),
    ("most", (True, ("longitude",)), "easternmost|most easterly|most eastern|furthest east|farthest east"),
    ("most", (False, ("longitude",)), "westernmost|most westerly|most western|furthest west|farthest west"),
    ("most", (True, ("population",)), "most populous|most populated|most inhabited"),
    ("most", (False, ("population",)), "least populous|least populated"),
    ("most", (True, ("age", *_BEGUN)), "oldest|eldest"),
    ("most", (False, ("age", *_BEGUN)), "youngest|newest"),
    ("most", (False, ()), "earliest|first"),
    ("most", (True, ()), "latest|last"),
    ("where", None, "where"),
    ("when", None, "when"),
    ("share", None, "share|shares|shared|sharing|have in common|in common"),
    ("together", None, "together|jointly|combined"),
    ("co", None, "co|fellow|joint|other"),
    ("same", None, "same|the same"),
    ("possessive", None, "'s|'|’s|ʼs"),
)
KEYWORDS = {phrase: (role, value) for role, value, phrases in _ROLES for phrase in phrases.split("|")}

ARTICLES = _words("a an the")

BEING, DOING, HAVING = _words("is are was were"), _words("do does did"), _words("have has had")

# First words of a question that wants yes or no.
ASKING = _words("is are was were do does did has have can could")

# Words that change nothing in what is asked.
FILLER = _words(
    """a an the this these that those which who whom what whats what's who's that's how is are was were be been being
    do does did can please tell me show list give name find all any each every some there it its it's their they
    them you i we us my our your both currently today now also too want know let see if whether then so official
    officially main called named known than much else pls plz status again recorded
    registered stored noted mentioned someone somebody hi hello hey thanks thank cheers okay ok well here whichever
    whatever wherever own itself themselves recommend suggest remind degrees respectively actually apparently
    different distinct am lol haha kindly figure figures certain identify determine enumerate abroad"""
) | _phrases(
    """do people|did people|which of|all of|any of|each of|some of|one of|would i|would you|could i|can i|i'm|i'd
    |looking for|i'd like|like to|wonder|wondering|curious|either|ever|just tell|of them|will i|should i|would we
    |will we|in world|of world|on earth|each other|could you|will you|counts as|count as|in square kilometres
    |in square kilometers|in km2|in km²|in sq km|in metres|in square km|in sq kilometres|in km|in m|in people
    |in meters|in kilometres|in total|at all|right now|these days|at moment|list of|name of|names of|of two|of three
    |of these    |at least one|one or more|in use|right next|get by|of its own|of their own|above sea level|quick one
    |quick question|fact check|counted as|considered|regarded as|classed as|classified as|do i use to|used to
    |who or what|do i need to|do i|do we|does one need|does one|one needs|just over border|just across
    |from abroad|by way|i need|i want|i'm in need of|can you|it true that|it case that|true that|in all
    |all together|altogether|in graph|in this graph|in data|in this data|in dataset|in database|graph lists
    |data lists|supposed to be|said to be|thought to be|known to be|just how|just what|just which|just who
    |on record|on file|in list|at once|both at once|at same time|both at same time
    |will we need|will i need|do we need|would i need|would we need|should i have
    |of something|of anything|could i use|can i use|should i use|would i use"""
)

# Words that change what is asked in a way that no query can say: a question with one is refused, not read without it.
UNSAYABLE = _words(
    """only just solely exclusively merely purely uniquely alone sole will would could might may shall won't wouldn't
    couldn't almost nearly hardly barely nobody several many few single multiple various"""
)

# Verbs that say that two things have to do with each other, and hardly how: which relation is meant, the graph decides.
LIGHT = _words(
    """appear appears appeared appearing feature features featured featuring involve involves involved involving
    include includes included including belong fall falls fell go goes went come comes came relate related cover
    covers covered covering concern concerns concerning describe described describes depict depicted connect
    connected associate associated link linked contain contains possess possesses possessed get gets got take takes
    took taken taking give gives gave do does did done work works worked divide divided split consist consists
    comprise comprises span spans send sends sent sign signed make makes made receive receives received offer offers
    offered provide provides provided exist exists existed occur occurs occurred happen happens happened carry
    carries run runs running ran need needs needed see sees seen find finds meet meets encounter expect expects
    stretch stretches stretched sit sits sat stand stands stood start starts started begin begins began end ends
    ended keep keeps kept boast boasts apply applies applied recognise recognises recognize recognizes recognised
    recognized designate designates put puts putting hear hears heard assign assigns assigned allocate
    allocates allocated impose imposes imposed"""
) | _phrases(
    "made up of|composed of|consists of|consist of|divided into|broken into|split into|subdivided into|runs on|run on"
)

# Words that stand for a name before them.
PRONOUNS = _words("it them him its their his")

# Whose what is meant is said before, if it is said.
THEIR = _words("their its his her")

# Prepositions that name no relation of their own.
PREPOSITIONS = _words("about under over during after before behind among between against with into onto upon as around")

# What belongs to a verb before it: "made up of", "depend on".
BEHIND_VERBS = PARTICLES | PREPOSITIONS | _words("of for from to on at in with")

# Words of a relation's name that say nothing about what it relates.
EMPTY_IN_LABELS = _words("has have is was are of in by to at the a an for with on from")


@lru_cache(maxsize=10_000)
def changes_nothing(word: str) -> bool:
    """Whether a word or phrase is filler: of the list, a participle of it ("listed"), or another word for "main"."""
    if word in FILLER:
        return True
    if word.endswith("ed") and any(form in FILLER for form in lemmas(word)):
        return True
    return is_main(word)


def is_main(word: str) -> bool:
    """Whether a word is "main" or means the like: "chief", "principal"."""
    return word == "main" or wordnet().related("main", "a").get(word, 1.0) <= 0.4
