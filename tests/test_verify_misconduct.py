"""`ceasewire verify` of misconduct proofs: what it says, to people and to programs, on a machine that never met the parties."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ceasewire.record import fingerprint
from ceasewire.verifier import Report, Trust, verify
from ceasewire.verifier.misconduct import WHAT
from cli.driving import Cli
from crimes import Device, crimes
from helpers import TestChannel, make_channel, make_party, refused

QUOTA = 50


def against_north(made: TestChannel) -> dict[str, bytes]:
    return crimes(Device(made.channel, 0, make_party("north")), Device(made.channel, 1, make_party("south")), QUOTA)


@pytest.fixture(scope="module")
def made() -> TestChannel:
    return make_channel(quotas={"messages_per_log_and_day": QUOTA})


def checked(data: bytes, made: TestChannel, words: str | None = None) -> Report:
    return verify(data, Trust(charter=made.signed.encode(), fingerprint=words))


def test_the_report_names_kind_log_party_and_places(made: TestChannel) -> None:
    for what, data in against_north(made).items():
        report = checked(data, made, fingerprint.words(made.channel.channel_id))
        assert (report.verdict, report.kind, report.code) == ("valid", "misconduct", None)
        assert [step.step for step in report.steps] == list(WHAT)
        json.dumps(report.as_json())
        fields = report.fields
        assert (fields["misconduct"], fields["log"], fields["party"]) == (what.partition("-")[0], "north", "north")
        assert str(fields["sentence"]).startswith("north's ")
        assert str(fields["sentence"]).endswith(".")
        assert fields["convicts"] is (what != "flood")
        assert {one["by"] for one in report.vouched} == {"north"}
        assert report.not_proved[0].startswith("that these keys are the named parties'")
        assert "a person meant it" in report.not_proved[1]
    faces = checked(against_north(made)["two_leaves"], made).fields
    assert (faces["index"], faces["does_not_stand_from"]) == (5, 5)
    assert faces["sentence"] == "north's log north showed two histories: its key signed two different entries at index 5."


def test_another_fingerprint_another_channel_and_a_policy(made: TestChannel) -> None:
    proof = against_north(made)["two_faces"]
    other = make_channel(title="Another")
    assert checked(proof, made, fingerprint.words(other.channel.channel_id)).code == "proof.fingerprint"
    report = checked(proof, other)
    assert (report.verdict, report.code, report.steps[-1].step) == ("invalid", "misconduct.channel", 4)
    policy = f"log {made.channel.logs[0].log[0].text()}\nquorum none\n".encode()
    report = verify(proof, Trust(policy=policy))
    assert (report.verdict, report.fields["log"]) == ("valid", "north")
    assert report.not_proved[-1].startswith("whether the channel is an exercise")
    assert verify(against_north(made)["false_seen"], Trust(policy=policy)).code == "misconduct.charter"


def test_a_flood_is_one_by_the_charter_alone() -> None:
    larger = make_channel(quotas={"messages_per_log_and_day": QUOTA + 1})
    with refused("misconduct.unproved"):
        against_north(larger)


def test_the_command_speaks_to_people_and_exits_as_it_must(tmp_path: Path) -> None:
    cli, exercise = Cli(tmp_path), make_channel(exercise=True, title="An exercise", quotas={"messages_per_log_and_day": QUOTA})
    (tmp_path / "x.charter").write_bytes(exercise.signed.encode())
    proofs = against_north(exercise)
    for what in ("two_faces", "flood"):
        (tmp_path / what).write_bytes(proofs[what])
    (tmp_path / "cut").write_bytes(proofs["two_faces"][:-1])
    (tmp_path / "else").write_bytes(b"something else")
    said = cli("verify", "two_faces", "--charter", "x.charter").out.splitlines()
    assert said[:2] == ["EXERCISE: nothing that is said in this channel is real", "VALID: the proof holds."]
    assert "north's log north showed two histories: its key signed two different contents for its first 6 entries." in said
    assert "  This is a finding to ask about, not a conviction." in cli("verify", "flood", "--charter", "x.charter").out.splitlines()
    found = cli.good("verify", "two_faces", "--charter", "x.charter")
    assert (found["kind"], found["exercise"], found["fields"]["size"]) == ("misconduct", True, 6)
    assert [cli("verify", name, "--charter", "x.charter").status for name in ("two_faces", "cut", "else")] == [0, 1, 2]
