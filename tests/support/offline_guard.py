"""Run a script in a process, and all it starts, in which a socket to a network means the end.

Linux only: a seccomp filter kills the process that asks for an IPv4 or IPv6 socket, also where a
library does so in C, which an audit hook of Python would not see.
"""

from __future__ import annotations

import ctypes
import runpy
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2
KILL, ALLOW = 0x80000000, 0x7FFF0000
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
SOCKET_X86_64, AF_INET, AF_INET6 = 41, 2, 10
NUMBER_AT, FIRST_ARGUMENT_AT = 0, 16


def forbid() -> None:
    """From now on no socket but those within the machine (AF_UNIX, netlink)."""
    steps = [
        (LOAD, 0, 0, NUMBER_AT),
        (EQUAL, 0, 4, SOCKET_X86_64),
        (LOAD, 0, 0, FIRST_ARGUMENT_AT),
        (EQUAL, 1, 0, AF_INET),
        (EQUAL, 0, 1, AF_INET6),
        (RETURN, 0, 0, KILL),
        (RETURN, 0, 0, ALLOW),
    ]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *s) for s in steps))
    header = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, FILTER, header, 0, 0)):
        if libc.prctl(*call):
            raise OSError(ctypes.get_errno(), "no seccomp here")


if __name__ == "__main__":
    forbid()
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
