"""Scripted models that extract: one that reads its texts without fault, and what others say."""

import json
import re
from typing import Any

from langchain_core.runnables import RunnableLambda
from pydantic import Field

from tests.reasoning.chat_models import Reply, ScriptedChatModel

SCHEMA = {
    "relations": [
        {"name": "works for", "head": "person", "tail": "company"},
        {"name": "founded in", "head": "company", "tail": "year"},
    ]
}
"""The relations that the faultless model reads."""

_TEXT = re.compile(r"^----- (\w+)\n(.*?)\n----- \1$", re.MULTILINE | re.DOTALL)
_SAID = re.compile(r"([A-Z]\w+(?: [A-Z]\w+)*)\s+(works\s+for|founded\s+in) (\w+)")


def shown(prompt: str) -> str:
    """The text of a prompt."""
    return str(_TEXT.findall(prompt)[-1][1])


def reply(*triples: tuple[str, str, str, str]) -> str:
    """A reply with triples: evidence, head, relation and tail of each."""
    names = ("evidence", "head", "relation", "tail")
    return json.dumps({"triples": [dict(zip(names, triple, strict=True)) for triple in triples]})


def faultless_reply(prompt: str) -> str:
    """What a text says of who works for whom, and when companies were founded."""
    return reply(*((said[0], said[1], " ".join(said[2].split()), said[3]) for said in _SAID.finditer(shown(prompt))))


class Cacheable(ScriptedChatModel):
    """A scripted model whose replies can be kept, since it says by a name which model it is."""

    name_of_model: str = "scripted"

    def __init__(self, *replies: Reply, **fields: Any) -> None:
        super().__init__(*replies, **fields)

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"name": self.name_of_model}


class Structured(ScriptedChatModel):
    """A scripted model that can be held to schemas, which it notes."""

    schemas: list[Any] = Field(default_factory=list)

    def __init__(self, *replies: Reply, **fields: Any) -> None:
        super().__init__(*replies, **fields)

    def with_structured_output(self, schema: Any, **how: Any) -> Any:
        self.schemas.append(schema)
        return self | RunnableLambda(str)


class Refusing(ScriptedChatModel):
    """A scripted model at a server that knows nothing of schemas, which only the server's answer tells."""

    def __init__(self, *replies: Reply, **fields: Any) -> None:
        super().__init__(*replies, **fields)

    def with_structured_output(self, schema: Any, **how: Any) -> Any:
        def refuse(said: object) -> object:
            error = RuntimeError("response_format is not supported")
            error.status_code = 400  # type: ignore[attr-defined]
            raise error

        return RunnableLambda(refuse) | RunnableLambda(str)
