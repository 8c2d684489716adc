"""A connection that does not get in the way: uvicorn's own, with time-outs for those who never finish and a limit for the head.

uvicorn waits for ever for the rest of a request's head and for a client that does not read its answer (FAULTS E6, E15); also for one that
sends something after its answer which begins no request. A slow body is timed by who reads it, in server.py; here a head and its body
together, as one that is slow with both would have the time of both.
"""

from __future__ import annotations

import array
import asyncio
import fcntl
import termios
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS: Final = 10.0
HEAD_BYTES: Final = 32 * 1024
REQUEST_SECONDS: Final = 12.0  # from when a head is due, a request may be so far behind _LEAST_BYTES_PER_SECOND of its body
STALL_SECONDS: Final = 11.0  # an answer may be so far behind _LEAST_BYTES_PER_SECOND, and nothing of it may be missing for longer
_LOOKS: Final = 6  # in that time
_LEAST_BYTES_PER_SECOND: Final = 512  # half of what a modem of 9,600 bits a second brings, also where the network says late what went
_WRITE_BUFFER_BYTES: Final = 16 * 1024  # small, so that whoever does not read is soon seen
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None
    _body_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _head_since = 0.0  # by the loop's clock
    _body_bytes = 0
    _hurried = False  # whether a request came before the answer to the one before it
    _left = 0.0  # seconds that the client has to read on
    _unread = 0  # bytes that it had not read at the last look

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A first byte is due from now on."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """No timer outlives the connection."""
        self._head_done()
        self._body_done()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head that does not end."""
        if self._hurried:
            return
        if self._head_timer is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_timer is not None and self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        self._stay_timed()
        self._watch()

    def _stay_timed(self) -> None:
        """After an answer any byte ends the wait for a next request, also one that begins none, or of a body that nobody reads any more."""
        answered = self.cycle is None or self.cycle.response_complete
        if answered and self._head_timer is None and self.timeout_keep_alive_task is None:
            self._await_head()

    def on_message_begin(self) -> None:
        """A further request on a kept connection. One that does not wait for the answer before it is passed over, and the connection
        ends with that answer: nobody honest is in such a hurry, and a thousand requests in one piece would keep everybody else waiting."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._hurried = True
            self.cycle.keep_alive = False
            self.flow.pause_reading()
        super().on_message_begin()
        if self._head_timer is None and not self._hurried:
            self._await_head()

    def on_body(self, body: bytes) -> None:
        """A piece of a request's body."""
        if not self._hurried:
            self._body_bytes += len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._body_done()
        if not self._hurried:
            super().on_message_complete()

    def on_headers_complete(self) -> None:
        """The head is whole. An error raised here is answered with 400."""
        if self._hurried:
            return
        self._head_done()
        if sum(len(name) + len(value) for name, value in self.headers) + len(self.url) > HEAD_BYTES:
            raise ValueError("the head is too large")
        self._body_done()
        self._body_timer = self.loop.call_at(self._head_since + REQUEST_SECONDS, self._look_at_body)
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._head_bytes, self._head_since = 0, self.loop.time()
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._abort)

    def _head_done(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _look_at_body(self) -> None:
        """Unless the body is whole, or was answered without it: it has the time that is left, and more for each byte that came."""
        self._body_timer = None
        until = self._head_since + REQUEST_SECONDS + self._body_bytes / _LEAST_BYTES_PER_SECOND
        if self.cycle is None or self.cycle.response_complete:
            return
        if self.loop.time() >= until:
            self._abort()
        else:
            self._body_timer = self.loop.call_at(until, self._look_at_body)

    def _body_done(self) -> None:
        self._body_bytes = 0
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    # --- A client that does not read ---

    def pause_writing(self) -> None:
        """The client does not keep up: it has so long to read on."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """It caught up."""
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        if self.flow is not None:
            super().resume_writing()

    def on_response_complete(self) -> None:
        """What is left of the answer must go, or the connection would neither be used again nor closed."""
        super().on_response_complete()
        self._watch()

    def _watch(self) -> None:
        """If something waits to be written, see that it goes."""
        if self._stall_timer is None and self.transport is not None and self.transport.get_write_buffer_size():
            self._left, self._unread = STALL_SECONDS, self._count_unread()
            self._stall_timer = self.loop.call_later(STALL_SECONDS / _LOOKS, self._look)

    def _look(self) -> None:
        """Each byte that went gives it a little more time, as a body has (server.py)."""
        self._stall_timer = None
        if not self.transport.get_write_buffer_size():
            return
        unread = self._count_unread()
        gained = max(0, self._unread - unread) / _LEAST_BYTES_PER_SECOND
        self._left, self._unread = min(STALL_SECONDS, self._left + gained) - STALL_SECONDS / _LOOKS, unread
        if self._left <= 0.0:
            self._abort()
        else:
            self._stall_timer = self.loop.call_later(STALL_SECONDS / _LOOKS, self._look)

    def _count_unread(self) -> int:
        """Bytes that wait here, and those that the kernel has and the client's has not taken."""
        sent = array.array("i", [0])
        try:
            fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, sent)
        except (OSError, AttributeError, ValueError):  # it is closed
            return 0
        return self.transport.get_write_buffer_size() + sent[0]
