"""The models of the page as cards: what each is and does, its licence and size, where it runs, what it cannot do."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from markupsafe import Markup

from app.models.language_model import SMALL, LanguageModel
from app.models.own import OwnModel
from app.server.templates import heading, muted, render
from kg_data.sentence_vectors import PACKAGE
from reasoning.language import describe_llm
from reasoning.language.hosted.providers import address

HERE = "on this machine; nothing leaves it"


@dataclass(frozen=True)
class Card:
    """One model as a visitor should know it; all texts are plain, and escaped when shown.

    Attributes:
        role: what it is for, as a heading.
        name: what it is called.
        does: what it does here.
        licence, size, runs: as `describe_llm` has them.
        cannot: what it can't do.
        key: what the card is found by.
    """

    role: str
    name: str
    does: str
    licence: str
    size: str
    runs: str
    cannot: str
    key: str


def language_model_html(model: LanguageModel) -> Markup:
    """What stands above the model's steps: which model the visitor has, in a sentence."""
    return heading("The language model, step by step") + muted(model.sentence())


def cards_html(model: LanguageModel, detector: str) -> Markup:
    """The models in use, as `cards` has them, as a list."""
    return render("models/cards.html", cards=cards(model, detector))


def cards(model: LanguageModel, detector: str) -> tuple[Card, ...]:
    """The models in use by the visitor whose event is being handled.

    Args:
        model: the page's language model, which knows visitors' own.
        detector: what the detector was asked for as.
    """
    return (_reader(model.own), _language_model(model), _encoder(), _instruction_reader(), _detector(detector))


def _reader(own: OwnModel | None) -> Card:
    if own is not None:
        return Card(
            "Question reader", own.spec, "Writes your question as a query, helped by the graph's own words.",
            "the provider's terms", "not known here", describe_llm(own.model)["runs"],
            "It may read a question otherwise than you meant it: the page shows the query it made.", "reader",
        )  # fmt: skip
    return Card(
        "Question reader", "SmolLM2-135M-Instruct with an adapter of Skylark's",
        "Reads your question as a query over the graph's names and relations, which is then checked and run.",
        "Apache-2.0", "135 million parameters, 270 MB", HERE,
        "It knows English only, and misreads some of it: the page shows what was read, how sure that is, and what else "
        "you may mean.", "reader",
    )  # fmt: skip


def _language_model(model: LanguageModel) -> Card:
    role, does = "Language model", "Answers a query step by step from facts retrieved for it; every step is checked."
    own, key = model.own, "llm"
    if own is not None:
        about = describe_llm(own.model)
        where = address(own.model)
        runs = (
            f"at {own.provider}" + (f" ({where})" if where else "") + "; prompts are sent there, and you pay for them"
        )
        return Card(role, own.spec, does, about["licence"], about["size"], runs,
                    "Language models make mistakes: the exact answer is the reliable one.", key)  # fmt: skip
    described = model.described()
    if described is None:
        return Card(role, "none", "Nothing: exact answers need none.", "none", "none", "nowhere",
                    f"It could not be loaded: {model.error}.", key)  # fmt: skip
    cannot = {
        "embedded": f"{SMALL} It writes English only.",
        "copy": "It reads nothing: it repeats the context, to show what copying alone achieves.",
    }.get(model.spec, "Language models make mistakes: the exact answer is the reliable one.")
    return Card(role, described["name"], does, described["licence"], described["size"], described["runs"], cannot, key)


def _encoder() -> Card:
    installed = find_spec(PACKAGE) is not None
    return Card(
        "Sentence encoder", "all-MiniLM-L6-v2" if installed else "none",
        "Finds the relation or class that a word of yours is like in meaning." if installed
        else "Nothing: it is not installed, and only words that the detector has are understood.",
        "Apache-2.0", "22 million parameters, 90 MB", HERE,
        "It compares single phrases in English; it writes nothing and knows no facts.", "encoder",
    )  # fmt: skip


def _instruction_reader() -> Card:
    return Card(
        "Instruction reader", "SmolLM2-135M-Instruct with an adapter of Skylark's",
        "Reads what you ask of an image, and expressions about what is in it, in words copied from yours.",
        "Apache-2.0", "135 million parameters, 270 MB", HERE,
        "It knows English only, and misreads some of it: the page shows what was read, how sure that is, and what else "
        "you may mean.", "instructions",
    )  # fmt: skip


def _detector(spec: str) -> Card:
    role, does = "Detector", "Finds the objects in an image, each with its box and a score."
    if spec == "embedded":
        return Card(
            role, "NanoDet-g 416", does, "Apache-2.0", "3.8 million parameters, 7.6 MB", HERE,
            "It knows the 80 classes of COCO and no others (AP 0.30 on COCO images), misses small objects, and gives "
            "boxes only: outlines are what Skylark draws inside them. No language model writes the boxes.", "detector",
        )  # fmt: skip
    name = spec.removeprefix("onnx:").replace("\\", "/").rstrip("/").rpartition("/")[2] if "onnx:" in spec else spec
    return Card(role, name, does, "stated on the model's own card", "stated on the model's own card", HERE,
                "What it can't do is stated on the model's own card.", "detector")  # fmt: skip
