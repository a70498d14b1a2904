"""How a graph is spelled where its queries run as SPARQL: what its ids are there, what an entity is, what names it.

`KnowledgeGraph.to_rdf` marks every entity with its index and gives it one label. A graph on a server may have been
written by anybody: there an entity is what stands at an end of a relation, and its name in several languages, or only
the end of its IRI; beside entities relations may lead to what is none, and beside values to what is none either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kg_data.iris import OWL_INVERSE_OF, PLACE, POSITION, RDFS_LABEL, SKOS_ALT_LABEL, UNIT, entity_iri, relation_iri

Fresh = Callable[[str], str]
"""Gives a variable that nothing else has, by a word for it."""
Written = Callable[[str], str]
"""An IRI as it is written."""

DESCRIBING = (POSITION, PLACE, UNIT, OWL_INVERSE_OF, RDFS_LABEL, SKOS_ALT_LABEL)
"""Predicates that say something of a graph, not in it."""


@dataclass(frozen=True)
class RdfForm:
    """The RDF form of one graph.

    Attributes:
        marked: whether its entities are marked, as `to_rdf` does.
        labels: the predicates of names, the first choice first; () where nothing has a name.
        open_heads, open_tails: relations between entities, by their IRIs, of which some heads or tails are no IRIs
            (blank nodes, texts) and so no entities.
        mixed: relations with values, by their IRIs, of which an entity has several or something is no value.
        own: ids that are IRIs as they stand, though `kg_data.iris` would spell them otherwise; those met so far.
    """

    marked: bool = True
    labels: tuple[str, ...] = (RDFS_LABEL,)
    open_heads: frozenset[str] = frozenset()
    open_tails: frozenset[str] = frozenset()
    mixed: frozenset[str] = frozenset()
    own: set[str] = field(default_factory=set)

    def entity(self, identifier: str) -> str:
        """The IRI of an entity's id."""
        return identifier if identifier in self.own else entity_iri(identifier)

    def relation(self, identifier: str) -> str:
        """The IRI of a relation's id."""
        return identifier if identifier in self.own else relation_iri(identifier)

    def everything(self, variable: str, fresh: Fresh, written: Written) -> list[str]:
        """Lines of a group that bind a variable to every entity, each once."""
        if self.marked:
            return [f"{variable} {written(POSITION)} {fresh('position')} ."]
        predicate, other = fresh("p"), fresh("x")
        none = ", ".join(written(iri) for iri in dict.fromkeys((*DESCRIBING, *self.labels)))
        return [
            "{",
            f"  SELECT DISTINCT {variable} WHERE {{",
            f"    {{ {variable} {predicate} {other} . }} UNION {{ {other} {predicate} {variable} . }}",
            f"    FILTER(ISIRI({variable}) && {predicate} NOT IN ({none}))",
            "  }",
            "}",
        ]

    def shown_name(self, variable: str, name: str, fresh: Fresh, written: Written) -> list[str]:
        """Lines that bind, for an entity, what says how soon each of its names is shown, the least being shown.

        Two signs come before the name itself: the rank of its language and of its predicate, as
        `kg_data.loaders.rdf.language_rank` has them; without names there is `UNNAMED` alone.

        Args:
            variable: the entity, bound before.
            name: the variable that is bound.
            fresh: gives variables.
            written: an IRI as it is written.
        """
        lines, found = [], []
        for place, iri in enumerate(self.labels):
            label, ranked = fresh("label"), fresh("name")
            rank = f'IF(LANGMATCHES(LANG({label}), "en"), "0", IF(LANG({label}) = "", "1", "2"))'
            lines += [
                f'OPTIONAL {{ {variable} {written(iri)} {label} . FILTER(REGEX(STR({label}), "[^ \\t\\r\\n]")) }}',
                f'BIND(IF(BOUND({label}), CONCAT({rank}, "{place}", STR({label})), "{UNNAMED}") AS {ranked})',
            ]
            found.append(ranked)
        least = found[0] if len(found) == 1 else f"IF({found[0]} <= {found[1]}, {found[0]}, {found[1]})"
        return [*lines, f"BIND({least} AS {name})"]


UNNAMED = "9"
"""Behind all ranks of names."""


def end_begins(prefix: str) -> str:
    """The regular expression, case aside, of the IRIs that `kg_data.loaders.rdf.local_name` makes names of that begin
    with a prefix; "" where none can, since underscores are blanks there.
    """
    if "_" in prefix:
        return ""
    return f"[#/:]{''.join(map(_spelled, prefix))}[^#/:]*[#/:]*$"


def _spelled(char: str) -> str:
    """A character of a name as it may be spelled in an IRI: as it is, or percent-encoded in either case."""
    chars = ("_", " ") if char == " " else dict.fromkeys((char, char.lower(), char.upper()))
    encoded = ["".join(f"%{byte:02X}" for byte in one.encode("utf-8", "replace")) for one in chars]
    plain = [f"\\{one}" if one in _SIGNS else one for one in chars if one not in "#/:%"]
    return f"({'|'.join((*plain, *encoded))})"


_SIGNS = frozenset(r"\.[]{}()*+?^$|")

EXPORTED = RdfForm()
"""That of `KnowledgeGraph.to_rdf`."""
