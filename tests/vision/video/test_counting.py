from __future__ import annotations

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


def at(*places: tuple[int, float, float], side: float = 10, names: Sequence[str] = ()) -> Detections:
    """Boxes of tracks (id, x, y of the middle)."""
    boxes = [(x - side / 2, y - side / 2, x + side / 2, y + side / 2) for _, x, y in places]
    return Detections(
        SIZE, np.array(boxes, np.float32).reshape(-1, 4), tuple(names) or ("car",) * len(places),
        classes=("car", "bus", "person"), track_ids=np.array([number for number, *_ in places], np.int64),
    )  # fmt: skip


def passed(line: Line, way: Sequence[tuple[float, float] | None], side: float = 10) -> dict[str, int]:
    """How often one track crosses a line on its way in each direction; None where it is hidden."""
    counts = TrackCounts(SIZE, [line])
    for frame, place in enumerate(way):
        counts.add(frame / 25, at(*([] if place is None else [(1, *place)]), side=side))
    return {
        direction: sum(one.direction == direction for one in counts.crossings)
        for direction in counts.over_lines[line.name]
    }


class TestLines:
    @pytest.mark.parametrize(
        ("line", "way", "direction"),
        [
            (((100, 0), (100, 100)), [(80, 50), (120, 50)], "left to right"),
            (((100, 100), (100, 0)), [(80, 50), (120, 50)], "left to right"),
            (((100, 0), (100, 100)), [(120, 50), (80, 50)], "right to left"),
            (((0, 50), (200, 50)), [(100, 30), (100, 70)], "top to bottom"),
            (((200, 50), (0, 50)), [(100, 30), (100, 70)], "top to bottom"),
            (((0, 50), (200, 50)), [(100, 70), (100, 30)], "bottom to top"),
            (((90, 0), (110, 100)), [(80, 50), (120, 50)], "left to right"),
            (((0, 40), (200, 60)), [(100, 30), (100, 70)], "top to bottom"),
        ],
    )
    def test_a_direction_is_named_as_it_looks(
        self, line: tuple[tuple[int, int], ...], way: object, direction: str
    ) -> None:
        crossed = passed(Line("gate", *line), way)  # type: ignore[arg-type]
        assert crossed.pop(direction) == 1 and [*crossed.values()] == [0]

    def test_back_and_forth_is_once_in_each_direction(self) -> None:
        assert passed(GATE, [(80, 50), (120, 50), (80, 50)]) == {"left to right": 1, "right to left": 1}

    def test_a_thing_that_is_hidden_at_the_line_is_counted_when_it_comes_out(self) -> None:
        way = [(60, 50), (80, 50), None, None, None, None, (130, 50)]
        assert passed(GATE, way)["left to right"] == 1

    def test_what_goes_round_an_end_crosses_nothing(self) -> None:
        half = Line("gate", (100, 0), (100, 40))
        assert passed(half, [(80, 20), (80, 60), (120, 60), (120, 20)]) == {"left to right": 0, "right to left": 0}
        assert passed(half, [(80, 20), (120, 20)])["left to right"] == 1

    def test_what_is_wider_than_the_line_is_counted(self) -> None:
        short = Line("door", (90, 50), (110, 50))
        assert passed(short, [(100, 35), (100, 50), (100, 65)], side=60)["top to bottom"] == 1

    def test_what_trembles_on_the_line_crosses_nothing(self) -> None:
        way = [(100 + (-1) ** frame * 0.9, 50.0) for frame in range(20)]
        assert passed(GATE, way) == {"left to right": 0, "right to left": 0}
        assert passed(GATE, [(80, 50), *way, (120, 50)])["left to right"] == 1

    def test_what_begins_on_the_line_has_come_from_nowhere(self) -> None:
        assert passed(GATE, [(100, 50), (120, 50)]) == {"left to right": 0, "right to left": 0}

    def test_classes_are_counted_apart_and_a_thing_once(self) -> None:
        counts = TrackCounts(SIZE, [GATE])
        for frame, x in enumerate((80, 120, 80, 120)):
            places = [(1, x, 20), (2, x, 50), (3, 200 - x, 80)]
            counts.add(frame / 2, at(*places, names=("car", "bus", "car")))
        assert counts.over_lines == {
            "gate": {"left to right": {"car": 2, "bus": 1}, "right to left": {"car": 2, "bus": 1}}
        }
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
        counts, zone = (
            TrackCounts(SIZE, [GATE]),
            supervision.LineZone(supervision.Point(100, 0), supervision.Point(100, 100)),
        )
        for share in np.linspace(0, 1, 60):
            x, y = ((1 - share) * ends[:, 0] + share * ends[:, 1] for ends in (xs, ys))
            found = at(*[(number, *place) for number, place in enumerate(zip(x, y, strict=True), start=1)], side=6)
            counts.add(float(share), found)
            zone.trigger(found.to_supervision())
        there, back = (ways["car"] for ways in counts.over_lines["gate"].values())
        assert there == int(((sides[:, 0] < 0) & (sides[:, 1] > 0)).sum()) > 5
        assert back == int(((sides[:, 0] > 0) & (sides[:, 1] < 0)).sum()) > 5
        assert sorted((zone.in_count, zone.out_count)) == sorted((there, back))


