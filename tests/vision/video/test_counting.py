import csv
from collections.abc import Sequence

import numpy as np
import pytest
import supervision

from vision.detections.detections import Detections
from vision.errors import ArgumentError
from vision.video.counting import Line, TrackCounts, Zone
from vision.video.tracks import LeftOut

SIZE = (200, 100)
GATE = Line("gate", (100, 0), (100, 100))
HALF = Line("half", (100, 0), (100, 40))
LEFT = Zone("left", ((0, 0), (0.5, 0), (0.5, 1), (0, 1)))


def at(*places: tuple[int, float, float], side: float = 10, names: Sequence[str] = ()) -> Detections:
    """Boxes of tracks (id, x, y of the middle)."""
    boxes = [(x - side / 2, y - side / 2, x + side / 2, y + side / 2) for _, x, y in places]
    return Detections(
        SIZE, np.array(boxes, np.float32).reshape(-1, 4), tuple(names) or ("car",) * len(places),
        classes=("car", "bus", "person"), track_ids=np.array([number for number, *_ in places], np.int64),
    )  # fmt: skip


TREMBLING = [(100 + (-1) ** frame * 0.9, 50.0) for frame in range(20)]


class TestLines:
    @pytest.mark.parametrize(
        ("line", "way", "side", "crossed"),
        [
            (GATE, [(80, 50), (120, 50)], 10, ["left to right"]),
            (Line("", (100, 100), (100, 0)), [(120, 50), (80, 50)], 10, ["right to left"]),
            (Line("", (0, 50), (200, 50)), [(100, 30), (100, 70)], 10, ["top to bottom"]),
            (Line("", (200, 50), (0, 50)), [(100, 70), (100, 30)], 10, ["bottom to top"]),
            (Line("", (90, 0), (110, 100)), [(80, 50), (120, 50)], 10, ["left to right"]),
            (Line("", (0, 40), (200, 60)), [(100, 30), (100, 70)], 10, ["top to bottom"]),
            (GATE, [(80, 50), (120, 50), (80, 50)], 10, ["left to right", "right to left"]),
            (GATE, [(60, 50), (80, 50), None, None, None, None, (130, 50)], 10, ["left to right"]),  # is hidden at it
            (HALF, [(80, 20), (80, 60), (120, 60), (120, 20)], 10, []),  # round an end
            (HALF, [(80, 20), (120, 20)], 10, ["left to right"]),
            (Line("", (110, 50), (90, 50)), [(100, 35), (100, 50), (100, 65)], 60, ["top to bottom"]),  # is wider
            (GATE, TREMBLING, 10, []),
            (GATE, [(80, 50), *TREMBLING, (120, 50)], 10, ["left to right"]),
            (GATE, [(100, 50), (120, 50)], 10, []),  # begins on the line
        ],
    )
    def test_what_crosses_in_which_direction(
        self, line: Line, way: Sequence[tuple[float, float] | None], side: float, crossed: list[str]
    ) -> None:
        counts = TrackCounts(SIZE, [line])
        for frame, place in enumerate(way):
            counts.add(frame / 25, at(*([] if place is None else [(1, *place)]), side=side))
        assert [one.direction for one in counts.crossings] == crossed
        assert set(crossed) <= set(counts.over_lines[line.name])

    def test_classes_are_counted_apart_and_a_thing_once(self) -> None:
        counts = TrackCounts(SIZE, [GATE])
        for frame, x in enumerate((80, 120, 80, 120)):
            counts.add(frame / 2, at((1, x, 20), (2, x, 50), (3, 200 - x, 80), names=("car", "bus", "car")))
        there, back = {"car": 2, "bus": 1}, {"car": 2, "bus": 1}
        assert counts.over_lines == {"gate": {"left to right": there, "right to left": back}}
        assert len(counts.crossings) == 9
        first = counts.crossings[0]
        assert (first.line, first.direction, first.class_name, first.track_id, first.time) == (
            "gate", "left to right", "car", 1, 0.5,
        )  # fmt: skip

    def test_plain_passages_are_those_of_supervision(self) -> None:
        """Things that are seen all the time, go straight, and stay within the line's ends."""
        random = np.random.default_rng(11)
        sides = random.choice((-1, 1), (40, 2))
        xs, ys = 100 + sides * random.uniform(10, 90, (40, 2)), random.uniform(10, 90, (40, 2))
        counts = TrackCounts(SIZE, [GATE])
        zone = supervision.LineZone(supervision.Point(100, 0), supervision.Point(100, 100))
        for share in np.linspace(0, 1, 60):
            x, y = ((1 - share) * ends[:, 0] + share * ends[:, 1] for ends in (xs, ys))
            found = at(*[(number, *place) for number, place in enumerate(zip(x, y, strict=True), start=1)], side=6)
            counts.add(float(share), found)
            zone.trigger(found.to_supervision())
        there, back = (ways["car"] for ways in counts.over_lines["gate"].values())
        assert there == int(((sides[:, 0] < 0) & (sides[:, 1] > 0)).sum()) > 5
        assert back == int(((sides[:, 0] > 0) & (sides[:, 1] < 0)).sum()) > 5
        assert sorted((zone.in_count, zone.out_count)) == sorted((there, back))


def test_each_thing_counts_once_in_a_zone_which_may_have_bays() -> None:
    bay = Zone("bay", ((0, 0), (200, 0), (200, 100), (100, 20), (0, 100)))
    counts = TrackCounts(SIZE, zones=[LEFT, bay])
    for frame in range(4):
        counts.add(frame, at((1, 50, 30), (2, 150, 30), (3, 90 + 10 * frame, 50), (4, 120, 10)))
    assert counts.in_zones == {"left": {"car": 2}, "bay": {"car": 3}} and counts.tracks == {"car": 4}


