"""`python -m ceasewire.bench.poster URL CONNECTIONS WAIT FILE...`: post bundles to a node as fast as it takes them, over and over, and read
no more of the answers than must be. One line at the end, when standard input ends: how many requests were answered, by status."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

_CHUNK = 256 * 1024


async def _post(url: str, wait: int, files: list[bytes], first: int, seen: Counter[str]) -> None:
    parts = urlsplit(url)
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/octet-stream\r\n"
    if wait:
        head += f"Prefer: wait={wait}\r\n"
    for number in itertools.count(first):
        data = files[number % len(files)]
        try:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=_CHUNK)
            try:
                writer.write(f"{head}Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data)
                status = (await reader.readline()).split(b" ")[1:2]
                while await reader.read(_CHUNK):
                    pass
                seen[status[0].decode() if status else "none"] += 1
            finally:
                writer.close()
        except OSError as error:
            seen[type(error).__name__] += 1
            await asyncio.sleep(0.01)


async def _run(url: str, connections: int, wait: int, files: list[bytes]) -> None:
    seen: Counter[str] = Counter()
    posting = [asyncio.create_task(_post(url, wait, files, n, seen)) for n in range(connections)]
    await asyncio.to_thread(sys.stdin.read)
    for one in posting:
        one.cancel()
    print(json.dumps(seen), flush=True)


def main() -> None:
    """Until standard input ends."""
    url, connections, wait, *names = sys.argv[1:]
    asyncio.run(_run(url, int(connections), int(wait), [Path(name).read_bytes() for name in names]))


if __name__ == "__main__":
    main()
