"""Runs of words that may name something in the image: whose they are, what they say of what was named, or nothing.

One run is judged by one question after the other, the plainest first; what no question settles is a thing that is
looked for or left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from vision.classes.phrases import COLOURS
from vision.reading.instructions.sentences.clause_state import ClauseState
from vision.reading.instructions.sentences.clause_verbs import IMAGE_WORD
from vision.reading.instructions.sentences.parsed import Item
from vision.reading.instructions.sentences.tokens import Token
from vision.reading.instructions.words.english import is_adjective
from vision.reading.instructions.words.wording import NAMES_NOTHING, NOT_SUPERLATIVES, NOTHING, PURPOSES, TO_A_NAME

_LONGEST_NAME = 200
"""Characters; nothing has a longer name."""
_PARTED = (",", ".", ";")


class Naming(ClauseState):
    """Reads what a run of words names; each question answers with the place to go on at, or None where it says no."""

    def _phrase(self, position: int) -> int:
        """Read a run of words that names something, or report it."""
        end = self.words.run_end(position, self.verb is None)
        run = self.tokens[position:end]
        for question in (
            self._owner,
            self._kind_of_picture,
            self._unknown_subject,
            self._unknown_rank,
            self._nameless,
            self._all_but_a_kind,
            self._colour_behind,
            self._row_of_classes,
            self._doing,
        ):
            if (after := question(run, end)) is not None:
                return after
        return self._name(self._without_doing(run, end), end)

    def _owner(self, run: Sequence[Token], end: int) -> int | None:
        """ "my daughter is crazy about trains": somebody is only spoken of."""
        position = run[0].index
        if not (self.words.is_owned_subject(position, end) and self.clause_start is self.tokens[position - 1]):
            return None
        item = self._item(run)
        item.owner = True
        self._place(item)
        return end if self.tokens[end].can_be("be", "verb") else end + 1

    def _kind_of_picture(self, run: Sequence[Token], end: int) -> int | None:
        """ "from this shelf photo": what kind of picture it is."""
        after = self.words.at(end)
        if (
            after is None
            or not (IMAGE_WORD.fullmatch(after.text) or after.text in PURPOSES)
            or run[0].can_be("quoted")
            or not (self.preposition is not None or self.verb is None or self._describes())
        ):
            return None
        self._new_phrase()
        return end

    def _unknown_subject(self, run: Sequence[Token], end: int) -> int | None:
        """ "frobnicate the cats": a word before a thing that is no verb that we know."""
        if (
            self.verb is not None
            or self.clause_start is not run[0]
            or not self.words.before_determiner(end)
            or run[0].can_be("quoted")
            or self.words.participle(run[0].index, end, after_thing=False) is not None
        ):
            return None
        self._new_clause("foreign")
        self.loose += run
        return end

    def _unknown_rank(self, run: Sequence[Token], end: int) -> int | None:
        """ "the tallest person": no rule knows this rank, so all of them are found and it is said."""
        if len(run) == 1 or not run[0].text.endswith("est") or run[0].text in NOT_SUPERLATIVES:
            return None
        self.loose.append(run[0])
        self.determiner = None
        return run[0].index + 1

    def _nameless(self, run: Sequence[Token], end: int) -> int | None:
        """What can't be seen as an object ("the weather"), or is too long for a name."""
        if run[-1].text in NAMES_NOTHING and not run[0].can_be("quoted") and self.exclusion is None:
            self.loose += run
            self._new_clause("foreign")
            return end
        if run[-1].end - run[0].start > _LONGEST_NAME:
            self.loose += run
            return end
        return None

    def _all_but_a_kind(self, run: Sequence[Token], end: int) -> int | None:
        """ "non-vehicle objects" """
        after = self.words.at(end)
        if not run[0].text.startswith("non-") or len(run) > 1 or after is None or not after.can_be("object"):
            return None
        item = self._item(run)
        item.start += len("non-")
        item.excluded, item.exclusion = True, run[0].start
        self.result.items.append(item)
        return end

    def _colour_behind(self, run: Sequence[Token], end: int) -> int | None:
        """ "umbrella, purple, the largest" """
        after, before = self.words.at(end), self.words.at(run[0].index - 1)
        if (
            len(run) == 1
            and run[0].text in COLOURS
            and self.result.items
            and not self.result.items[-1].colour
            and before is not None
            and before.text == ","
            and (after is None or after.text in _PARTED)
        ):
            self.result.items[-1].colour = run[0].text
            return end
        return None

    def _row_of_classes(self, run: Sequence[Token], end: int) -> int | None:
        """ "tvs sofas beds" """
        if len(run) == 1 or not self.words.lists_classes(run):
            return None
        for one in run:
            self._place(self._item([one]))
        return end

    def _doing(self, run: Sequence[Token], end: int) -> int | None:
        """ "the woman holding a phone", "the handbag hanging from the chair": what relates a thing to another one."""
        position = run[0].index
        cut = self.words.participle(position, end, self.head is not None)
        if cut is None:
            return None
        if position + cut + 1 < end or self.words.before_name(end):
            self._open_expression(self._item(run[:cut]) if cut else self.head)
            return position + cut + 1
        after = self.words.at(end)
        if (
            cut
            and after is not None
            and after.can_be("preposition")
            and not after.can_be("relation")
            and self.words.content_at(end + 1) is not None
        ):
            self._open_expression(self._item(run[:cut]))
            return end
        return None

    def _without_doing(self, run: Sequence[Token], end: int) -> Sequence[Token]:
        """The words without a verb in -ing at their end, which says what isn't seen ("people walking")."""
        cut = self.words.participle(run[0].index, end, self.head is not None)
        if not cut or cut != len(run) - 1:
            return run
        if not self.words.is_in_image(end):
            after = self.words.at(end)
            if after is not None and after.can_be("relation", "preposition"):
                return run
            self.loose.append(run[cut])
        return run[:cut]

    def _name(self, run: Sequence[Token], end: int) -> int:
        """Take a run for a thing, where it stands where things are named."""
        if len(run) > 1 and run[-1].text in COLOURS and self.question_at is not None and not self.exclusion:
            # "are any of the cars green?"
            item = self._item(run[:-1])
            item.colour = run[-1].text
            self._place(item)
            return end
        if self._is_loose_here(run) or run[-1].text in NOTHING or self.words.compares(run[0].index):
            self.loose += run
            if run[0].index:
                self._revoke_size(self.tokens[run[0].index - 1])
            self._new_phrase()
            return end
        if self._predicate(run):
            return end
        item = self._item(run)
        self._place(item)
        if len(run) > 1 and self.verb is not None and not self.exclusion and self.words.before_determiner(end):
            self._open_expression(item)
        return end

    def _describes(self) -> bool:
        """Whether a description is asked for and nothing has been named yet: "describe my holiday photo"."""
        return not self.result.items and any(said.value == "describe" for said in self.reading.of("kind"))

    def _revoke_size(self, token: Token) -> None:
        """Take back a size that is said of what isn't looked for: "I run a small café"."""
        sizes = [said for said in self.words.said_in(token) if said.field in ("min_area", "max_area")]
        if token.can_be("selection") and sizes:
            self.revoked |= {id(said) for said in sizes}
            self.loose.append(token)

    def _is_loose_here(self, run: Sequence[Token]) -> bool:
        """Whether words stand where nothing that is looked for is named: "as CSV", "draw a cat", "to my landlord"."""
        if self.preposition is not None:
            return self.preposition.text not in TO_A_NAME and not (
                self.preposition.text == "with" and self.words.ends_left_out(run[-1].index + 1)
            )
        return self.verb == "telling" and not (self.naming or self.exclusion or run[0].can_be("quoted"))

    def _predicate(self, run: Sequence[Token]) -> bool:
        """Read words that say more of the thing before them: "cars that are red"; what isn't a colour is reported."""
        before = self.words.at(run[0].index - 1)
        items = self.result.items
        if (
            len(run) == 1
            and is_adjective(run[0].text)
            and run[0].text not in COLOURS
            and before is not None
            and before.can_be("be")
            and self.head is None
            and self.words.after_output(before.index)
        ):
            # "its category is immaterial"
            return True
        if (
            len(run) == 1
            and run[0].text in COLOURS
            and before is not None
            and before.can_be("be")
            and self.head is None
            and self.determiner is None
            and items
            and not items[-1].excluded
            and not items[-1].colour
        ):
            # "of the umbrellas, how many are red?"
            items[-1].colour = run[0].text
            return True
        if (
            before is None
            or not before.can_be("be", "that")
            or not isinstance(self.head, Item)
            or self.determiner is not None
        ):
            return False
        if len(run) == 1 and run[0].text in COLOURS and not self.head.excluded:
            self.head.colour = run[0].text
        else:
            self.loose += run
        return True
