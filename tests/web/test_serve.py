"""The socket that pages are served on."""

from __future__ import annotations

import asyncio
import socket

from prosody.web import serve


def test_a_small_answer_is_sent_at_once():
    seen = []

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = writer.get_extra_info("socket")
        seen.append(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def ask() -> None:
        sock = serve.bind(serve.Where(host="127.0.0.1", port=0))
        async with await asyncio.start_server(answer, sock=sock):
            reader, writer = await asyncio.open_connection(*sock.getsockname())
            await reader.read()
            writer.close()

    asyncio.run(ask())
    assert seen == [1]
