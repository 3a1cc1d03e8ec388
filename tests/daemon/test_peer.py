"""Who is at the other end, and whether it is a part of the daemon."""

import os
import socket

from linkbalancer.daemon.peer import Peer, peer_of


def test_the_kernel_says_who_connected() -> None:
    """Process and user, of whoever made the pair."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other:
        assert peer_of(one) == Peer(os.getpid(), os.geteuid())


def test_root_and_who_runs_as_we_do_are_ours() -> None:
    """Nobody else."""
    assert [Peer(1, uid).is_ours for uid in (0, os.geteuid(), os.geteuid() + 1)] == [True, True, False]
