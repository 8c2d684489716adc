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
NOTE_BYTES: Final = 128 * 1024
NOTE_SIGNATURES: Final = 32
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
POLL_SECONDS: Final = 25
SEARCH_WORDS: Final = 32  # words that one search may ask for
