from typing import Any

import pytest

from reasoning.lm.constraint import Constraint
from reasoning.lm.generation import WriterTokens
from training.instructions import FOLDER, read_lists
from vision.errors import InstructionError
from vision.parsing.instruction_codec import TaskReply, read_back, task_grammar, written
from vision.parsing.prompt import LONGEST_WORD, TextPrompt


@pytest.mark.parametrize(
    ("instruction", "reply", "text"),
    [
        ("Dogs!", {"classes": ["Dogs"]}, " detect Dogs"),
        ("the red and blue umbrellas, but no mugs",
         {"classes": ["red umbrellas", "blue umbrellas"], "excluded": ["mugs"]},
         " detect red umbrellas, blue umbrellas except mugs"),
        ('Outline {"bus":<c1>, "black cat":<c0>} by sixteen points, range 512',
         {"kind": "segment", "classes": ["black cat", "bus"], "explicit_set": True,
          "output": {"points": 16, "scale": "range", "range": 512, "class_as": "token"}},
         " segment α; points 16; range 512; token"),
        ("find the cup left of the jug, JSON",
         {"kind": "ground", "expression": "cup left of the jug", "output": {"format": "json"}},
         " ground: cup left of the jug; json"),
        ("{the cup left of the jug:<cls0>}", {"kind": "ground", "expression": "the cup left of the jug"}, " ground: α"),
        ("the three biggest dogs in the top left corner, over 40 px wide, 35 % sure",
         {"classes": ["dogs"], "limit": {"count": 3, "by": "area", "order": "descending"}, "size": {"min_width": 40},
          "region": {"left": 0, "right": 0.5, "top": 0, "bottom": 0.5}, "min_score": 0.35},
         " detect dogs; largest 3; left half top half; width > 40; sure 0.35"),
        ("cars with x from 0.1 to 0.9, keys kind and bbox_2d",
         {"classes": ["cars"], "region": {"left": 0.1, "right": 0.9},
          "output": {"label_key": "kind", "box_key": "bbox_2d"}},
         " detect cars; x 0.1, 0.9; keys kind, bbox_2d"),
        ("any dogs?", {"classes": ["dogs"], "asks_whether": True}, " check dogs"),
        ("find dogs and mail it to me", {"classes": ["dogs"], "unread": ["mail it to me"]},
         " detect dogs; ignore mail it to me"),
        ("boxes but no boxes", {"contradiction": "its parts exclude each other"}, " contradiction"),
        ("what's this?", {"kind": "describe"}, " describe"),
    ],
)  # fmt: skip
def test_a_reply_is_written_in_few_pieces_and_read_back(instruction: str, reply: dict[str, Any], text: str) -> None:
    prompt = TextPrompt(instruction)
    meant = TaskReply.model_validate(reply)
    assert "".join(written(meant, prompt)) == text
    assert read_back(text, prompt) == meant


def test_what_is_no_reply_is_refused_and_named() -> None:
    for text, named in {
        " detect dogs; middle quarter": "middle quarter", " detect dogs; sure 7": "sure 7", " sing dogs": "sing",
        " detect dogs; wherever 3": "wherever", " ground: the cat": "the cat", " detect α": "α",
    }.items():  # fmt: skip
        with pytest.raises(InstructionError, match=named):
            read_back(text, TextPrompt("find the dogs"))
    for text, named in {"find {<expression>:<cls0>}": "<expression>", "dogs " * 10_000: "at most 4000"}.items():
        with pytest.raises(InstructionError, match=named):
            _ = TextPrompt(text).text


def test_class_sets_of_any_length_stand_in_a_prompt_by_their_ids() -> None:
    names = ", ".join(f'"thing number {at}"' for at in range(5000))
    prompt = TextPrompt(f"Everything of {{{names}}}, but of [cup, mug] nothing")
    assert prompt.text == (
        "I: Everything of {α: thing number 0, thing number 1, thing number 2, thing number 3, ...}, but of "
        "{β: cup, mug} nothing\nTask:"
    )
    assert len(read_back(" detect α except β", prompt).classes) == 5000


def test_notations_of_class_sets() -> None:
    for instruction, names in {
        '{"car": "<c0>", \'bus\': <c1>}': ("car", "bus"),
        '{\\"car\\":<c0>,\\"bus\\":<c1>}': ("car", "bus"),
        '{"people": <c1>, "dog": <c0>}': ("dog", "people"),
        "find {<the man in the red coat>:<cls0>}": ("the man in the red coat",),
        "[cup, wine glass; mug]": ("cup", "wine glass", "mug"),
    }.items():
        (found,) = TextPrompt(instruction).sets
        assert found.names == names
    for instruction in ("boxes as [0.1, 0.2]", "{}", "[only]", '{"a": "b c"}'):
        assert not TextPrompt(instruction).sets


def test_a_flood_of_letters_is_cut_short_and_no_word_to_copy() -> None:
    prompt = TextPrompt(f"find the dog {'a' * 1000} cat")
    assert prompt.text == f"I: find the dog {'a' * LONGEST_WORD}... cat\nTask:"
    assert [word.text for word in prompt.copied_words.words] == ["find", "the", "dog", "cat"]
    assert prompt.quoted("the dog") == "the dog"
    assert prompt.find("dog cat") is None, "something stands between them"


def test_every_reply_of_the_written_lists_is_one_that_the_grammar_allows(tokens: WriterTokens) -> None:
    instructions = read_lists(sorted(FOLDER.glob("*.json")))
    assert len(instructions) >= 1000
    for one in instructions[::25]:
        prompt = TextPrompt(one.text)
        pieces = written(one.reply, prompt)
        assert read_back("".join(pieces), prompt).kind == one.reply.kind
        constraint = Constraint(task_grammar(prompt, tokens.piece), tokens.spelling)
        assert constraint.accepts(tokens.reply(pieces).tolist()), one.text
        assert not constraint.accepts(tokens.reply([" detect", " Napoleon"]).tolist()), "no word of the instruction"
