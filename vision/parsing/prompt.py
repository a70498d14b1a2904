"""The prompt of an instruction or expression, the words that the model may write, and the sentence that it means.

A class set in braces or brackets is notation and not language: code parses it, however long it is, and an id stands
in its place. The words for questions, relations, ranks, places and events are nearly all one token of the embedded
model, for which some are plainer than the word that they stand for. A sentence is a question and a query of things.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from reasoning.lm.packs import CopiedWords, words_in
from reasoning.query.records import rebuilt
from reasoning.query.tree import Complement, Count, Entity, Exists, Intersect, Project, Query, Top, Union
from vision.classes.lexicon import emoji_name
from vision.errors import InstructionError
from vision.scene.graph import KIND, OBJECT
from vision.scene.relations import CONVERSES
from vision.video.motions import BEFORE, DURING, MEETINGS, MOTIONS

SET_IDS = "αβγδεζ"
"""Ids of class sets, one token each."""

ANSWER = "Task:"
"""The prompt's last line, which the reply follows."""

MOST_CHARACTERS = 4000
"""Of an instruction without its class sets."""

LONGEST_WORD = 50
"""Letters of a word that are shown, and of one that a reply may copy: a flood of letters is no word, and is long to
read and to write."""

SHOWN = 4
"""Members of a class set that the prompt shows."""

_FLOOD = re.compile(rf"(\w{{{LONGEST_WORD}}})\w+")
_SET = re.compile(r"\{[^{}\[\]]*\}|\[[^{}\[\]]*\]")
_MEMBER = re.compile(
    r"""\s*(?:"(?P<double>[^"]*)"|'(?P<single>(?:[^']|'(?=\w))*)'|(?P<bare>[^,;"':=]+?))"""
    r"""\s*(?:[:=]+\s*["']?<?\s*(?:(?P<cls>cls)|c|class|cat)?_?(?P<token>\d{1,6})\s*>?["']?)?\s*(?:[,;]|$)"""
)
_PLACEHOLDER = re.compile(r"<(?:expression|exp|phrase|object|class(?:es| ?set| ?name)?|category)>|\.\.\.+")
_ESCAPES = re.compile(r"""\\+(?=["'])""")


@dataclass(frozen=True)
class ClassSet:
    """A written class set.

    Attributes:
        start, end: where it stands in the instruction, in characters.
        names: its members, in the order of their tokens.
        tokens: whether it gives tokens, `<c0>`.
    """

    start: int
    end: int
    names: tuple[str, ...]
    tokens: bool


@dataclass(frozen=True)
class TextPrompt:
    """An instruction or an expression as the model reads it, and `original` as it was given."""

    original: str

    def check(self, what: str) -> None:
        """Refuse what nobody could read; `what` names it, "instruction" or "expression".

        Raises:
            InstructionError: it is empty or too long, or a placeholder in it was not filled in.
        """
        if not any(letter.isalnum() or emoji_name(letter) for letter in self.original):
            raise InstructionError(
                f'the {what} is empty: expected a text such as "find the red cars" or "the person left of the bus"'
            )
        _ = self.text

    @cached_property
    def sets(self) -> Sequence[ClassSet]:
        """The class sets, as many as there are ids.

        Raises:
            InstructionError: a placeholder such as `<expression>` was not filled in.
        """
        found = [one for match in _SET.finditer(self.original) if (one := _class_set(match)) is not None]
        return found[: len(SET_IDS)]

    @cached_property
    def text(self) -> str:
        """What the model reads; the reply follows directly.

        Raises:
            InstructionError: it is too long.
        """
        parts, last = [], 0
        for letter, one in zip(SET_IDS, self.sets, strict=False):
            names = ", ".join(" ".join(name.split())[:60] for name in one.names[:SHOWN])
            more = ", ..." if len(one.names) > SHOWN else ""
            parts += [self.original[last : one.start], f"{{{letter}{' <c>' if one.tokens else ''}: {names}{more}}}"]
            last = one.end
        shown = " ".join("".join([*parts, self.original[last:]]).split())
        if len(shown) > MOST_CHARACTERS:
            raise InstructionError(
                f"the instruction has {len(shown)} characters beside its class sets: expected at most {MOST_CHARACTERS}"
            )
        shown = _FLOOD.sub(r"\1...", shown)
        return f"I: {shown}\n{ANSWER}"

    @cached_property
    def copied_words(self) -> CopiedWords:
        """The words that a reply may copy: none of a class set but an expression's, and none that nobody says."""
        hidden = [range(one.start, one.end) for one in self.sets if len(one.names) > 1]
        words = (word for word in words_in(self.original) if len(word.text) <= LONGEST_WORD)
        shown = [word for word in words if not any(word.start in places for places in hidden)]
        return CopiedWords(self.original, shown)

    def find(self, phrase: str) -> range | None:
        """The places among the words of a phrase that stands there, whatever its case."""
        return self.copied_words.find(phrase)

    def copied(self, phrase: str) -> list[str]:
        """The pieces in which a reply copies a phrase.

        Raises:
            InstructionError: it does not stand there.
        """
        return self.copied_words.pieces(self._places(phrase))

    def quoted(self, phrase: str) -> str:
        """A copied phrase as it stands there, with what is between its words.

        Raises:
            InstructionError: it does not stand there.
        """
        return self.copied_words.as_written(self._places(phrase))

    def _places(self, phrase: str) -> range:
        if (places := self.find(phrase)) is None:
            raise InstructionError(f"{phrase!r} does not stand in the text")
        return places

    def set_by_id(self, letter: str) -> tuple[str, ...] | None:
        """The members of the class set that an id stands for; None where the text is no id.

        Raises:
            InstructionError: the id stands for no class set of the text.
        """
        if len(letter) != 1 or letter not in SET_IDS:
            return None
        if (place := SET_IDS.index(letter)) >= len(self.sets):
            raise InstructionError(f"{letter} stands for no class set of the text")
        return self.sets[place].names

    def id_of_set(self, names: Sequence[str]) -> str | None:
        """The piece of the id by which the class set with these members is written; None where there is none."""
        wanted = [name.lower() for name in names]
        for letter, one in zip(SET_IDS, self.sets, strict=False):
            if [name.lower() for name in one.names] == wanted:
                return f" {letter}"
        return None


