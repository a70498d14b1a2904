"""How the values of a graph that somebody else wrote are read where its queries run as SPARQL.

What `KnowledgeGraph.to_rdf` writes compares as it stands. Others mix datatypes, give times where days are meant, zones
and texts that are no numbers. Here a literal becomes what `kg_data.loaders.rdf` reads of it, or nothing.
"""

from __future__ import annotations

from kg_data.columns import ValueKind
from kg_data.iris import XSD
from kg_data.values import LARGEST_INTEGER
from reasoning.graph.rdf_form import Written

_ZONE = "(Z|[+-][0-9]{2}:[0-9]{2})"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_LARGEST = {"integer": str(LARGEST_INTEGER), "decimal": "1.7976931348623157e308"}


def value_lines(kind: ValueKind, literal: str, value: str, written: Written) -> list[str]:
    """Lines that bind a variable to what a literal stands for, as a double, a whole number (years) or a date.

    There is no solution for what is no value of the kind. Equal values are the same term.

    Args:
        kind: what the values are.
        literal: the variable of the literal, bound before.
        value: the variable that is bound.
        written: an IRI as it is written.
    """
    text, datatype = f"STR({literal})", f"DATATYPE({literal})"
    if kind == "date":
        made = f"{written(f'{XSD}date')}(SUBSTR({text}, 1, 10))"
        is_one = f'REGEX({text}, "^{_DAY}(T.*|{_ZONE})?$")'
        either = f"{datatype} IN ({written(f'{XSD}date')}, {written(f'{XSD}dateTime')})"
        test = f"{either} && {is_one} && BOUND({value})"
    elif kind == "year":
        made = f'{written(f"{XSD}integer")}(REPLACE({text}, "{_ZONE}$", ""))'
        test = f"{datatype} = {written(f'{XSD}gYear')} && BOUND({value})"
    else:
        made = f"{written(f'{XSD}double')}({text})"
        test = f"ISNUMERIC({literal}) && ABS({value}) <= {_LARGEST[kind]}"  # also false of what is not finite
    return [f"BIND({made} AS {value})", f"FILTER({test})"]


def is_plain(kind: ValueKind, literal: str, written: Written) -> str:
    """The test that a literal, of which `value_lines` makes a value, may as well be compared as it stands."""
    if kind == "date":
        return f'DATATYPE({literal}) = {written(f"{XSD}date")} && REGEX(STR({literal}), "^{_DAY}$")'
    if kind == "year":
        return f'REGEX(STR({literal}), "^-?[0-9]+$")'
    return f"DATATYPE({literal}) != {written(f'{XSD}float')}"  # 0.1 as such is not 0.1 as a double
