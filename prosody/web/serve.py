"""Start the pages on this machine: bind, warm up, say where, open the browser, stop cleanly."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from prosody.errors import MissingExtraError, ProsodyError, UsageError, install_line

if TYPE_CHECKING:
    from prosody.web.app import Page

# Browsers remember the microphone's permission by name and port: the same port each time means
# that it is asked for once. Where it is taken, any free one does.
USUAL_PORT = 8737
# Addresses that stand for all of this machine's, and what itself calls it.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
LEAVE_S = 3
"""Seconds that open requests get when the server stops."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where the pages are to be found.

    ``tls`` is the certificate and its key, PEM; ``network`` allows an address other machines reach.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    tls: tuple[Path, Path] | None = None
    network: bool = False
    names: tuple[str, ...] = ()

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def open_to_others(self) -> bool:
        """Whether other machines reach the address."""
        return not self.loopback

    @property
    def scheme(self) -> str:
        """``https`` where there is a certificate."""
        return "https" if self.tls else "http"

    def check(self) -> None:
        """Refuse what is unsafe by mistake.

        Raises
        ------
        UsageError
            For an address that others reach without ``--allow-network``, or missing TLS files.
        """
        if not self.loopback and not self.network:
            raise UsageError(
                f"--host {self.host} can be reached from other machines.",
                "Leave --host out to stay on this machine, or add --allow-network (and TLS files).",
            )
        for file in self.tls or ():
            if not file.is_file():
                raise UsageError(
                    f"{file}: there is no such file.", "Give certificate and key, PEM."
                )


def where(
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    allow_network: bool = False,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    names: Sequence[str] = (),
) -> Where:
    """Return where to serve from what stood on the command line.

    Raises
    ------
    UsageError
        For a certificate without a key, or an address that needs ``--allow-network``.
    """
    if (tls_cert is None) != (tls_key is None):
        raise UsageError(
            "TLS needs both: --cert and --key belong together.", "Give both PEM files, or neither."
        )
    tls = (tls_cert, tls_key) if tls_cert is not None and tls_key is not None else None
    found = Where(host, port, tls, allow_network, tuple(names))
    found.check()
    return found


def need_studio() -> None:
    """Raise a `MissingExtraError` where the extra ``studio`` is not installed."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"The pages in the browser need the extra studio ({error}).",
            f"Install it: {install_line('studio')}",
        ) from error


def bind(where: Where) -> socket.socket:
    """Return a socket bound to the address; without a port asked for, the usual one or a free one.

    Raises
    ------
    UsageError
        If the port is taken or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    tries = [USUAL_PORT, 0] if where.port is None else [where.port]
    for port in tries:
        # TCP by its name: only then does asyncio send small answers at once (TCP_NODELAY); else
        # every one of them waits 40 ms for the other side.
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":  # on Windows it would let two servers share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((where.host, port))
            sock.listen(128)
            return sock
        except OSError as error:
            sock.close()
            if port == tries[-1]:
                raise UsageError(
                    f"Cannot listen on {where.host}:{port} ({error.strerror or error}).",
                    "Give another --port, or leave it out.",
                ) from error
    raise AssertionError("unreachable")


def shown_host(where: Where) -> str:
    """Return the host of the link: the first name given, else the address that was bound."""
    host = where.names[0] if where.names else EVERYWHERE.get(where.host, where.host)
    return f"[{host}]" if ":" in host else host


def addresses() -> list[str]:
    """Return this machine's addresses in its networks, those that links can name; never none."""
    import psutil

    found = []
    for cards in psutil.net_if_addrs().values():
        for card in cards:
            address = card.address.split("%")[0]
            if card.family == socket.AF_INET and not address.startswith(("127.", "169.254.")):
                found.append(address)
    # Private networks first: the team's own, before a tunnel or a public address.
    found.sort(key=lambda a: not a.startswith(("192.168.", "10.", "172.")))
    return found or ["127.0.0.1"]


def reachable(link: str, where: Where) -> list[str]:
    """Return the link as other machines can open it, under each name or address of this one."""
    if where.names:
        hosts = list(where.names)
    elif where.host in EVERYWHERE:
        hosts = addresses()
    else:
        return [link]
    parts = urlsplit(link)
    shown = [f"[{h}]" if ":" in h else h for h in hosts]
    return [urlunsplit(parts._replace(netloc=f"{h}:{parts.port}")) for h in shown]


def serve(
    pages: Sequence[Page],
    where: Where,
    *,
    browser: bool = True,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve pages until Ctrl-C (or SIGTERM), then clear up.

    Parameters
    ----------
    pages : sequence of Page
    where : Where
    browser : bool
        Open the link in the default browser once everything is warm.
    announce : callable
        Gets the link when the pages can be opened, and nothing else.

    Raises
    ------
    UsageError
        If it cannot listen there, or would be open to others by mistake.
    ProsodyError
        If a page cannot be made ready.
    """
    import uvicorn

    from prosody.web.app import make_app
    from prosody.web.sessions import names_of

    where.check()
    sock = bind(where)
    port = int(sock.getsockname()[1])
    token = secrets.token_urlsafe(24)
    once = secrets.token_urlsafe(24) if browser else None
    base = f"{where.scheme}://{shown_host(where)}:{port}"
    app = make_app(
        pages,
        token=token,
        hosts=names_of(where.host, port, also=where.names),
        scheme=where.scheme,
        cookie=f"prosody_{port}",
        once=once,
    )
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=LEAVE_S,
        h11_max_incomplete_event_size=32 * 1024,
        http=_impatient(),
        ssl_certfile=str(where.tls[0]) if where.tls else None,
        ssl_keyfile=str(where.tls[1]) if where.tls else None,
    )

    def ready() -> None:
        announce(f"{base}/?token={token}")
        if browser:  # its command line can be read by others, so that link is for once
            opens = (f"{base}/?token={once}",)
            threading.Thread(target=webbrowser.open, args=opens, daemon=True).start()

    with contextlib.closing(sock), _stops_cleanly():
        server = _Announcing(config, ready)
        try:
            server.run(sockets=[sock])
        except SystemExit as stop:
            if not stop.code:  # SIGTERM; newer uvicorns leave with 3 where a page fails to open
                raise
        if not server.started:
            raise ProsodyError(
                "The pages did not start.",
                "What went wrong stands above; prosody doctor tells what works on this machine.",
                code="not_started",
            )


HEADERS_S = 10.0
"""For so long the headers of a request may arrive; a connection that says nothing is closed."""


def _impatient() -> Any:
    """Return uvicorn's protocol with an end to waiting for headers, which it has not itself."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Impatient(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait()

        def _wait(self) -> None:
            before = self.cycle

            def look() -> None:
                if self.cycle is before and not self.transport.is_closing():
                    self.transport.close()

            self.loop.call_later(HEADERS_S, look)

    return Impatient


def _Announcing(config: Any, ready: Callable[[], None]) -> Any:  # noqa: N802 - makes a class
    """Return a uvicorn server that calls `ready` once it answers."""
    import uvicorn

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                ready()

    return Announcing(config)


@contextlib.contextmanager
def _stops_cleanly() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the server without a traceback; it handles them itself first.

    uvicorn shuts down on either and then raises the signal again for whoever was there before. A
    closed terminal window (SIGHUP) is the same to it as SIGTERM, unless ``nohup`` has it ignored.
    """
    previous = {signal.SIGTERM: signal.getsignal(signal.SIGTERM)}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        previous[hangup] = signal.getsignal(hangup)
        signal.signal(hangup, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