def _class_set(match: re.Match[str]) -> ClassSet | None:
    """What stands in brackets as a class set, if it is one."""
    names = list(_members(_ESCAPES.sub("", match.group()[1:-1])))
    if not names or (match.group()[0] == "[" and len(names) < 2):
        return None
    for name, _ in names:
        if _PLACEHOLDER.fullmatch(name):
            raise InstructionError(
                f"the placeholder {name} of the instruction was not filled in: expected a class or an expression in "
                f"its place"
            )
    numbers = [token for _, token in names if token is not None]
    if sorted(numbers) == list(range(len(names))):
        names.sort(key=lambda member: member[1] or 0)
    return ClassSet(*match.span(), tuple(dict.fromkeys(name for name, _ in names)), bool(numbers))


def _members(text: str) -> Iterator[tuple[str, int | None]]:
    """Names with their tokens; none where the text is no list of them."""
    at, found = 0, []
    while at < len(text.rstrip()):
        member = _MEMBER.match(text, at)
        if member is None:
            return
        name = " ".join((member["double"] or member["single"] or member["bare"] or "").split())
        name = name[1:-1] if name.startswith("<") and name.endswith(">") and not _PLACEHOLDER.fullmatch(name) else name
        if not any(letter.isalpha() for letter in name):
            return
        found.append((name, None if member["token"] is None else int(member["token"])))
        at = member.end()
    yield from found


Question = Literal["find", "count", "exists", "colour", "what", "where", "when", "long", "way"]
"""What is wanted; "when", "long" (how long) and "way" (which way, by which side) are asked of videos alone."""

OF_EVENTS = ("when", "long", "way")
"""Questions about what happens, whose things are events."""

EVERYTHING = Project(KIND, Entity(OBJECT), inverse=True)
"""All objects of a scene, or tracks of a video, of whatever class."""


@dataclass(frozen=True)
class Sentence:
    """What an expression asks.

    Attributes:
        question: what is wanted; yes-or-no questions are "exists".
        wanted: how many things are meant; None for all.
        things: the query of what is meant, counted or asked about.
        denied: whether the answer is yes where there is no such thing.
        bound: operator and number that a count is compared with.
    """

    question: Question
    wanted: int | None
    things: Query
    denied: bool = False
    bound: tuple[str, int] | None = None

    @property
    def query(self) -> Query:
        """What is run."""
        if self.question == "count" or self.bound is not None:
            return Count(self.things)
        if self.question == "exists":
            return Exists(self.things)
        return Project("colour", self.things) if self.question == "colour" else self.things


def same_things(query: Query) -> Query:
    """A query written in one way where there are two: what a thing overlaps is what overlaps with it."""

    def turned(part: Query) -> Query:
        if isinstance(part, Project) and not part.inverse and part.relation in CONVERSES:
            return Project(CONVERSES[part.relation], part.source, inverse=True)
        return part

    return rebuilt(query, turned)


