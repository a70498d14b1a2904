"""The list of data sets, and what became of checking or converting one, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import kg_data
from kg_data.public import PublicBenchmark
from kg_data.registry import BuiltInGraph, LocalDataset
from kg_data.text_table import aligned
from kg_data.verifying import Verification


def datasets_text() -> str:
    """What is built in, what is in the data folder, and where the public benchmarks are to be had."""
    return "\n".join(_lines())


def verification_text(verified: Verification) -> str:
    """What became of comparing a copy with the published data set."""
    rows = [[check.name, check.finding, f"{check.rows:,}", f"{check.published_rows:,}"] for check in verified.files]
    parts = [
        f"{verified.path} held against {verified.benchmark}:",
        aligned(["file", "finding", "rows", "published"], rows),
    ]
    parts += [f"{what}: {count:,}, published {published:,}" for what, (count, published) in verified.counts.items()]
    if verified.by_digest:
        parts.append(f"This is the published data, by its digests ({verified.digests_from}).")
    elif verified.matches:
        parts.append("The numbers are the published ones; no digest is known that would prove more.")
    else:
        parts.append("This is not the published data.")
    return "\n".join(parts)


def _checked_by(item: PublicBenchmark) -> str:
    if item.digests_from:
        return f"digests ({item.digests_from})"
    return "the numbers of triples, entities and relations; no digest is published"


def _lines() -> Iterator[str]:
    every = kg_data.list_datasets()
    yield "Built in:"
    yield from (f"  {item.name}  {item.about}" for item in every if isinstance(item, BuiltInGraph))
    local = [item for item in every if isinstance(item, LocalDataset)]
    yield ""
    if local:
        yield f"In the data folder {kg_data.data_root()}:"
        rows = [
            [
                item.name,
                item.form,
                " / ".join(f"{split} {count:,}" for split, count in item.triples.items()),
                str(len(item.queries) or "-"),
                str(len(item.questions) or "-"),
            ]
            for item in local
        ]
        table = aligned(["name", "form", "triple lines", "query files", "question files"], rows)
        yield from (f"  {line}" for line in table.split("\n"))
    else:
        yield f"The data folder {kg_data.data_root()} holds no data sets; SKYLARK_DATA names another one."
    yield ""
    yield "To be had elsewhere (nothing is downloaded; put the files into a folder under kg/ of the data folder):"
    for item in every:
        if isinstance(item, PublicBenchmark):
            yield f"  {item.name}: {item.about}"
            yield f"    {item.home}"
            yield f"    {item.paper}; licence: {item.licence}"
            if item.files or item.archive:
                yield f"    a copy is checked by {_checked_by(item)}"