def test_a_zone_without_area_is_none() -> None:
    for text in ("0,0,0,0,0,0", "0.1,0.1,0.2,0.2,0.9,0.9", "5,5,5,5,80,20", "0,0.3,1,0.3,0.5,0.3,0.2,0.3"):
        with pytest.raises(ArgumentError, match="has no area, as its corners lie on one line"):
            Zone.parse(f"a={text}")
    # A bow tie's halves have areas that cancel out; it is a zone all the same, as is a sliver.
    assert Zone.parse("tie=0,0,1,1,1,0,0,1").points[1] == (1, 1)
    assert len(Zone.parse("sliver=0,0,100,0,100,0.5").points) == 3


def test_the_sums_and_the_seconds_leave_out_what_is_none() -> None:
    """A car that is seen as two for a while, and a flicker; both cross the line and are in the zone."""
    counts = TrackCounts(SIZE, [GATE], [LEFT])
    for frame in range(40):
        x = 60 + 2 * frame
        double = [(2, x + 1, 50)] if 10 <= frame < 30 else []
        flicker = [(3, 70 + 20 * (frame - 30), 80)] if 30 <= frame < 34 else []
        counts.add(frame / 25, at((1, x, 50), *double, *flicker, side=30))
    assert counts.left_out == LeftOut(brief=frozenset({3}), doubles=frozenset({2}))
    assert counts.tracks == {"car": 1} and counts.in_zones == {"left": {"car": 1}}
    assert counts.over_lines == {"gate": {"left to right": {"car": 1}, "right to left": {}}}

    rows = {tuple(row[:5]): row[5] for row in csv.reader(counts.csv().splitlines())}
    assert rows["0", "picture", "", "", "car"] == rows["1", "picture", "", "", "car"] == "1"
    crossed = [rows[second, "line", "gate", "left to right", "car"] for second in "01"]
    inside = [rows[second, "zone", "left", "", "car"] for second in "01"]
    assert crossed == ["1", "0"] and inside == ["1", "0"]
    # What is counted while it runs does not look ahead.
    assert counts.totals == {"gate": 3, "left": 3} and len(counts.crossings) == 3


def test_there_is_a_row_for_each_second_place_and_class() -> None:
    counts = TrackCounts(SIZE, [GATE], [LEFT])
    for frame, x in enumerate((80, 90, 120, 130)):  # at 0, 0.5, 1 and 1.5 seconds
        counts.add(frame / 2, at((1, x, 50)))
    counts.add(3.2, at((2, 20, 50), names=("bus",)))
    header, *rows = csv.reader(counts.csv().splitlines())
    assert header == ["second", "place", "name", "direction", "class", "count"] and len(rows) == 4 * 4 * 2
    assert {",".join(row) for row in rows if row[5] != "0"} == {
        "0,picture,,,car,1", "0,zone,left,,car,1", "1,picture,,,car,1", "1,line,gate,left to right,car,1",
        "3,picture,,,bus,1", "3,zone,left,,bus,1",
    }  # fmt: skip


def test_a_second_may_be_asked_for_before_it_is_over() -> None:
    counts = TrackCounts(SIZE)
    assert counts.csv().splitlines() == ["second,place,name,direction,class,count"]
    for number, time in enumerate((0, 0.5), start=1):
        counts.add(time, at((number, 50, 50)))
        assert counts.csv().splitlines()[1:] == [f"0,picture,,,car,{number}"]


def test_places_are_told_in_pixels_and_shares() -> None:
    assert Line.parse("gate=10,20,30,40") == Line("gate", (10, 20), (30, 40))
    assert Line.parse(" the gate = 0.5,0,0.5,1").in_pixels(SIZE).tolist() == [[100, 0], [100, 100]]
    assert Zone.parse("z=0,0,100,0,100,50").in_pixels(SIZE).tolist() == [[0, 0], [100, 0], [100, 50]]
    assert Zone.parse("a=b=0,0,1,0,1,1") == Zone("a=b", ((0, 0), (1, 0), (1, 1)))


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        *((Line, text, "expected a line as NAME=x1,y1,x2,y2") for text in (
            "gate", "=1,2,3,4", "gate=1,2,3", "gate=1,2,3,4,5,6", "gate=a,b,c,d", "gate=nan,0,1,1", "g=-1,0,1,1",
        )),
        (Line, "gate=5,5,5,5", "begins where it ends"),
        *((Zone, text, "expected a zone as NAME=") for text in ("zone=0,0,1,1", "zone=0,0,1,0,1", "zone")),
    ],
)  # fmt: skip
def test_what_is_no_line_or_zone(kind: type[Line] | type[Zone], text: str, told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        kind.parse(text)


@pytest.mark.parametrize(
    ("lines", "zones", "told"),
    [
        ([Line("gate", (300, 0), (300, 100))], [], r"'gate' goes to \(300, 100\), outside the picture of 200 x 100"),
        ([GATE, GATE], [], "several lines or zones are called gate"),
        ([GATE], [Zone("gate", LEFT.points)], "several lines or zones are called gate"),
    ],
)
def test_what_is_outside_the_picture_and_two_of_one_name(lines: list[Line], zones: list[Zone], told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        TrackCounts(SIZE, lines, zones)
