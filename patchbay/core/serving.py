"""A listening socket that several processes of one program may share: the kernel spreads connections over them."""

import socket


def shared_listener(host: str, port: int) -> socket.socket:
    """A bound socket; OSError where another program has the port. Only processes of the same user can share it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(False)
    return listener
