"""The words of one question, and which of them may be left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.read_question import QuestionError
from reasoning.reading.english.vocabulary import ARTICLES, FILLER, changes_nothing
from reasoning.reading.lexicon import Lexicon
from reasoning.reading.linking.items import Item
from reasoning.reading.linking.tokens import Token, tokens

MOST_WORDS = 70
"""Words in the longest question; the work grows with the third power."""

LONGEST_MARKED = 12
"""Words in the longest name with quotes or brackets that is looked for as it stands."""

_MARK, _APART = re.compile(r'["“”\[\]]'), re.compile(r"\S+")

SOMEBODY, RELATIVE = frozenset({"someone", "somebody", "those"}), frozenset({"who", "that", "whom", "whose"})
"""Words that stand for what a clause behind them says, and the words that such a clause begins with."""

LONGEST_FILLER = 4
"""Words in the longest phrase that may be left out as a whole."""


class QuestionWords:
    """What all linking looks at.

    Args:
        question: plain English.
        lexicon: the words of the graph that is asked.

    Raises:
        QuestionError: the question has too many words.
    """

    def __init__(self, question: str, lexicon: Lexicon) -> None:
        self.question, self.lexicon = question, lexicon
        self.kg: KnowledgeGraph = lexicon.kg
        self.tokens = list(self._tokens())
        if len(self.tokens) > MOST_WORDS:
            raise QuestionError("the question is too involved to be read; ask it in several parts")
        self.words = [token.text.rstrip(".").replace("’", "'").casefold() for token in self.tokens]
        self.in_filler = [False] * len(self.tokens)  # of a longer phrase that may be left out
        self.filler = self._filler()
        self.named: list[Item] = []  # names so far, for the pronouns behind them

    def _tokens(self) -> Iterator[Token]:
        """The tokens; a name that holds quotes or brackets is one as it stands."""
        at = 0
        for start, end in self._names_with_marks():
            for token in tokens(self.question[at:start]):
                yield replace(token, start=token.start + at, end=token.end + at)
            yield Token(self.question[start:end], start, end, "bracketed")
            at = end
        for token in tokens(self.question[at:]):
            yield replace(token, start=token.start + at, end=token.end + at)

    def _names_with_marks(self) -> Iterator[tuple[int, int]]:
        """Where labels stand that hold quotes or brackets, which otherwise mark a name: `Acme "Widgets" [Ltd]`."""
        if not _MARK.search(self.question):
            return
        words, past = list(_APART.finditer(self.question)), 0
        for at, first in enumerate(words):
            start = first.start()
            if start < past or _MARK.match(first[0]):
                continue
            for last in reversed(words[at : at + LONGEST_MARKED]):
                text = self.question[start : last.end()].rstrip("?!.,;:")
                if _MARK.search(text) and text in map(self.kg.entity_labels.__getitem__, self._called(text)):
                    past = start + len(text)
                    yield start, past
                    break

    def _called(self, text: str) -> Sequence[int]:
        return self.kg.names.with_key(fold(text))

    def _filler(self) -> list[bool]:
        """Whether each word may be left out; "in the world" only as a whole."""
        filler = [
            token.kind == "word" and changes_nothing(word) for token, word in zip(self.tokens, self.words, strict=True)
        ]
        for at, word in enumerate(self.words[:-1]):
            if word in SOMEBODY and self.words[at + 1] in RELATIVE:
                filler[at] = False  # "manages someone who speaks German"
        for at in range(1, len(self.words)):
            filler[at] = filler[at] or self.words[at - 1 : at + 1] == ["a", "few"]  # some
        filler[:1] = [filler[:1] == [True] or self.words[:1] == ["could"]]  # "could an antibiotic cause it"
        said = [at for at, word in enumerate(self.words) if word not in ARTICLES]
        for at, word in enumerate(self.words):
            filler[at] = filler[at] or word in ("has", "have", "had")  # which may also say what something has
        for length in range(2, LONGEST_FILLER + 1):
            for at in range(len(said) - length + 1):
                run = said[at : at + length]
                if " ".join(self.words[place] for place in run) in FILLER:
                    filler[run[0] : run[-1] + 1] = [True] * (run[-1] + 1 - run[0])
                    self.in_filler[run[0] : run[-1] + 1] = [True] * (run[-1] + 1 - run[0])
        return filler
