"""Answers of resolvers, to both kinds of question."""

from linkbalancer.engine.naming.message import Question, read
from tests.engine.naming import answers

NUMBER = 7
SEEDS = [
    answers.message(
        NUMBER, "a.example", 1, [answers.alias("a.example", "b.example"), answers.address("b.example", "192.0.2.1")]
    ),
    answers.message(NUMBER, "a.example", 28, [answers.address(b"\xc0\x0c", "2001:db8::1")]),
    answers.message(NUMBER, "a.example", 1, authorities=[answers.authority("example", 60, 60)], flags=0x8183),
    answers.message(NUMBER, "a.example", 1, flags=0x8380),
]


def take(data: bytes) -> None:
    """Read an answer: addresses, a refusal, or nothing."""
    for question in (Question("a.example", 4), Question("a.example", 6)):
        reply = read(data, NUMBER, question)
        assert reply is None or str(reply)