def both(parts: Sequence[Query]) -> Query:
    """What belongs to all of some sets."""
    several = tuple(dict.fromkeys(parts))
    return several[0] if len(several) == 1 else Intersect(several)


def either(parts: Sequence[Query]) -> Query:
    """What belongs to any of some sets."""
    several = tuple(dict.fromkeys(parts))
    return several[0] if len(several) == 1 else Union(several)


def ordinal(query: Query) -> Top | None:
    """`top(k, ...) & !top(k - 1, ...)`, the k-th alone, as the first of the two; None where it is something else."""
    match query:
        case Intersect(parts=(Top() as first, Complement(part=Top() as before))) if before.k == first.k - 1 and (
            before.measure,
            before.source,
            before.largest,
        ) == (first.measure, first.source, first.largest):
            return first
    return None


RELATIONS: Mapping[str, str] = {
    " left": "left_of", " right": "right_of", " above": "above", " below": "below", " inside": "inside",
    " contains": "contains", " touching": "overlapping", " near": "near", " beside": "next_to", " on": "on",
    " top": "on_top_of", " under": "under", " front": "in_front_of", " behind": "behind", " larger": "larger_than",
    " smaller": "smaller_than", " taller": "taller_than", " shorter": "shorter_than",
}  # fmt: skip
RANKS: Mapping[str, tuple[str, bool]] = {
    " largest": ("area", True), " smallest": ("area", False), " first": ("x", False), " last": ("x", True),
    " highest": ("y", False), " lowest": ("y", True), " tallest": ("height", True), " shortest": ("height", False),
    " widest": ("width", True), " thin": ("width", False), " central": ("from_centre", False),
    " outer": ("from_centre", True), " best": ("score", True), " northwest": ("from_top_left", False),
    " northeast": ("from_top_right", False), " southwest": ("from_bottom_left", False),
    " southeast": ("from_bottom_right", False),
}  # fmt: skip
DISTANCES: Mapping[str, bool] = {" nearest": False, " farthest": True}
BETWEEN_PIECE, PLACE, SIZE = " between", " place", " size"
PLACES = (
    "left half", "right half", "top half", "bottom half", "left third", "middle third", "right third", "top third",
    "bottom third", "centre",
)  # fmt: skip
SIZES = ("small", "medium", "large")

NUMBERED = ("find", "what", "where", "colour")
"""Questions that say how many things are meant."""

LEAST: Mapping[str, str] = {" least": ">=", " most": "<=", " exactly": "="}
"""Yes-or-no questions about a number: "are there at least two dogs?"."""

_HEADS: Mapping[str, tuple[Question, bool]] = {
    " count": ("count", False), " exists": ("exists", False), " colour": ("colour", False), " what": ("what", False),
    " where": ("where", False), " denied": ("exists", True),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pieces:
    """The pieces by which sentences about one sort of thing are written.

    Attributes:
        about: what they speak of, "picture" or "video".
        example: how one may say something of it.
        relations: piece to the relation between two things.
        ranks: piece to the measure by which things are ranked, and whether the largest come first.
        heads: what is asked, and whether the answer is the opposite of what the query gives. Finding begins with the
            number.
        often: heads that count how often something happens, and not things.
        happenings: piece to the kind of event of one thing.
        times: piece to the relation in which an event stands to others, and whether it is taken inversely.
        doing: pieces of an action, which may be named behind it.
    """

    about: str
    example: str
    relations: Mapping[str, str] = field(default_factory=lambda: RELATIONS)
    ranks: Mapping[str, tuple[str, bool]] = field(default_factory=lambda: RANKS)
    heads: Mapping[str, tuple[Question, bool]] = field(default_factory=lambda: _HEADS)
    often: tuple[str, ...] = ()
    happenings: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    doing: tuple[str, ...] = ()


PICTURE = Pieces("picture", '"the person left of the red bus"')
VIDEO = Pieces(
    "video",
    '"the red car that leaves before the bus stops"',
    relations={**RELATIONS, **{f" {kind}": kind for kind in MEETINGS}},
    ranks={
        **RANKS,
        " earliest": ("start", False), " latest": ("start", True), " longest": ("duration", True),
        " brief": ("duration", False), " fastest": ("speed", True), " slow": ("speed", False),
    },
    heads={**_HEADS, " when": ("when", False), " long": ("long", False), " way": ("way", False),
           " times": ("count", False)},
    often=(" times",),
    happenings={f" {kind}": kind for kind in MOTIONS},
    times={" before": (BEFORE, True), " after": (BEFORE, False), " while": (DURING, True)},
    doing=(" doing",),
)  # fmt: skip
