"""Draw the house from its imports: rooms as bands, their folders as boxes, arrows down to what they import.

    python docs/make_architecture.py

Within a room a box stands on the floor above everything that it imports. Arrows that follow from others are left out
(the transitive reduction), those to a lower room are counted in the band. Writes `architecture.svg` and
`architecture.png` into `docs/images`.
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter
from pathlib import Path

import matplotlib
import networkx as nx
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("app", "vision", "reasoning", "kg_data", "skylark")
"""Highest first."""
FILL = {"app": "#e8f1fb", "vision": "#eaf6ea", "reasoning": "#fdf3e1", "kg_data": "#f3ecf8", "skylark": "#eeeeee"}
EDGE = {"app": "#2f6db3", "vision": "#3b8540", "reasoning": "#b0761a", "kg_data": "#7a4fa0", "skylark": "#666666"}


def box_of(path: Path) -> str:
    """The folder below its room, or the file at the room's root, that a file belongs to."""
    room, *rest = path.relative_to(ROOT).parts
    if room in ("kg_data", "skylark"):  # one floor of plain files: a box a folder, and one for the rest
        return f"{room}/{rest[0]}" if len(rest) > 1 else f"{room}/*.py"
    return f"{room}/{rest[0]}" if len(rest) > 1 else f"{room}/{Path(rest[0]).name}"


def import_graph() -> tuple[nx.DiGraph, Counter[str]]:
    """Boxes and the imports between them at import time (`weight`: how many), and the files of each box."""
    paths = {path: box_of(path) for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))}
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): box for path, box in paths.items()}
    modules |= {name.removesuffix(".__init__"): box for name, box in modules.items() if name.endswith(".__init__")}
    graph = nx.DiGraph()
    for path, box in paths.items():
        graph.add_node(box)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:  # at import time; not for types, nor in a method
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                target = modules.get(name) or modules.get(name.rpartition(".")[0])
                if target and target != box:
                    weight = graph.get_edge_data(box, target, {"weight": 0})["weight"]
                    graph.add_edge(box, target, weight=weight + 1)
    return graph, Counter(paths.values())


def floors(graph: nx.DiGraph) -> dict[str, int]:
    """Each box's height: above all that it imports; boxes that import one another share a floor."""
    groups = nx.condensation(graph)
    height: dict[int, int] = {}
    for group in reversed(list(nx.topological_sort(groups))):
        height[group] = 1 + max((height[below] for below in groups.successors(group)), default=-1)
    return {box: height[group] for group in groups for box in groups.nodes[group]["members"]}


def reduced(graph: nx.DiGraph) -> nx.DiGraph:
    """The arrows that do not follow from others, by the boxes' floors (an arrow up, in a mutual pair, is kept)."""
    at = floors(graph)
    down = nx.DiGraph((a, b) for a, b in graph.edges if at[a] > at[b])
    kept = nx.transitive_reduction(down)
    kept.add_nodes_from(graph)
    kept.add_edges_from((a, b) for a, b in graph.edges if at[a] == at[b])
    return kept


def draw() -> Figure:
    """The picture, 16 by as many inches as there are floors."""
    graph, files = import_graph()
    within = {room: graph.subgraph([box for box in graph if box.split("/")[0] == room]) for room in ROOMS}
    levels = {room: floors(part) for room, part in within.items()}
    height = sum(max(level.values()) + 1 for level in levels.values()) + 0.9 * len(ROOMS)
    figure = Figure(figsize=(16, 0.82 * height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 16), ylim=(0, height))
    axes.axis("off")
    top = height
    for room in ROOMS:
        level = levels[room]
        count = max(level.values()) + 1
        bottom = top - count - 0.75
        axes.add_patch(
            FancyBboxPatch((0.1, bottom + 0.05), 15.8, count + 0.6, boxstyle="round,pad=0,rounding_size=0.12",
                           facecolor=FILL[room], edgecolor="none")
        )  # fmt: skip
        leaving: Counter[str] = Counter()
        for a, b in graph.edges:
            if a.split("/")[0] == room != b.split("/")[0]:
                leaving[b.split("/")[0]] += graph[a][b]["weight"]
        imports = [f"{leaving[other]} from {other}" for other in ROOMS if leaving[other]]
        total = sum(files[box] for box in level)
        note = f"{room}/   {total} files" + (f"; imports {', '.join(imports)}" if imports else "")
        axes.text(0.3, top - 0.32, note, fontsize=13, fontweight="bold", color=EDGE[room], va="center")
        places: dict[str, tuple[float, float]] = {}
        order: dict[str, float] = {}
        for floor in range(count):
            boxes = sorted(box for box in level if level[box] == floor)
            boxes.sort(key=lambda box: sum(order.get(b, 0) for b in within[room].successors(box))
                       / max(1, sum(b in order for b in within[room].successors(box))))  # fmt: skip
            for number, box in enumerate(boxes):
                order[box] = (number + 0.5) / len(boxes)
                places[box] = (0.6 + 14.8 * order[box], bottom + 0.55 + floor)
        for a, b in sorted(reduced(within[room]).edges):
            mutual = level[a] == level[b]
            axes.add_patch(
                FancyArrowPatch(
                    places[a], places[b], arrowstyle="-|>", mutation_scale=9, shrinkA=12, shrinkB=13, linewidth=0.9,
                    color="#b03030" if mutual else "#8a8a8a", connectionstyle="arc3,rad=0.25" if mutual else "arc3",
                )
            )  # fmt: skip
        for box, (x, y) in places.items():
            label = box.partition("/")[2]
            text = f"{label}\n{files[box]} files" if files[box] > 1 or "." not in label else label
            axes.text(x, y, text, ha="center", va="center", fontsize=10, linespacing=1.1, zorder=3,
                      bbox={"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": EDGE[room]})  # fmt: skip
        top = bottom - 0.15
    return figure


def main() -> None:
    """Draw and write both files."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None).parse_args()
    matplotlib.rcParams["svg.hashsalt"] = "skylark"  # the same picture for the same imports
    figure = draw()
    for suffix in ("svg", "png"):
        target = ROOT / "docs" / "images" / f"architecture.{suffix}"
        figure.savefig(target, dpi=80, metadata={"Date": None} if suffix == "svg" else None)
        print(target.relative_to(ROOT))


if __name__ == "__main__":
    main()
