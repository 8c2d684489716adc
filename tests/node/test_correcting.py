"""A node fills in what a correction needs of the message that it corrects, and sends none that others would not take."""

from __future__ import annotations

from helpers import local
from node.pair import ChannelPair

NOTIFICATION = {
    "types": ["A4"],
    "occurred_from": "2026-03-01T04:12:00Z",
    "location": [33.12345, 44.56789],
    "location_precision": "district",
    "count": 4,
}


def test_a_correction_takes_the_kind_and_the_precision_of_its_message() -> None:
    with ChannelPair() as pair:
        node = pair.north.node
        node.send("notification", NOTIFICATION)
        node.send("correction", {"re": "north/0", "fields": {"location": [33.98765, 44.11111]}, "reason": "Seen from nearer."})
        body = node.show((0, 1))["body"]
        assert body["of"] == "notification"
        assert body["fields"] == {"location": [34.0, 44.1], "location_precision": "district"}


def test_a_later_correction_keeps_what_an_earlier_one_made_coarser() -> None:
    with ChannelPair() as pair:
        node = pair.north.node
        node.send("notification", NOTIFICATION)
        node.send("correction", {"re": ["north/0"], "fields": {"location_precision": "region"}, "reason": "Not to be known so well."})
        node.send("correction", {"re": "north/0", "fields": {"location": [33.98765, 44.61111]}, "reason": "Seen from nearer."})
        assert node.show((0, 1))["body"]["fields"] == {"location": [33.0, 45.0], "location_precision": "region"}
        assert node.show((0, 2))["body"]["fields"] == {"location": [34.0, 45.0], "location_precision": "region"}


def test_what_cannot_be_corrected_is_refused_before_it_is_signed() -> None:
    with ChannelPair() as pair:
        north, south = pair.north.node, pair.south.node
        north.send("notification", NOTIFICATION)
        north.send("line_check", {})
        pair.sync("north", "south")
        south.send("statement", {"text": "Noted."})
        pair.sync("south", "north")
        good = {"fields": {"count": 3}, "reason": "Counted again."}
        for json, code in (
            ({**good, "re": "north/9"}, "ref.missing"),
            ({**good, "re": "east/0"}, "body.schema"),
            ({**good}, "body.schema"),
            ({**good, "re": ["north/0", "north/1"]}, "body.schema"),
            ({**good, "re": "north/1"}, "body.schema"),
            ({**good, "re": "north/0", "of": "statement"}, "body.schema"),
            ({**good, "re": "south/0", "fields": {"text": "Denied."}}, "ref.party"),
            ({**good, "re": 5}, "body.schema"),
        ):
            with local(code):
                north.send("correction", json)
        assert north.store_size(0) == 2


def test_a_provision_is_one_of_the_charters() -> None:
    with ChannelPair(provisions=[{"id": "II.3", "text": "No fire."}]) as pair:
        pair.north.node.send("statement", {"text": "x", "provisions": ["II.3"]})
        with local("body.schema") as caught:
            pair.north.node.send("statement", {"text": "x", "provisions": ["II.4"]})
        assert "II.4; perhaps II.3" in caught.value.detail
