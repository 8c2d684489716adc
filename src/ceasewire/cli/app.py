"""The table of commands. Importing it is quick: each command imports its own part of the program when it is called."""

from __future__ import annotations

from typing import Final

from cyclopts import App, Parameter

from . import founding, moving, proving, reading

VERSION: Final = "0.1.0"  # a test compares it with pyproject.toml: a checkout that runs in place has no metadata
_HELP: Final = """Signed, receipted messages between the parties to a ceasefire, provable to a third.

NODE is a node's folder: one party, one channel. REF is a message, as north/12. Every command takes --json.
Exit status: 0 done or verified; 1 the answer is no; 2 it could not be done."""

app: Final = App(
    name="ceasewire",
    help=_HELP,
    help_format="plaintext",
    version=VERSION,
    result_action="return_value",
    default_parameter=Parameter(negative=()),
)
charter: Final = App(name="charter", help="The charter that founds a channel.")
bundle: Final = App(name="bundle", help="Exchange by file: a stick, a courier, an e-mail.")

for makes in (founding.init, founding.card, founding.join, moving.serve, moving.send, moving.sync):
    app.command(makes)
for reads in (reading.show, reading.cases, reading.case, reading.status, reading.fsck, proving.prove, proving.verify, proving.demo):
    app.command(reads)
app.command(reading.list_messages, name="list")

app.command(charter)
charter.command(founding.draft)
charter.command(founding.sign)
charter.command(founding.show_charter, name="show")

app.command(bundle)
bundle.command(moving.bundle_write, name="write")
bundle.command(moving.bundle_read, name="read")
