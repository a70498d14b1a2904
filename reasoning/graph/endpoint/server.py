"""The server of a graph, for whoever has whole queries run there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from reasoning.graph.endpoint.client import SparqlClient
from reasoning.graph.endpoint.entities import EndpointEntities
from reasoning.graph.endpoint.index import EndpointIndex
from reasoning.graph.endpoint.survey import Survey


@dataclass(frozen=True, eq=False)
class Server:
    """What asks the server of one graph.

    Attributes:
        client: asks it.
        survey: what the graph is like.
        entities: numbers what is met.
        index: its edges.
        taken: when the survey was taken, in seconds since 1970.
    """

    client: SparqlClient
    survey: Survey
    entities: EndpointEntities
    index: EndpointIndex
    taken: float

    @property
    def digest(self) -> str:
        """A hex digest of the address and of what the graph is like: whether two runs asked the same."""
        return hashlib.sha256(repr((self.client.address.url, self.survey)).encode()).hexdigest()
