"""The answer as a card: a large sentence, the evidence, how the question was read, and the rest folded away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import numpy as np
from markupsafe import Markup

from app.graph.answer_view import Asked, evidence_table_html, picture_html, table_html, tree_html
from app.graph.graphs import is_own
from app.image.examples import LICENCE, Photograph
from app.image.looking import USUAL_SCORE, Looked
from app.image.overlay import may_be_there, numbered, objects_html, other_things, overlay_html
from app.image.page import ENDS, may_be_doubted, perhaps_coloured, reasons, task_html
from app.server.views import failure_html, percent, render, shortened
from reasoning.answer import Answer
from reasoning.query.read_question import QuestionError
from vision import Detections, Scene
from vision.classes.vocabulary import determined
from vision.detections.drawing import class_colours
from vision.detections.showing import perhaps_too, sentence, there_is
from vision.grounding.asking import NOTHING, UNTOLD, whereabouts
from vision.images import LoadedImage
from vision.selection import lacking

MOST_NAMED = 3
"""Things that were not found, which the sentence names."""
I_THINK, PERHAPS = ", I think", ", perhaps"
"""Behind what was found with a score that is wrong more often than one time in six, and below that which is asked for,
down to which what a description means is looked for."""
MOST_SPELLED_OUT = 30
"""The largest answer of which all names are shown, those that the sentence leaves out beneath it."""
MOST_PROVEN = 3
"""Things whose reasons stand below the picture; all of them are in the fold."""
READ_AS = {"detect": "Find", "segment": "Outline", "ground": "Find by a description", "count": "Count",
           "describe": "Describe"}  # fmt: skip


def graph_card(asked: Asked) -> Markup:
    """What the graph says, with its evidence as a picture."""
    answer = asked.answer
    settled = len(answer.ranked) > 0 or answer.contrast is not None or answer.value is not None
    how = [("asked of", f"the graph {answer.kg.graph_name}"), ("read as", asked.query.verbalise(answer.kg))]
    referred = "" if asked.understood is None else asked.understood.referred
    if referred:
        how.insert(1, ("after the last answer", referred))
    if asked.understood is not None:
        how.append(("understood:", percent(asked.understood.confidence)))
    # What refers to the answer before means something else by itself, so its link asks the query.
    question = str(asked.query) if referred else asked.text
    return render(
        "ask/graph.html",
        asked=asked,
        settled=settled,
        how=how,
        others=_other_names(answer),
        counted=[note for note in asked.notes if note in answer.kg.definitions.values()],
        evidence=picture_html(asked),
        table=table_html(answer),
        facts=evidence_table_html(answer),
        tree=tree_html(asked.query, answer.kg),
        link="" if is_own(asked.graph) else urlencode({"graph": asked.graph, "q": question}),
        workbench="" if is_own(asked.graph) else urlencode({"tab": "graph", "graph": asked.graph, "q": question}),
    )


def _other_names(answer: Answer) -> list[str]:
    """The names that the sentence leaves out, where they can be read at a glance, else none."""
    if answer.value is not None or answer.values is not None or answer.count > MOST_SPELLED_OUT:
        return []
    said = {phrase.entity for phrase in answer.sentence_parts}
    left = [entity for entity in answer.ranked.tolist() if entity not in said]
    return [answer.kg.name(entity) for entity in left] if len(left) < answer.count else []


def picture_card(question: str, looked: Looked, scene: Scene, photograph: Photograph | None) -> Markup:
    """What was found in a picture, drawn on it, with the relations that prove it."""
    grounding = looked.grounding
    proof = (
        []
        if grounding is None
        else [(number, _telling(one.words)) for number, one in enumerate(grounding.justification)]
    )
    return _card(
        question, looked.image, looked.detections, photograph, scene, looked,
        sentence=picture_sentence(looked),
        notes=reasons(looked),
        proof=proof[:MOST_PROVEN],
        how=[("asked of", "the picture"), *_reading(looked)],
        task=task_html(looked.task, looked.detections.notes),
        query="" if grounding is None else str(grounding.query),
    )  # fmt: skip


def found_card(
    image: LoadedImage, scene: Scene, photograph: Photograph | None, said: str, suggestions: Sequence[str],
    question: str = "", notes: Sequence[str] = (),
) -> Markup:  # fmt: skip
    """A picture with all that was found in it, and questions that can be asked of it: for a picture that was just
    given, and where a question could not be answered."""
    return _card(
        question, image, scene.detections, photograph, None, None, sentence=said, notes=notes, suggestions=suggestions
    )


def refusal_card(
    error: Exception, question: str, suggestions: Sequence[str], graph: str, choices: Sequence[Any]
) -> Markup:
    """Why the graph has no answer, what else may be meant, and questions that it answers."""
    return render(
        "ask/refusal.html",
        question=question,
        failure=failure_html(error),
        asks_back=isinstance(error, QuestionError) and bool(choices),
        choices=choices,
        suggestions=suggestions,
        link="" if is_own(graph) or not question else urlencode({"graph": graph, "q": question}),
    )


def failure_card(question: str, error: Exception) -> Markup:
    """Why a picture cannot be shown."""
    return render("ask/failure.html", question=question, failure=failure_html(error))


def _card(
    question: str, image: LoadedImage, detections: Detections, photograph: Photograph | None, scene: Scene | None,
    looked: Looked | None, **parts: Any,
) -> Markup:  # fmt: skip
    grounding = None if looked is None else looked.grounding
    shown = [] if scene is None else [item.class_name for item in scene.objects]
    colours = class_colours((*detections.class_names, *shown))
    # Only what gives a reason, and what may be there too, is drawn beside what was found.
    rest = may_be_there(detections, len(detections))
    if scene is not None and grounding is not None:
        numbers = numbered(scene, detections, grounding)
        rest += [thing for thing in other_things(scene, numbers, detections, grounding) if thing.gives_reason]
    picture = {} if photograph is None else {"picture": photograph.name}
    asked = {**picture, **({"q": question} if question else {})}
    return render(
        "ask/picture.html",
        **{"proof": (), "how": (), "suggestions": (), "task": "", "query": "", "notes": (), **parts},
        question=question,
        overlay=overlay_html(image, detections, colours, rest, doubts=looked is not None and may_be_doubted(looked)),
        objects=objects_html(detections) if len(detections) else "",
        photograph=photograph,
        licence=LICENCE,
        link="" if photograph is None else urlencode(asked),
        workbench="" if photograph is None else urlencode({"tab": "image", **asked}),
    )


CANNOT_TELL = "I can't tell."
SEES_NONE = "I can't see any."
"""Of what was not found, which may be there all the same: a detector misses things."""


def picture_sentence(looked: Looked) -> str:
    """The answer to what was asked of a picture, as a sentence."""
    found, task, grounding, value = looked.detections, looked.task, looked.grounding, looked.detections.value
    names = found.class_names
    think = _doubt(looked)
    perhaps = "" if found.perhaps is None else f"perhaps {perhaps_too(names, found.perhaps.class_names)}"
    more = f"{think}, and {perhaps}" if perhaps else think
    more += looked.untold
    if found.perhaps is not None and not len(found):
        return f"None for sure, but {perhaps}{_place(found.perhaps, looked.image)}."
    if isinstance(value, bool):
        which = None if grounding is None else grounding.alternatives
        if not value:
            return "No." if len(found) else "Not that I can see."
        return f"Yes{think}." if which is None else f"{which.answer(think)}."
    if looked.untold and looked.asks_whether_or_how_many:
        return f"{there_is(names)}{more}.{_not_found(looked)}"
    if grounding is not None and grounding.question == "exists":
        return CANNOT_TELL
    if task.kind == "count" or (grounding is not None and grounding.question == "count"):
        told = f"{there_is(names)}{more}." if len(found) else SEES_NONE if value == 0 else CANNOT_TELL
        return f"{told}{_not_found(looked)}"
    if grounding is not None and value in UNTOLD:
        return f"{perhaps}{looked.untold}." if (perhaps := perhaps_coloured(grounding)) else CANNOT_TELL
    if isinstance(value, str) and grounding is None:
        return _described(looked) if task.kind == "describe" else value
    if value == NOTHING:
        return "Nothing that I can see."
    if isinstance(value, str):
        return f"{value[:1].upper()}{value[1:].removesuffix('.')}{more}."
    if not len(found):
        return CANNOT_TELL if task.undetectable and not task.targets else SEES_NONE
    named = "" if task.expression is None else determined(task.expression.rstrip(".?! "), task.instruction)
    if named and not looked.untold:
        return f"Found {named if len(found) == 1 else f'{len(found)}: {named}'}{think}."
    told = sentence(found).removesuffix(".")
    how, place = ("Outlined", "") if task.kind == "segment" else ("Found", _place(found, looked.image))
    return f"{how} {told[:1].lower()}{told[1:]}{place}{more}.{_not_found(looked)}"


def _doubt(looked: Looked) -> str:
    """How surely it is told what was found; "" where that is trusted."""
    if not any(looked.unsure):
        return ""
    assert looked.detections.scores is not None
    return PERHAPS if looked.detections.scores.min() < USUAL_SCORE else I_THINK


def _described(looked: Looked) -> str:
    """What is in the picture, what is less sure behind what is sure; a model's own caption as it is."""
    found, unsure = looked.detections, np.array(looked.unsure, bool)
    if found.value != sentence(found) or unsure.all() or not unsure.any():
        return str(found.value)
    perhaps = perhaps_too(found[~unsure].class_names, found[unsure].class_names)
    return f"{sentence(found[~unsure]).removesuffix('.')}, and perhaps {perhaps}."