class TestZones:
    LEFT = Zone("left", ((0, 0), (0.5, 0), (0.5, 1), (0, 1)))

    def test_each_thing_counts_once(self) -> None:
        counts = TrackCounts(SIZE, zones=[self.LEFT])
        for frame in range(4):
            counts.add(frame, at((1, 50, 50), (2, 150, 50), (3, 90 + 10 * frame, 50)))
        assert counts.in_zones == {"left": {"car": 2}} and counts.tracks == {"car": 3}

    def test_a_zone_without_area_is_none(self) -> None:
        for text in ("0,0,0,0,0,0", "0.1,0.1,0.2,0.2,0.9,0.9", "5,5,5,5,80,20", "0,0.3,1,0.3,0.5,0.3,0.2,0.3"):
            with pytest.raises(ArgumentError, match="has no area, as its corners lie on one line"):
                Zone.parse(f"a={text}")
        # A bow tie's halves have areas that cancel out; it is a zone all the same, as is a sliver.
        assert Zone.parse("tie=0,0,1,1,1,0,0,1").points[1] == (1, 1)
        assert len(Zone.parse("sliver=0,0,100,0,100,0.5").points) == 3

    def test_shapes_with_bays(self) -> None:
        bay = Zone("bay", ((0, 0), (200, 0), (200, 100), (100, 20), (0, 100)))
        counts = TrackCounts(SIZE, zones=[bay])
        counts.add(0, at((1, 10, 50), (2, 100, 50), (3, 190, 50), (4, 100, 10)))
        assert counts.in_zones == {"bay": {"car": 3}}


class TestThingsAlone:
    """A car that is seen as two for a while, and a flicker; both cross the line and are in the zone."""

    def counts(self) -> TrackCounts:
        counts = TrackCounts(SIZE, [GATE], [TestZones.LEFT])
        for frame in range(40):
            x = 60 + 2 * frame
            double = [(2, x + 1, 50)] if 10 <= frame < 30 else []
            flicker = [(3, 70 + 20 * (frame - 30), 80)] if 30 <= frame < 34 else []
            counts.add(frame / 25, at((1, x, 50), *double, *flicker, side=30))
        return counts

    def test_the_sums_leave_out_what_is_none(self) -> None:
        counts = self.counts()
        assert counts.left_out == LeftOut(brief=frozenset({3}), doubles=frozenset({2}))
        assert counts.tracks == {"car": 1} and counts.in_zones == {"left": {"car": 1}}
        assert counts.over_lines == {"gate": {"left to right": {"car": 1}, "right to left": {}}}

    def test_so_do_the_seconds(self) -> None:
        rows = {tuple(row[:5]): row[5] for row in csv.reader(self.counts().csv().splitlines())}
        assert rows["0", "picture", "", "", "car"] == rows["1", "picture", "", "", "car"] == "1"
        crossed = [rows[second, "line", "gate", "left to right", "car"] for second in "01"]
        inside = [rows[second, "zone", "left", "", "car"] for second in "01"]
        assert crossed == ["1", "0"] and inside == ["1", "0"]

    def test_what_is_counted_while_it_runs_does_not_look_ahead(self) -> None:
        counts = self.counts()
        assert counts.totals == {"gate": 3, "left": 3} and len(counts.crossings) == 3


