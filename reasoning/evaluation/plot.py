"""Results as a bar chart: a group of bars per query type, a bar per results file, whiskers for the intervals."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reasoning.errors import EvaluationError
from reasoning.evaluation.comparison import check_comparable, main_metrics
from reasoning.evaluation.metrics import LARK_METRICS, LARK_NOTE, LEVEL, Interval, marked
from reasoning.evaluation.results import Results, labels_of
from skylark.errors import ResultsError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe & Ito's colours (2008), which people with any form of colour blindness tell apart; it is also how many files
one plot holds."""

HATCHES = ("", "///", "...", "\\\\\\", "xxx", "---")
"""For print without colours."""

BAR, GAP, NARROWEST_GROUP, HEIGHT = 0.13, 0.22, 0.5, 3.4  # inches

Group = tuple[float | None, Interval]


def save_plot(
    several: Sequence[Results], out: Path, metric: str | None = None, labels: Sequence[str] | None = None
) -> None:
    """Draw one metric of one to six results files of the same queries and write it to a file.

    Args:
        several: the files.
        out: the picture; its name says in which of `FORMATS`.
        metric: one that they have; by default the first of the main ones of their protocol.
        labels: what the legend calls each file; by default what tells them apart in their settings.

    Raises:
        EvaluationError: the files cannot be compared, lack the metric, are too many, or `out` has another ending.
        ResultsError: the picture cannot be written.
    """
    if out.suffix.lower() not in FORMATS:
        raise EvaluationError(f"{out} is no picture that can be drawn; its name must end in {', '.join(FORMATS)}")
    figure = plot(several, metric, labels)
    from matplotlib import rc_context

    # Without dates and random ids: the same results give the same file.
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with rc_context({"svg.hashsalt": "skylark", "hatch.linewidth": 0.6}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a box stands for it
        try:
            figure.savefig(out, dpi=150, metadata=dates.get(out.suffix.lower()))
        except OSError as error:
            raise ResultsError(f"cannot write {out}: {error.strerror or error}") from None


def plot(several: Sequence[Results], metric: str | None = None, labels: Sequence[str] | None = None) -> Figure:
    """The figure of `save_plot`, for whoever wants to change it before it is saved."""
    if not 1 <= len(several) <= len(COLOURS):
        raise EvaluationError(f"a plot holds 1 to {len(COLOURS)} results files, not {len(several)}")
    for other in several[1:]:
        check_comparable(several[0], other)
    metric = metric or main_metrics(several[0])[0]
    if metric not in several[0].metrics:
        raise EvaluationError(f"{several[0].path} has no metric {metric!r}; it has {', '.join(several[0].metrics)}")
    from matplotlib.figure import Figure

    bars = [_bars(results, metric) for results in several]
    kinds = list(dict.fromkeys(name for own in bars for name in own if name not in several[0].averages))
    averages = [name for name in several[0].averages if any(name in own for own in bars)]
    groups = [*kinds, *averages]
    group = max(NARROWEST_GROUP, GAP + BAR * len(several))
    figure = Figure(figsize=(max(5.0, 0.9 + len(groups) * group), HEIGHT), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    for place, own in enumerate(bars):
        _draw(axes, own, groups, place - (len(bars) - 1) / 2, BAR / group, place)
    _describe(axes, groups, len(kinds), metric)
    _title(figure, several, axes, metric, labels_of(several) if labels is None else labels)
    return figure


def _bars(results: Results, metric: str) -> dict[str, Group]:
    tally = results.tally
    summary, intervals = tally.summary(), tally.intervals()
    bars = {kind: (row[metric], intervals["per_type"][kind][metric]) for kind, row in summary["per_type"].items()}
    for name in results.averages:
        if summary[name]:
            bars[name] = (summary[name][metric], intervals[name][metric])
    return bars


def _draw(
    axes: Axes, bars: Mapping[str, Group], groups: Sequence[str], offset: float, width: float, style: int
) -> None:
    """One file's bars, `offset` bars of a `width` beside the groups' centres, which are 1 apart."""
    drawn = [(i, *bars[name]) for i, name in enumerate(groups) if name in bars and bars[name][0] is not None]
    at = [i + width * offset for i, _, _ in drawn]
    values: list[float] = [value for _, value, _ in drawn if value is not None]
    low, high = (
        [abs(bound[side] - v) if bound else 0.0 for (_, v, bound) in drawn if v is not None] for side in (0, 1)
    )
    axes.bar(
        at, values, width=0.9 * width, color=COLOURS[style], edgecolor="white", linewidth=0, hatch=HATCHES[style],
        yerr=[low, high], error_kw={"elinewidth": 0.9, "capsize": 1.6, "ecolor": "#222222"},
    )  # fmt: skip


def _describe(axes: Axes, groups: Sequence[str], kinds: int, metric: str) -> None:
    axes.set_xticks(range(len(groups)), groups)
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.tick_params(axis="x", length=0)
    if 0 < kinds < len(groups):
        axes.axvline(kinds - 0.5, color="#999999", linewidth=0.8, linestyle=":")
    top = axes.get_ylim()[1]
    axes.set_ylim(0, top if top < 0.9 else 1.02)
    axes.set_ylabel(f"{marked(metric)}, {LEVEL:.0%} interval")
    axes.grid(axis="y", color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _title(figure: Figure, several: Sequence[Results], axes: Axes, metric: str, labels: Sequence[str]) -> None:
    from matplotlib.container import BarContainer

    settings = several[0].settings
    what = Path(str(settings["kg"])).name
    if several[0].of_questions:
        title = f"{what}: questions of {Path(str(settings['questions'])).name}"
    else:
        title = f"{what}: protocol {settings['protocol']}, {settings['split']} queries"
    counts = {len(results.lines) for results in several}
    if len(counts) == 1:
        title += f" ({counts.pop():,})"
    columns = max(1, int(figure.get_figwidth() / 2.6))
    labels = ["\n".join(textwrap.wrap(label, 34, break_long_words=True)) for label in labels]
    # A label that begins with an underscore is one that matplotlib leaves out.
    labels = [f" {label}" if label.startswith("_") else label for label in labels]
    legend = figure.legend(
        handles=[bars for bars in axes.containers if isinstance(bars, BarContainer)],
        labels=labels,
        title=title,
        title_fontproperties={"weight": "bold", "size": 10},
        alignment="left",
        loc="outside upper left",
        ncols=min(len(labels), columns),
        frameon=False,
        fontsize=8,
    )
    for text in (legend.get_title(), *legend.get_texts()):
        text.set_parse_math(False)  # names may hold dollar signs
    if metric in LARK_METRICS:
        note = "\n".join(textwrap.wrap(LARK_NOTE, int(figure.get_figwidth() * 16)))
        axes.set_xlabel(note, fontsize=7, color="#444444", loc="left")
