"""What no name and no phrase covers: misspelt names, words that mean the like of a relation, and the rest."""

from __future__ import annotations

from difflib import SequenceMatcher

from reasoning.errors import AmbiguousEntityError, UnknownEntityError
from reasoning.graph.names import fold
from reasoning.query.read_question import QuestionError
from reasoning.reading.english.vocabulary import UNSAYABLE
from reasoning.reading.english.word_forms import lemmas
from reasoning.reading.lexicon import Lexicon
from reasoning.reading.linking.items import Item, Mention
from reasoning.reading.linking.names import LONGEST_NAME
from reasoning.reading.linking.phrases import UNKNOWN_VERB, PhraseLinks

CORRECTIONS_TRIED = 2
"""Misspelt names looked up in one question; each is a scan over all names of the graph."""

MOST_LONGER = 5
"""Entities that a part of their name may stand for; more are too many to choose from."""

LIKE = 0.7
"""Share of the letters in common, twice over both lengths, from which a name may be another's misspelling."""


class UnknownWords(PhraseLinks):
    """What is made of words that are not known."""

    def __init__(self, question: str, lexicon: Lexicon) -> None:
        super().__init__(question, lexicon)
        self.corrections = CORRECTIONS_TRIED

    def _unknown(self, at: int) -> Item:
        """A stretch that looks like a name as a misspelt one, a word by its sense, else not understood."""
        end = at
        while (
            end < min(len(self.tokens), at + LONGEST_NAME)
            and self.tokens[end].kind == "word"
            and self.tokens[end].text[:1].isupper()
        ):
            end += 1
        text = self.tokens[at].text.rstrip(".")
        if text.casefold() in UNSAYABLE:
            return Item("light", text, at, at + 1)
        # A question's first word has a capital whatever it is.
        named = (end > at and (at > 0 or end > 1)) or text[:1] in "+."
        end = max(end, at + 1)
        if not named and not lemmas(text) and len(text) > 4:
            named, end = True, at + 1
        if named and self.corrections:
            self.corrections -= 1
            text = self.question[self.tokens[at].start : self.tokens[end - 1].end].rstrip(".")
            if longer := self._part_of_names(text):
                return Item("entity", text, at, end, mention=Mention(text, (longer,)), cost=0.1)
            try:
                match = self.kg.match(text)
            except UnknownEntityError as error:
                return Item("word", self.tokens[at].text.rstrip("."), at, at + 1, nearest=tuple(error.nearest))
            except AmbiguousEntityError as error:
                raise QuestionError(str(error)) from None
            # A slip is hardly ever in the first letter, and hardly two in a short name: Wakanda, Waldo.
            if match.corrected_to is not None and not _is_slip(fold(text), fold(match.corrected_to)):
                return Item("word", self.tokens[at].text.rstrip("."), at, at + 1, nearest=(match.corrected_to,))
            return Item("entity", text, at, end, mention=Mention(text, (match.entities,), match.corrected_to))
        if self.tokens[at].kind == "word" and self._taken_relation(at) is not None:
            return Item("light", text, at, at + 1, cost=UNKNOWN_VERB)
        if self.tokens[at].kind == "word" and lemmas(text) and (use := self.lexicon.meant(text)) is not None:
            if several := self._kind_of_names(text.casefold(), use):
                return Item("entity", text, at, at + 1, mention=Mention(text, (several,)))
            return Item("relation", text, at, at + 1, use=use)
        return Item("word", text, at, at + 1)

    def _part_of_names(self, text: str) -> tuple[int, ...]:
        """What is called so with more words: "Schiphol", "sheqel"; () where more than a few are."""
        found = self.lexicon.called(text) or self.lexicon.called(text.capitalize())
        # The "King of Prussia" is not called Prussia.
        found = [
            entity
            for entity in found
            if not self.kg.entity_labels[entity].casefold().endswith(f" of {text.casefold()}")
        ]
        return tuple(found) if len(found) <= MOST_LONGER else ()


def _is_slip(written: str, meant: str) -> bool:
    return written[:1] == meant[:1] and SequenceMatcher(None, written, meant, autojunk=False).ratio() > LIKE
