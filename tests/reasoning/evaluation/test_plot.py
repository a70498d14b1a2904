"""Pictures of results: bars, whiskers, labels, files, and what cannot be drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

from reasoning.cli import main
from reasoning.errors import EvaluationError
from reasoning.evaluation.metrics import LARK_METRICS, SET_METRICS
from reasoning.evaluation.plot import COLOURS, plot, save_plot
from reasoning.evaluation.results import Results, read_results
from reasoning.query.records import STRUCTURES
from skylark.errors import ResultsError
from tests.reasoning.evaluation.conftest import ranked, write

pytestmark = pytest.mark.slow

EACH = [0.0, 0.25, 0.5, 1.0]


@pytest.fixture
def every_type(tmp_path: Path) -> Results:
    lines = [line for kind in STRUCTURES for line in ranked(kind, EACH)]
    return read_results(write(tmp_path / "every.jsonl", lines, kg="/data/nell995-betae"))


def parts(figure: Figure) -> tuple[Axes, list[BarContainer]]:
    axes = figure.axes[0]
    return axes, [bars for bars in axes.containers if isinstance(bars, BarContainer)]


def ticks(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_xticklabels()]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_bars_are_the_means_and_whiskers_the_intervals(every_type: Results) -> None:
    axes, (bars,) = parts(plot([every_type], "mrr"))
    assert ticks(axes) == [*STRUCTURES, "avg_p", "avg_n"]
    assert [bar.get_height() for bar in bars.patches] == pytest.approx([0.4375] * 16)
    assert bars.errorbar is not None
    whiskers = [segment[:, 1].tolist() for segment in bars.errorbar.lines[2][0].get_segments()]
    bounds = every_type.tally.intervals()
    expected = [bounds["per_type"][kind]["mrr"] for kind in STRUCTURES]
    expected += [bounds["avg_p"]["mrr"], bounds["avg_n"]["mrr"]]
    assert [end for whisker in whiskers for end in whisker] == pytest.approx([end for pair in expected for end in pair])


def test_it_is_labelled_from_the_settings(every_type: Results, tmp_path: Path) -> None:
    other = read_results(write(tmp_path / "o.jsonl", ranked("2p", EACH), method="lark", llm="openai:gpt-$5_x$"))
    figure = plot([every_type, other])
    axes, bars = parts(figure)
    assert legend(figure) == ["exact", "lark, openai:gpt-$5_x$"]
    assert legend(plot([every_type, other], labels=["one", "_two"])) == ["one", " _two"]
    assert figure.legends[0].get_title().get_text() == "nell995-betae: protocol hard, test queries"
    assert axes.get_ylabel() == "mrr, 95% interval"
    assert [len(container.patches) for container in bars] == [16, 2]


def test_larks_own_metrics_are_marked_and_explained(tmp_path: Path) -> None:
    values = dict.fromkeys((*SET_METRICS, *LARK_METRICS), 0.5)
    lines = [line | values for line in ranked("2p", EACH)]
    axes, _ = parts(plot([read_results(write(tmp_path / "l.jsonl", lines, protocol="reading"))], "lark_hits@3"))
    assert axes.get_ylabel() == "lark_hits@3*, 95% interval"
    assert "LARK's own released metrics" in axes.get_xlabel()


def test_six_files_with_long_names_stay_inside_the_picture(tmp_path: Path) -> None:
    names = [f"_{number}:{'long-name-' * 9}" for number in range(len(COLOURS))]
    made = [write(tmp_path / f"{name[:2]}.jsonl", ranked("2p", EACH), method="lark", llm=name) for name in names]
    files = [read_results(path) for path in made]
    figure = plot(files)
    figure.canvas.draw()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width
    assert len(legend(figure)) == len(files)
    axes, bars = parts(figure)
    assert len({container.patches[0].get_facecolor() for container in bars}) == len(files)
    assert axes.get_window_extent().height > 0.4 * figure.bbox.height


def test_a_type_that_one_file_lacks_has_no_bar_there(tmp_path: Path) -> None:
    a = read_results(write(tmp_path / "a.jsonl", [*ranked("1p", EACH), *ranked("2in", [0.5])]))
    b = read_results(write(tmp_path / "b.jsonl", ranked("1p", EACH)))
    axes, (first, second) = parts(plot([a, b]))
    assert ticks(axes) == ["1p", "2in", "avg_p", "avg_n"]
    assert (len(first.patches), len(second.patches)) == (4, 2)


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_same_results_give_the_same_file(every_type: Results, tmp_path: Path, ending: str, start: bytes) -> None:
    pictures = [tmp_path / f"{name}.{ending}" for name in "ab"]
    for picture in pictures:
        save_plot([every_type], picture)
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert pictures[0].read_bytes().startswith(start)


def test_what_cannot_be_drawn_is_refused(every_type: Results, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"p\.jpeg is no picture that can be drawn; .* \.png, \.svg, \.pdf"):
        save_plot([every_type], tmp_path / "p.jpeg")
    with pytest.raises(EvaluationError, match="no metric 'f1'; it has mrr"):
        save_plot([every_type], tmp_path / "p.png", "f1")
    assert not (tmp_path / "p.jpeg").exists() and not (tmp_path / "p.png").exists()
    with pytest.raises(EvaluationError, match="1 to 6 results files, not 7"):
        plot([every_type] * 7)
    other = read_results(write(tmp_path / "o.jsonl", ranked("2p", EACH), split="valid"))
    with pytest.raises(EvaluationError, match='split "test" and "valid"'):
        plot([every_type, other])
    with pytest.raises(ResultsError, match=r"cannot write .*missing/p\.png: No such file"):
        save_plot([every_type], tmp_path / "missing/p.png")


def test_the_command_writes_the_picture_and_says_where(
    every_type: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "p.png"
    assert main(["plot", str(every_type.path), "--metric", "hits@10", "--out", str(picture)]) == 0
    assert capsys.readouterr().out == f"{picture}\n" and picture.stat().st_size > 5000
