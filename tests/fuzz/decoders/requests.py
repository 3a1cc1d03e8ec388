"""A line that somebody sends to the daemon's sockets."""

from linkbalancer.daemon.requests import Request, read_request
from linkbalancer.daemon.verbs import list_of
from tests.daemon.test_verbs import VERB

SEEDS = [
    b'{"verb": "status"}',
    b'{"api": 1, "verb": "do", "what": "x", "count": 1, "loud": true, "names": ["a"], "more": {}}',
]

VERBS = {"do": VERB, "verbs": list_of({"do": VERB})}


def take(data: bytes) -> None:
    """Read it, and judge its arguments."""
    replies: list[bytes] = []
    request = Request("", {}, "root", lambda _request, reply: replies.append(reply))
    fault = read_request(data, request)
    verb = VERBS.get(request.verb)
    if fault is not None:
        request.refuse("usage", fault)
    elif verb is not None and (wrong := verb.fault(request.arguments)) is not None:
        request.refuse("usage", *wrong)
    else:
        request.answer({"verb": request.verb})
    assert len(replies) == 1
