"""What the sentences of an instruction name: things to be looked for or left out, and a referring expression."""

from __future__ import annotations

from dataclasses import dataclass, field

from vision.reading.instructions.phrases.class_sets import ClassSet

Span = tuple[int, int]


@dataclass
class Item:
    """One phrase for something in the image.

    Attributes:
        start: where the phrase begins in the canonical text, without its determiner.
        end: one past its last character.
        whole: the same with its determiner and number.
        excluded: whether it is ruled out.
        exclusion: where what rules it out begins, or None.
        by_order: whether it is ruled out by an order of its own ("ignore the cars that ...").
        fragment: whether no verb of finding came before it.
        quoted: whether the user put it in quotes, so that it is a label as it stands.
        number: how many are asked for, with its place, or None.
        colour: a colour word that was said after it or shared with the next phrase, or "".
        refers_back: whether it is a colour of what was named before: "the yellow bananas and the green ones".
        heading: whether it stands in a heading, before a colon and without a verb: "For failure analysis: ...".
        beneficiary: whether "for" or "to" led to it: "sum it up for someone who can't see it".
        origin: whether "from", "by" or "via" led to it: "we annotate livestock from drones".
        each: whether "per" led to it: "ten vertices per animal".
        owner: whether something is only said of it, as a thing of somebody's: "my daughter is crazy about trains".
        expression: where a referring expression would begin and end if the phrase proves to be no class or no part of
            the class before it ("people without hats", "things with wheels"), or None.
        qualifiers: selections that belong to this excluded phrase alone, as their places.
    """

    start: int
    end: int
    whole: int
    excluded: bool = False
    exclusion: int | None = None
    by_order: bool = False
    quoted: bool = False
    fragment: bool = False
    number: tuple[float, Span] | None = None
    colour: str = ""
    refers_back: bool = False
    heading: bool = False
    beneficiary: bool = False
    origin: bool = False
    each: bool = False
    owner: bool = False
    expression: Span | None = None
    qualifiers: list[Span] = field(default_factory=list)


@dataclass
class Sentences:
    """What all sentences together name.

    Attributes:
        items: in the order of the text.
        included_sets: class sets that are looked for.
        excluded_sets: class sets that are left out.
        expression: the place of a referring expression, or None.
        heads: the items of what the expression is about, such as the bottles of "how many bottles are on the table".
        question: the place of a question that is answered by yes or no, or None.
        asked_again: whether a later sentence says what to do with what the question asked for ("Box it.").
        unread: places of what was not understood.
    """

    items: list[Item] = field(default_factory=list)
    included_sets: list[ClassSet] = field(default_factory=list)
    excluded_sets: list[ClassSet] = field(default_factory=list)
    expression: Span | None = None
    heads: list[Item] = field(default_factory=list)
    question: Span | None = None
    asked_again: bool = False
    unread: list[Span] = field(default_factory=list)
