"""The table of commands. Importing it is quick: each command imports its own part of the program when it is called."""

from __future__ import annotations

from typing import Final

from cyclopts import App, Parameter

from . import accounts, founding, keys, misconduct, moving, officers, proving, reading, recovery, reports, tokens, witnesses

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
officer: Final = App(name="officer", help="The officers who release a party's messages.")
account: Final = App(name="account", help="The people who sign in to a node's pages.")
token: Final = App(name="token", help="Tokens of a node's HTTP API.")
party_keys: Final = App(name="keys", help="A party's logs: new keys, further devices, what replaced what.")
witness: Final = App(name="witness", help="A C2SP witness: cosigns logs, its own clock on them.")
accused: Final = App(name="misconduct")
bundle: Final = App(name="bundle", help="Exchange by file: a stick, a courier, an e-mail.")

for makes in (founding.init, founding.card, founding.join, moving.serve, moving.send, moving.sync):
    app.command(makes)
for reads in (reading.show, reading.cases, reading.case, reading.status, reading.fsck, proving.prove, proving.verify, proving.demo):
    app.command(reads)
app.command(reading.list_messages, name="list")
app.command(reading.rebuild)
app.command(reports.import_incidents, name="import")
app.command(reports.bulletin)

app.command(recovery.backup)
app.command(recovery.recover)

app.command(party_keys)
party_keys.command(keys.rotate)
party_keys.command(keys.device)
party_keys.command(keys.list_keys, name="list")

app.command(officer)
officer.command(officers.add)
officer.command(officers.list_officers, name="list")
officer.command(officers.revoke)
app.command(officers.release)

app.command(account)
account.command(accounts.list_accounts, name="list")
account.command(accounts.link)

app.command(token)
token.command(tokens.add)
token.command(tokens.list_tokens, name="list")
token.command(tokens.revoke)

app.command(charter)
charter.command(founding.draft)
charter.command(founding.sign)
charter.command(founding.show_charter, name="show")
charter.command(officers.amend)

app.command(bundle)
bundle.command(moving.bundle_write, name="write")
bundle.command(moving.bundle_read, name="read")

app.command(accused)
accused.default(misconduct.misconduct)
accused.command(misconduct.compare)

app.command(witnesses.publish)
app.command(witness)
witness.command(witnesses.witness_key, name="key")
witness.command(witnesses.witness_add, name="add")
witness.command(witnesses.witness_serve, name="serve")
