"""Every way this can go wrong, by a stable code.

Two families, because they call for different acts:

* `PeerError`: bytes from outside break a rule. They are refused, nothing of them is stored as accepted, and the
  code is told to whoever sent them.
* `LocalError`: our own user, folder or machine cannot do what was asked. One sentence, and the next step.

A code never changes its meaning and is never used again for another. `CODES` is the whole list; `spec/vectors/`
holds at least one input for each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Code:
    """What a code says to a person: a sentence, the next step, and the page of `spec/` or `docs/` behind it."""

    sentence: str
    step: str
    page: str


def _code(sentence: str, step: str, page: str) -> Code:
    return Code(sentence, step, page)


_ASK = "Ask the sender to send it again; if it comes back the same, their program is at fault."
_EVIDENCE = "Keep the refused bytes (`ceasewire status` names them) and tell the guarantor."
_COPY = "Get the file again from its source and compare its length and hash."

CODES: Final[dict[str, Code]] = {
    # Encoding: spec/entry.md
    "enc.malformed": _code("These bytes are not well-formed CBOR", _ASK, "spec/encoding.md"),
    "enc.trailing": _code("Bytes follow the end of the value", _ASK, "spec/encoding.md"),
    "enc.noncanonical": _code("The value is not in its one canonical form", _ASK, "spec/encoding.md"),
    "enc.dup_key": _code("A map holds the same key twice", _ASK, "spec/encoding.md"),
    "enc.type": _code("The value has a type that the profile does not allow", _ASK, "spec/encoding.md"),
    "enc.range": _code("An integer is outside the range of 64-bit signed integers", _ASK, "spec/encoding.md"),
    "enc.depth": _code("The value is nested too deep", _ASK, "spec/encoding.md"),
    "enc.text": _code("A text holds characters that are not allowed", _ASK, "spec/encoding.md"),
    "enc.size": _code("The value is larger than its limit", _ASK, "spec/encoding.md"),
    "enc.shape": _code("The value is not of the shape this format asks for", _ASK, "spec/encoding.md"),
    # Keys and signatures
    "key.weak": _code("The public key is not a safe Ed25519 key", "Have its owner make new keys.", "spec/keys.md"),
    "key.length": _code("The public key has the wrong length", "Have its owner make new keys.", "spec/keys.md"),
    "sig.invalid": _code("A signature does not verify", _EVIDENCE, "spec/keys.md"),
    "sig.unknown": _code("A signature line is by a key that the charter does not name", _EVIDENCE, "spec/proof.md"),
    "sig.missing": _code("The signature that is needed is not there", _ASK, "spec/keys.md"),
    # Notes, checkpoints, trees, proofs, policies: C2SP and RFC 9162
    "note.malformed": _code("This is not a signed note as C2SP writes it", _COPY, "spec/proof.md"),
    "vkey.malformed": _code("This is not a verifier key as C2SP writes it", _COPY, "spec/proof.md"),
    "checkpoint.malformed": _code("This is not a checkpoint of three lines", _COPY, "spec/proof.md"),
    "checkpoint.origin": _code("The checkpoint is of another log", _COPY, "spec/proof.md"),
    "merkle.inclusion": _code("The entry is not in the tree at that place", _COPY, "spec/proof.md"),
    "merkle.consistency": _code("The newer tree does not contain the older", _EVIDENCE, "spec/proof.md"),
    "tile.malformed": _code("This is not a tile or entry bundle of that width", _COPY, "spec/proof.md"),
    "proof.malformed": _code("This is not a proof file as C2SP writes it", _COPY, "spec/proof.md"),
    "proof.exercise_hidden": _code("The proof hides whether this was an exercise", "Ask for a proof that shows it.", "spec/proof.md"),
    "proof.fingerprint": _code(
        "The channel is not the one whose fingerprint you gave",
        "Compare the words with the agreement's annex or the guarantor.",
        "spec/proof.md",
    ),
    "policy.malformed": _code("This is not a trust policy as C2SP writes it", _COPY, "spec/proof.md"),
    "policy.quorum": _code("Too few of the required witnesses cosigned", "Wait for them, then prove again.", "spec/proof.md"),
    # Misconduct proofs: spec/misconduct.md
    "misconduct.malformed": _code("This is not a misconduct proof", _COPY, "spec/misconduct.md"),
    "misconduct.channel": _code("The misconduct proof is of another channel", "Give that channel's charter.", "spec/misconduct.md"),
    "misconduct.unproved": _code("The file's parts verify and show no misconduct", "Rely on nothing that it claims.", "spec/misconduct.md"),
    "misconduct.charter": _code("This kind of misconduct cannot be checked with a policy", "Give --charter.", "spec/misconduct.md"),
    # Witnesses: C2SP tlog-witness
    "witness.malformed": _code("This is not a request to a witness, or its answer, as C2SP writes it", _ASK, "spec/witness.md"),
    "witness.ahead": _code(
        "The witness says that it cosigned more of our log than is here",
        "If it is right, this store is an old one: do not send; see docs/operators.md, Witnesses.",
        "spec/witness.md",
    ),
    "witness.history": _code(
        "The witness says that it cosigned another history of our log",
        "If it is right, an old store went on, or two machines sign with these keys: do not send; see docs/operators.md, Witnesses.",
        "spec/witness.md",
    ),
    # Silence proofs: spec/silence.md
    "silence.malformed": _code("This is not a silence proof in its one form", _COPY, "spec/silence.md"),
    "silence.channel": _code("The silence proof is of another channel", "Check it with that channel's charter.", "spec/silence.md"),
    "silence.charter": _code(
        "A silence proof cannot be checked with a policy, which names no parties", "Give --charter.", "spec/silence.md"
    ),
    "silence.witness": _code(
        "The silence proof rests on one who cannot vouch for it", "Rely on nothing that it claims.", "spec/silence.md"
    ),
    "silence.list": _code(
        "Nobody who must say which logs the party has does so at or after the end of the period",
        "Have the guarantor and the receiving side send a line check (`ceasewire send NODE line_check`), exchange, and prove again.",
        "spec/silence.md",
    ),
    "silence.logs": _code(
        "The logs that are shown are not those that the party is known to have",
        "Exchange with the guarantor, and prove again.",
        "spec/silence.md",
    ),
    "silence.begins": _code(
        "Nobody vouches for where a log stood when the period began", "Choose a later beginning, or name another period.", "spec/silence.md"
    ),
    "silence.ends": _code(
        "A log's end is not vouched for at or after the end of the period",
        "Exchange with the guarantor, wait until it has cosigned or sent a line check at or after that time, and prove again.",
        "spec/silence.md",
    ),
    "silence.entries": _code("The entries do not give the roots that were signed", "Rely on nothing that it claims.", "spec/silence.md"),
    "silence.broken": _code("A message of this kind was sent", "There was no silence to prove.", "spec/silence.md"),
    # Cards and charters: spec/charter.md
    "card.malformed": _code("This is not a party's card", "Ask the party for its card again.", "spec/charter.md"),
    "charter.malformed": _code("This is not a charter", _COPY, "spec/charter.md"),
    "charter.toml": _code("The charter's TOML cannot be used", "Mend it as said.", "spec/charter.md"),
    "charter.party": _code("The cards do not make a channel", "Give each party's card once.", "spec/charter.md"),
    "charter.unsigned": _code("Not every party has signed the charter", "Have the parties named sign it.", "spec/charter.md"),
    "officer.malformed": _code("This is not an officer as a charter lists them", "Mend the officer named.", "spec/charter.md"),
    # Entries, messages, logs: spec/entry.md
    "entry.body_root": _code("The body does not belong to the entry", _EVIDENCE, "spec/entry.md"),
    "opening.malformed": _code("This is not the opening of a log", _ASK, "spec/charter.md"),
    "opening.refused": _code("A key or the number of the log is another's, or its party has too many", _EVIDENCE, "spec/keys.md"),
    "opening.message": _code("A later log does not begin with its opening", _EVIDENCE, "spec/keys.md"),
    "log.unknown": _code("The log is not one of this channel's", "Check that both sides joined the same charter.", "spec/bundle.md"),
    "log.root": _code("The messages do not give the root that their checkpoint signs", _EVIDENCE, "spec/bundle.md"),
    "log.fork": _code("The log shows two histories", _EVIDENCE, "spec/bundle.md"),
    "log.frozen": _code("The log showed two histories before and takes no more entries", _EVIDENCE, "spec/bundle.md"),
    "log.time": _code("An entry is dated before the one it follows or before what it has seen", _EVIDENCE, "spec/entry.md"),
    "log.seen": _code("An entry has seen less than the one before it", _EVIDENCE, "spec/entry.md"),
    "log.gap": _code("Messages before these have not arrived", "They are asked for by themselves.", "spec/bundle.md"),
    # Holds: shown at once, not yet received
    "hold.clock": _code("The sender's clock is ahead of ours", "Compare the clocks of both sides.", "spec/bundle.md"),
    "hold.quota": _code("The log is over its quota for this day", "Wait, or ask the sender to slow down.", "spec/bundle.md"),
    "hold.seen": _code("The entry refers to messages that have not arrived here", "They are asked for by themselves.", "spec/bundle.md"),
    # Void: stored, receipted, shown as void, never acted on
    "kind.not_allowed": _code("The charter does not let this party send this kind", "Send another kind.", "spec/entry.md"),
    "body.schema": _code("A field of the message is missing, or not as its kind asks", "Mend the field named.", "spec/entry.md"),
    "ref.unknown": _code("The message refers to one its sender had not seen", "Refer to a message that is there.", "spec/entry.md"),
    "ref.party": _code("The message retracts another party's message, or replies to its own party's", "Refer to another.", "spec/entry.md"),
    "release.unknown": _code("The message carries a release that the charter does not know", "Send it without.", "spec/entry.md"),
    "release.missing": _code(
        "Fewer officers have released the message than its kind needs",
        "Have another officer release it: `ceasewire release NODE ID --key FILE`.",
        "spec/entry.md",
    ),
    "release.invalid": _code(
        "A release under the message is not by an officer in force, or not of this message", "Release it anew.", "spec/entry.md"
    ),
    "release.reused": _code("The same body stands at a lower index of this log", "Write it anew.", "spec/entry.md"),
    "log.replaced": _code(
        "The log was replaced by a later one, and this was not there before that", "Use the log that replaced it.", "spec/keys.md"
    ),
    "log.two_faces": _code(
        "The log showed two histories or was opened twice, and from here on nobody can tell which one this is of",
        _EVIDENCE,
        "spec/misconduct.md",
    ),
    "amendment.base": _code(
        "The amendment is of a charter that is not in force where it stands",
        "Amend the one that is: `ceasewire charter amend`.",
        "spec/charter.md",
    ),
    "amendment.changes": _code(
        "The amendment's changes make no charter, or are not those that its hash names", "Mend the changes named.", "spec/charter.md"
    ),
    "exercise.mismatch": _code("The channel is an exercise and the message says it is not", "Mark it as an exercise.", "spec/entry.md"),
    # Bundles: spec/bundle.md
    "bundle.magic": _code("This is not a Ceasewire bundle", _COPY, "spec/bundle.md"),
    "bundle.version": _code("The bundle is of a version that this program does not know", "Update the program.", "spec/bundle.md"),
    "bundle.truncated": _code("The bundle ends too early", _COPY, "spec/bundle.md"),
    "bundle.size": _code("The bundle is larger than its limit", _ASK, "spec/bundle.md"),
    "bundle.channel": _code("The bundle is of another channel", "Read it with the node of that channel.", "spec/bundle.md"),
    "bundle.recipient": _code("The bundle is for another log", "Give it to the party it is for.", "spec/bundle.md"),
    "bundle.key_gone": _code("The bundle is sealed to a key that is gone", "The sender is told and seals anew.", "spec/bundle.md"),
    "bundle.open": _code("The bundle cannot be opened", _COPY, "spec/bundle.md"),
    "bundle.padding": _code("The bundle's padding is not as it must be", _ASK, "spec/bundle.md"),
    "bundle.signature": _code("The bundle is not signed by the log it names", _EVIDENCE, "spec/bundle.md"),
    # Local: our folder, our keys, our line
    "usage": _code("That cannot be done as asked", "See `ceasewire --help`.", "docs/operators.md"),
    "json.malformed": _code("This is not a JSON object", "Mend the file.", "docs/operators.md"),
    "ref.malformed": _code("A reference is written log/index, as north/12", "Write it so.", "docs/operators.md"),
    "ref.missing": _code("There is no such message or case here", "See `ceasewire list`.", "docs/operators.md"),
    "file.unreadable": _code("The file cannot be read", "Check its name and permissions.", "docs/operators.md"),
    "file.unwritable": _code("The file cannot be written", "Check the folder, its permissions and the free space.", "docs/operators.md"),
    "field.unknown": _code("The message has no field of that name", "See spec/entry.md for the names.", "spec/entry.md"),
    "draft.missing": _code("There is no such draft", "See `ceasewire release NODE` for the drafts that wait.", "docs/cli.md"),
    "import.file": _code("The file cannot be imported", "Mend the file as said, or choose its --format.", "docs/importing.md"),
    "import.map": _code("The mapping cannot be used", "Mend it as said.", "docs/importing.md"),
    "node.exists": _code("The folder already holds a node", "Choose another folder.", "docs/operators.md"),
    "node.missing": _code("The folder holds no node", "Make one with `ceasewire init`.", "docs/operators.md"),
    "node.not_joined": _code("The node has joined no channel", "Sign the charter, then `ceasewire join`.", "docs/operators.md"),
    "node.joined": _code("The node has joined a channel already", "One folder is one channel: make another.", "docs/operators.md"),
    "node.locked": _code("Another process is writing to this node", "Stop it, or send through it.", "docs/operators.md"),
    "witness.missing": _code("The folder holds no witness", "Make one with `ceasewire witness key`.", "docs/operators.md"),
    "witness.rolled_back": _code(
        "The witness's store is older than what this witness has said",
        "Never use it again: make another with a new key, and tell whose logs it cosigned.",
        "docs/operators.md",
    ),
    "log.closed": _code(
        "The log is closed: its store is older than what has left it, so it shows and receives but signs nothing",
        "Do not restore it again; `ceasewire recover NODE --from PEER` opens a successor log, with the recovery key.",
        "docs/operators.md",
    ),
    "log.unsure": _code(
        "Nobody has confirmed yet that the log on this machine is the newest there is, so it signs nothing",
        "`ceasewire sync NODE` and `serve` ask again. If you know that no disk was put back or copied: "
        "`ceasewire sync NODE --not-restored`. If one was: `ceasewire recover`.",
        "docs/operators.md",
    ),
    "backup.damaged": _code("This is not a whole backup of a node", "Take another one.", "docs/operators.md"),
    "pen.mode": _code("Others on this machine can read the key file", "chmod 600 it, and ask who has.", "docs/operators.md"),
    "pen.damaged": _code("The key file is not whole", "Do not copy it from a backup; open a successor log.", "docs/operators.md"),
    "pen.passphrase": _code("The passphrase does not open the keys", "Give the right --passphrase-file.", "docs/operators.md"),
    "store.unsafe": _code("The database would not keep what it has acknowledged", "Put it on a local disk.", "docs/operators.md"),
    "store.newer": _code("The store was written by a newer version", "Use that version.", "docs/operators.md"),
    "store.damaged": _code("The store is damaged", "Run `ceasewire fsck` and keep the folder as it is.", "docs/operators.md"),
    "disk.failed": _code(
        "The disk refused to keep the data",
        "See that there is space and that the node's files are yours to write; mend that or the disk, then start again.",
        "docs/operators.md",
    ),
    "random.failed": _code("The system gave no randomness", "Mend the system; nothing was made.", "docs/operators.md"),
    "net.unreachable": _code("The other side cannot be reached", "It is tried again by itself.", "docs/operators.md"),
    "net.busy": _code("The other side takes no more of this node's at once", "It is tried again by itself.", "docs/operators.md"),
    "net.refused": _code("The other side refused the bundle", "The code says why.", "docs/operators.md"),
    "net.url": _code("That address may not be called", "Use https, or loopback on both sides.", "docs/operators.md"),
    "token.unknown": _code(
        "The request bears no token that opens anything here", "Send `Authorization: Bearer TOKEN`.", "docs/operators.md"
    ),
    "token.role": _code("The token may read and not send", "Ask for a token with the role sender.", "docs/operators.md"),
    "token.busy": _code("Too many requests with wrong tokens wait", "Come again in a moment.", "docs/operators.md"),
    "api.missing": _code("There is nothing here that this token opens", "See /api/v1/nodes and /api/v1/openapi.json.", "docs/operators.md"),
    "api.method": _code("That address does not take this method", "See /api/v1/openapi.json.", "docs/operators.md"),
    "api.size": _code("The request is larger than its limit", "Send less at once.", "docs/operators.md"),
    "api.type": _code("The request must be application/json in UTF-8 without a content coding", "Send it so.", "docs/operators.md"),
    # The console
    "console.missing": _code("There is no such page", "Go back to the inbox.", "docs/officers.md"),
    "console.method": _code("That page is only to be read", "Go back to the inbox.", "docs/officers.md"),
    "console.role": _code("Your role does not allow this", "Ask an administrator of this node.", "docs/officers.md"),
    "console.origin": _code("The form came from another site", "Open the console anew and try again there.", "docs/officers.md"),
    "console.csrf": _code("The form is of another session", "Open the page anew and try again.", "docs/officers.md"),
    "console.form": _code("The form could not be read", "Open the page anew and try again.", "docs/officers.md"),
    # People: accounts.sqlite
    "account.link": _code(
        "This link has been used, has expired, or never was one",
        "Ask an administrator for a new one; whoever runs the node: `ceasewire account link NODE`.",
        "docs/operators.md",
    ),
    "account.wrong": _code(
        "The name, the password or the code is not right", "Try again with the code that shows now.", "docs/operators.md"
    ),
    "account.busy": _code(
        "Too many wrong passwords came lately; the next is taken in so many seconds",
        "Wait, or sign in by a passkey, by a device that you signed in on before, or by a link of an administrator.",
        "docs/operators.md",
    ),
    "account.password": _code("This cannot be a password", "Choose a longer one: a sentence of your own.", "docs/operators.md"),
    "account.name": _code("This cannot be the name of an account", "Choose another.", "docs/operators.md"),
    "account.passkey": _code("The passkey's answer is not right", "Try again, or sign in another way.", "docs/operators.md"),
    "account.session": _code("This session has ended", "Sign in again.", "docs/operators.md"),
    "account.fresh": _code("This act asks who you are once more", "Confirm with your passkey, or password and code.", "docs/operators.md"),
    "account.role": _code("Your role does not allow this", "Ask an administrator.", "docs/operators.md"),
    "account.last": _code("A node needs one administrator", "Make somebody else administrator first.", "docs/operators.md"),
    "account.missing": _code("There is no such account", "See `ceasewire account list NODE`.", "docs/cli.md"),
    "account.disabled": _code("The account is disabled", "Have an administrator enable it.", "docs/operators.md"),
    "account.full": _code("No more of these can be kept", "Remove some first.", "docs/operators.md"),
    "account.damaged": _code(
        "The file of the people of this node is damaged",
        "Stop `serve`, move accounts.sqlite away, and start again: people are then invited anew.",
        "docs/operators.md",
    ),
    "http.type": _code("The request must be application/octet-stream without a content coding", "Send it so.", "spec/bundle.md"),
}

# Codes whose detail, in an error of our own user's, is all that is to be said: which field, which message.
_SAID_WHOLE: Final = frozenset({"body.schema", "ref.unknown", "ref.party", "ref.missing"})


class CeasewireError(Exception):
    """An error with a stable code. `detail` says what in this case; it never holds a body, a name or a key."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    @property
    def explained(self) -> Code:
        """The sentence and the next step behind the code."""
        return CODES[self.code]

    def __str__(self) -> str:
        return f"{self.message}. {self.explained.step} [{self.code}]"

    @property
    def message(self) -> str:
        """What went wrong, without the next step."""
        return f"{self.explained.sentence}: {self.detail}" if self.detail else self.explained.sentence


class PeerError(CeasewireError):
    """Bytes from outside break a rule."""


class LocalError(CeasewireError):
    """What our own user asked cannot be done here."""

    @property
    def message(self) -> str:
        """What went wrong: the detail alone where it says all of it."""
        return self.detail if self.detail and self.code in _SAID_WHOLE else super().message
