"""A page whose model is scripted, and a text that its passages can be told apart in."""

from __future__ import annotations

from app.models import LanguageModel
from tests.reasoning.chat_models import Reply, ScriptedChatModel

RELATIONS = "works for: person -> company\nfounded in: company -> year"
TEXT = "\n\n".join(
    f"{person} works for {firm}. {firm} founded in {year}. {'It rained all day long and nobody came. ' * 12}"
    for person, firm, year in (("Ann Lee", "Core", 1999), ("Bo Moe", "Core", 1999), ("Cy Poe", "Vantor", 2004))
)
"""Three passages: two people work for one company."""


class ScriptedPage(LanguageModel):
    """The language model of a page that is scripted.

    Attributes:
        scripted: the model.
    """

    def __init__(self, *replies: Reply) -> None:
        super().__init__("copy")
        self.spec = "scripted"
        self._model = self.scripted = ScriptedChatModel(*replies)
