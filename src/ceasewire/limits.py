"""Every maximum, once, with its unit in the name. PROTOCOL section 12; spec/limits.md."""

from __future__ import annotations

from typing import Final

BODY_BYTES: Final = 32 * 1024
TEXT_BYTES: Final = 16 * 1024
EVIDENCE_BYTES: Final = 2 * 1024**3
BUNDLE_CONTENTS_BYTES: Final = 16 * 1024**2
BUNDLE_MESSAGES: Final = 8192
RUN_BYTES: Final = 8 * 1024**2  # messages of one run, encoded; half a bundle, so that whoever takes a run can pass it on
BATCH_MESSAGES: Final = 2048  # messages that one group commit may put under one checkpoint
BATCH_BYTES: Final = 4 * 1024**2
CHARTER_BYTES: Final = 4 * 1024**2
CARD_BYTES: Final = 64 * 1024
PROOF_BYTES: Final = 16 * 1024**2
PROOF_SUPPORTS: Final = 4096  # messages about officers and amendments in one proof
PROOF_EXTRA_BYTES: Final = 8 * 1024**2  # what a proof bears besides the path: entry, fields, openings, messages about officers
MISCONDUCT_BYTES: Final = 16 * 1024  # one misconduct proof; it holds one opening and two entries with their paths
SILENCE_BYTES: Final = 64 * 1024**2  # one silence proof; a million entries fit
SILENCE_ENTRY_BYTES: Final = 512 * 1024**2  # of the entries of one log in a silence proof, each written out with its whole `seen`
SILENCE_NOTES: Final = 8  # signed checkpoints of one log in a silence proof
MISCONDUCT_PER_BUNDLE: Final = 16  # misconduct proofs that one bundle passes on
MISCONDUCT_SETTLED: Final = 1024  # refused ones that one process remembers, so as not to check them again
NOTE_BYTES: Final = 128 * 1024
NOTE_SIGNATURES: Final = 32
WITNESS_HASHES: Final = 63  # of a consistency proof to a witness
WITNESS_REQUEST_BYTES: Final = 132 * 1024  # a note, and what stands above it
WITNESS_ANSWER_BYTES: Final = 64 * 1024  # of what a witness answers
CBOR_DEPTH: Final = 8
CONTAINER_DEPTH: Final = 16  # a bundle's contents hold bodies, which may themselves be CBOR_DEPTH deep
FIELD_COUNT: Final = 64
CLOCK_TOLERANCE_SECONDS: Final = 600
SHELF_MESSAGES: Final = 4096  # messages of one log that wait on a shelf
SHELF_BYTES: Final = 18 * 1024**2  # runs of one log that wait on a shelf, as they came; two of the largest fit
QUOTA_MESSAGES_PER_LOG_AND_DAY: Final = 20_000
RUNNING_CLOCKS_PER_PARTY: Final = 20
CASES_PER_MESSAGE: Final = 1000  # that a message belongs to; of more, those of the lowest keys
PARTIES: Final = 32
RECOVERY_KEYS: Final = 3
LATER_LOGS_PER_PARTY: Final = 64  # a thief of a recovery key opens no more
OPENINGS_PER_BUNDLE: Final = 64
NOTES_BYTES: Final = 4 * 1024**2  # of one bundle, for the newest checkpoints
STRANGER_BYTES: Final = 256 * 1024  # contents of a bundle by a log that is not known yet: its opening and its first message
OFFICERS: Final = 256  # officers that one charter lists
RELEASES: Final = 16  # releases in one message; fewer officers may be asked for
FRESH_KEY_DAYS: Final = 7
REFUSED_BYTES_KEPT: Final = 64 * 1024**2
REFUSED_BYTES_PER_LOG_AND_DAY: Final = 8 * 1024**2  # of what one log brought that is kept as evidence, but for one piece more
REFUSED_PER_LOG_AND_DAY: Final = 1000  # refused things that one log brought and that are kept
SHELVED_BYTES_PER_LOG_AND_DAY: Final = 256 * 1024**2  # that one log makes us put on its shelf
NOTE_BYTES_PER_PARTY_AND_DAY: Final = 64 * 1024**2  # kept of the notes that one party brings, but for one note more
NEWER_COSIGNATURE_BYTES_PER_PARTY_AND_DAY: Final = 256 * 1024**2  # with what is newer than all by its signer
SHELVED_PER_LOG_AND_DAY: Final = 100_000  # runs that one log makes us put on its shelf
PASSED_ON_DAYS: Final = 31  # quotas of a log beyond its age that are taken of others, who pass on what it sent before we knew it
POLL_SECONDS: Final = 25
SEARCH_WORDS: Final = 32  # words that one search may ask for
