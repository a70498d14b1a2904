"""Rules that read a wording: a pattern, the field of the task that it speaks of, and the value that it gives it.

What every rule says is kept with its place in the text, so that two parts that cannot both hold are told by their own
words (`contradictions`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vision.reading.instructions.source import ClaimKind, Source
from vision.reading.instructions.words.numbers import NUMBER

Field = str
"""A field of `Task`, `Limit`, `SizeRange` or `OutputFormat`, by its name; `polygon` for outlines of any kind."""

IMAGE = (
    r"\b(?:images?|pictures?|photos?|photographs?|pics?|frame|scene|shot|snapshot|view"
    r"|screenshot)\b"
)
"""A pattern for the words that mean the image itself."""

_MACROS = {
    "«n»": rf"(?P<n>{NUMBER})",
    "«n2»": rf"(?P<n2>{NUMBER})",
    "«image»": IMAGE,
    "«of image»": (
        rf"(?: (?:of|in|on|within) (?:(?:the|this|that|my|our|its|each|every|whole|entire|full) ){{0,6}}"
        rf"(?:(?<=the |his |hat |our | my )[a-z-]+ )?{IMAGE}(?:'s (?:width|height|area))?)"
    ),
    "«any»": "[^.;!?\ue000-\ue004]",
}

_RULED_OUT = re.compile(
    r"\b(?:not|no|never|without|instead of|rather than|omit(?:ting)?|drop(?:ping)?|skip(?:ping)?|exclud(?:e|ing)|except"
    r"|leav(?:e|ing) (?:out|off|away)|neither|nor)"
    r"(?: (?:use|give|want|write|output|include|return|print|add|show|put|mention|report|provide|be|have|need|state"
    r"|the|any|a|an|its|their|of|in|as|on|with|me|using|including|giving|writing|outputting|stating|actual|object|also"
    r"|such|kind|tell|list|us|bother|care|about|worry)){0,12} ?$"
)


_PREFERRED_TO = re.compile(
    r"\b(?:rather|prefer|sooner)\b[^.;!?]{0,50} (?P<than>(?:than|over)(?: (?:have|in|as|the|to|get|any)){0,3}) ?$"
)
"""Before what is not wanted in "I would rather have shares than pixels"."""


def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern with its macros («n» a number, «image» a word for the image ...) put in."""
    for macro, put in _MACROS.items():
        pattern = pattern.replace(macro, put)
    return re.compile(pattern)


@dataclass(frozen=True)
class Said:
    """One thing that a part of the instruction says.

    Attributes:
        field: what it speaks of.
        value: what it says of it.
        start: where it stands in the canonical text.
        end: one past its last character.
        weak: whether a plain statement elsewhere overrules it, as a token in a class set is overruled by "class names".
        ruled_out: whether it says that the field does not have this value.
    """

    field: Field
    value: Any
    start: int
    end: int
    weak: bool = False
    ruled_out: bool = False


@dataclass(frozen=True)
class Rule:
    """A wording and what it says.

    Attributes:
        pattern: found anywhere in what is still open. Where it has groups `a` and `b`, only those are claimed.
        field: what it speaks of, or None for words that say nothing by themselves.
        value: the value, or what gives it for a match; None there means that the wording is not meant.
        weak: see `Said`.
        negatable: whether "no", "without", "instead of" before it turn it into its opposite.
        kind: what the words are claimed as.
    """

    pattern: re.Pattern[str]
    field: Field | None
    value: Any = True
    weak: bool = False
    negatable: bool = True
    kind: ClaimKind = "output"


def rule(
    pattern: str,
    field: Field | None,
    value: Any = True,
    *,
    weak: bool = False,
    negatable: bool = True,
    kind: ClaimKind = "output",
) -> Rule:
    """A rule about the output, with the macros of its pattern put in."""
    return Rule(compiled(pattern), field, value, weak, negatable, kind)


@dataclass
class Reading:
    """What has been read of an instruction so far.

    Attributes:
        source: its text.
        said: what its parts say.
        unread: parts of the canonical text that were not understood or are not obeyed, as [start, end).
        notes: what was assumed, one sentence each.
    """

    source: Source
    said: list[Said] = field(default_factory=list)
    unread: list[tuple[int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def say(
        self, name: Field, value: Any, start: int, end: int, *, weak: bool = False, ruled_out: bool = False
    ) -> None:
        """Keep what a part of the text says."""
        self.said.append(Said(name, value, start, end, weak, ruled_out))

    def of(self, name: Field) -> list[Said]:
        """What was said of a field, in the order of reading."""
        return [said for said in self.said if said.field == name]

    def note(self, sentence: str) -> None:
        """Keep a note once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def apply(self, rules: Sequence[Rule]) -> None:
        """Read every rule's wordings in what is still open, rule by rule."""
        for one in rules:
            spans: list[tuple[int, int]] = []
            for match in one.pattern.finditer(self.source.open):
                value = one.value(match) if callable(one.value) else one.value
                if value is None:
                    continue
                start, end = match.span()
                ruled_out = False
                if one.negatable and (before := _RULED_OUT.search(self.source.open[max(0, start - 60) : start])):
                    start -= len(before[0])
                    ruled_out = True
                elif one.negatable and (before := _PREFERRED_TO.search(self.source.open[max(0, start - 80) : start])):
                    start -= before.end() - before.start("than")
                    ruled_out = True
                if one.field is not None:
                    self.say(one.field, value, start, end, weak=one.weak, ruled_out=ruled_out)
                if "a" in one.pattern.groupindex:
                    spans += [(start, match.end("a"))] if match.start("a") == match.start() else [match.span("a")]
                    spans += [match.span("b")]
                else:
                    spans.append((start, end))
            self.source.claim(spans, one.kind)


Values = Callable[[re.Match[str]], Any]
"""What gives a rule's value for a match."""