def _place(found: Detections, image: LoadedImage) -> str:
    """Where the one thing is that was found; such as " (top left)"."""
    if len(found) != 1:
        return ""
    (thing,) = Scene.from_detections(found, image).objects
    return f" ({whereabouts(thing.positions)})"


def _not_found(looked: Looked) -> str:
    """What was asked for beside something that was found, and was not; such as " Not found: zebra."."""
    names = looked.detections.class_names
    if looked.detections.perhaps is not None:
        names += looked.detections.perhaps.class_names
    said = looked.task.instruction.casefold()
    missing = [word for word in lacking(looked.task.targets or (), names) if word.casefold() in said]
    if not names or not missing:
        return ""
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    return f" Not found: {', '.join(shortened(label, 40) for label in missing[:MOST_NAMED])}{more}."


def _telling(words: str) -> str:
    """A reason without what says only which class a thing is of, which the picture shows."""
    parts = words.split("; ")
    relations = [part for part in parts if " is a " not in part and " is an " not in part]
    return "; ".join(relations or parts)


def _reading(looked: Looked) -> list[tuple[str, str]]:
    """How an instruction was read, in a few words each."""
    task = looked.task
    how = [("read as", READ_AS[task.kind])]
    if task.expression is not None:
        how[0] = ("read as", f'"{shortened(task.expression, 80)}"')
    elif task.targets:
        how.append(("looked for", shortened(", ".join(target.label for target in task.targets), 80)))
    if task.limit is not None:
        how.append(("kept", f"the {ENDS[task.limit.by, task.limit.order]} {task.limit.count}"))
    if task.probability is not None:
        how.append(("understood:", percent(task.probability)))
    return how
