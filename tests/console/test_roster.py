"""The duty roster, as an administrator keeps it and everybody reads it."""

from __future__ import annotations

import re
from pathlib import Path

from carriers.sides import make_sides, process
from console.people import person


def test_an_administrator_keeps_the_roster_and_a_reader_reads_it(tmp_path: Path) -> None:
    side = make_sides(tmp_path, {"north": None, "south": ""})["north"]
    with process(side.folder):
        keeper, reader = person(side, "administrator", "Larch"), person(side, "reader", "Cedar")
        account = re.findall(r'<option value="(\d+)" dir="auto">Cedar</option>', keeper.get("/shift").text)[0]
        duty = {"account": account, "since": "2099-01-01 06:00", "until": "2099-01-01 14:00", "role": "releaser"}
        assert keeper.post("/shift/roster", {**duty, "since": "tomorrow"}).status == 400
        assert keeper.post("/shift/roster", {**duty, "until": "2099-01-01 05:00"}).status == 400
        assert keeper.post("/shift/roster", {**duty, "account": "99"}).status == 400
        near = {**duty, "since": "00:00", "until": "2099-01-01 14:00"}
        assert keeper.post("/shift/roster", near).location.endswith("/shift?said=Saved.")
        for who, may in ((keeper, True), (reader, False)):
            text = who.get("/shift").text
            assert re.search(r"Cedar</bdi> · Releaser", text)
            assert ("/shift/roster/remove" in text) == may
        number = re.findall(r'name="duty" value="(\d+)"', keeper.get("/shift").text)[0]
        assert keeper.post("/shift/roster/remove", {"duty": number}).status == 303
        assert "Nobody is on the roster." in reader.get("/shift").text