class TestOverTime:
    def test_there_is_a_row_for_each_second_place_and_class(self) -> None:
        counts = TrackCounts(SIZE, [GATE], [TestZones.LEFT])
        for frame, x in enumerate((80, 90, 120, 130)):  # at 0, 0.5, 1 and 1.5 seconds
            counts.add(frame / 2, at((1, x, 50)))
        counts.add(3.2, at((2, 20, 50), names=("bus",)))
        rows = list(csv.reader(counts.csv().splitlines()))
        assert rows[0] == ["second", "place", "name", "direction", "class", "count"]
        assert len(rows) == 1 + 4 * 4 * 2
        some = {tuple(row[:5]): int(row[5]) for row in rows[1:] if row[5] != "0"}
        assert some == {
            ("0", "picture", "", "", "car"): 1,
            ("0", "zone", "left", "", "car"): 1,
            ("1", "picture", "", "", "car"): 1,
            ("1", "line", "gate", "left to right", "car"): 1,
            ("3", "picture", "", "", "bus"): 1,
            ("3", "zone", "left", "", "bus"): 1,
        }

    def test_a_second_may_be_asked_for_before_it_is_over(self) -> None:
        counts = TrackCounts(SIZE)
        counts.add(0, at((1, 50, 50)))
        before = counts.csv()
        counts.add(0.5, at((2, 50, 50)))
        assert before.splitlines()[1:] == ["0,picture,,,car,1"]
        assert counts.csv().splitlines()[1:] == ["0,picture,,,car,2"]

    def test_of_no_frames_there_is_the_header_alone(self) -> None:
        assert TrackCounts(SIZE).csv().splitlines() == ["second,place,name,direction,class,count"]


class TestPlacesInWords:
    def test_pixels_and_shares(self) -> None:
        assert Line.parse("gate=10,20,30,40") == Line("gate", (10, 20), (30, 40))
        assert Line.parse(" the gate = 0.5,0,0.5,1").in_pixels(SIZE).tolist() == [[100, 0], [100, 100]]
        assert Zone.parse("z=0,0,100,0,100,50").in_pixels(SIZE).tolist() == [[0, 0], [100, 0], [100, 50]]
        assert Zone.parse("a=b=0,0,1,0,1,1") == Zone("a=b", ((0, 0), (1, 0), (1, 1)))

    @pytest.mark.parametrize(
        "text",
        ["gate", "gate=", "=1,2,3,4", "gate=1,2,3", "gate=1,2,3,4,5,6", "gate=a,b,c,d", "gate=nan,0,1,1", "g=-1,0,1,1"],
    )
    def test_what_is_no_line(self, text: str) -> None:
        with pytest.raises(ArgumentError, match="expected a line as NAME=x1,y1,x2,y2"):
            Line.parse(text)

    @pytest.mark.parametrize("text", ["zone=0,0,1,1", "zone=0,0,1,0,1", "zone"])
    def test_what_is_no_zone(self, text: str) -> None:
        with pytest.raises(ArgumentError, match="expected a zone as NAME="):
            Zone.parse(text)

    def test_a_line_without_length(self) -> None:
        with pytest.raises(ArgumentError, match="begins where it ends"):
            Line.parse("gate=5,5,5,5")

    def test_what_is_outside_the_picture(self) -> None:
        with pytest.raises(
            ArgumentError, match=r"'gate' goes to \(300, 100\), outside the picture of 200 x 100 pixels"
        ):
            TrackCounts(SIZE, [Line("gate", (300, 0), (300, 100))])

    def test_two_of_one_name(self) -> None:
        with pytest.raises(ArgumentError, match="several lines or zones are called gate"):
            TrackCounts(SIZE, [GATE, GATE])
        with pytest.raises(ArgumentError, match="several lines or zones are called gate"):
            TrackCounts(SIZE, [GATE], [Zone("gate", TestZones.LEFT.points)])
