"""Key files, derived keys, and which key is sent with."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import Role
from linkbalancer.lvrrp.keys import RETRY, Key, KeyChoice, Keyring, Signing, parse_keys
from linkbalancer.lvrrp.packet import Rejection

OLD, NEW = Key(1, b"o" * 16), Key(2, b"n" * 16)
SHORT = 25 * MILLISECOND


def test_a_key_file_has_one_key_a_line() -> None:
    """Numbers and secrets are read, comments and empty lines are not, and the order is kept."""
    text = f"# link l1\n\n2 {'ab' * 16}  # since May\n1 {'CD' * 20}\n"

    assert parse_keys(text) == (Key(2, b"\xab" * 16), Key(1, b"\xcd" * 20))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "one or two lines `ID HEX`, not 0"),
        ("\n".join(f"{number} {'ab' * 16}" for number in (1, 2, 3)), "not 3"),
        (f"1 {'ab' * 16}\n1 {'cd' * 16}", "both keys have the number 1"),
        ("abab", "line 1 is not `ID HEX`"),
        (f"\n0 {'ab' * 16}", "line 2: a key's number must be within"),
        (f"x {'ab' * 16}", "a key's number must be within"),
        ("1 secretsecretsecretsecretsecretse", "line 1: the secret is not hexadecimal"),
        (f"1 {'ab' * 15}", "has 15 bytes, it needs at least 16"),
    ],
)
def test_a_faulty_key_file_is_refused_in_a_sentence(text: str, words: str) -> None:
    """Each fault is named with its line, and the secret is never in the words."""
    with pytest.raises(ValueError, match=words) as caught:
        parse_keys(text)

    assert "secretsecret" not in str(caught.value)
    assert "abab" not in str(caught.value)


def test_secrets_are_never_shown() -> None:
    """Neither a key nor a keyring shows its secret where it is printed."""
    keyring = Keyring((OLD, NEW), "l1", Role.CONTROLLER)

    assert repr(keyring) == "Keyring(ids=(1, 2))"
    assert "ooo" not in repr(OLD)


def test_a_tag_fits_one_direction_of_one_link() -> None:
    """The other end accepts it; the sender knows its own; another link and another key do not fit."""
    near = Keyring((OLD, NEW), "l1", Role.CONTROLLER)
    tag = near.tag(2, b"words")

    assert Keyring((NEW,), "l1", Role.CONTROLLED).verify(2, b"words", tag) is None
    assert near.verify(2, b"words", tag) is Rejection.REFLECTED
    assert Keyring((NEW,), "l2", Role.CONTROLLED).verify(2, b"words", tag) is Rejection.TAG
    assert Keyring((NEW,), "l1", Role.CONTROLLED).verify(2, b"Words", tag) is Rejection.TAG
    assert Keyring((OLD,), "l1", Role.CONTROLLED).verify(2, b"words", tag) is Rejection.KEY


def test_the_preferred_key_is_kept_while_it_is_answered() -> None:
    """Queries that are answered, however many, leave the first key in use."""
    choice = KeyChoice((2, 1))
    for number in range(10):
        choice.choose(number * SHORT, SHORT)
        choice.answered()

    assert choice.current == 2


def test_two_misses_change_the_key() -> None:
    """The third query goes out with the other key, and with the first one again a minute later."""
    choice = KeyChoice((2, 1))
    used = []
    for number in range(4):
        choice.choose(number * SHORT, SHORT)
        used.append(choice.current)
    choice.answered()

    assert used == [2, 2, 1, 1]
    choice.choose(2 * SHORT + RETRY - 1, SHORT)
    assert choice.current == 1
    choice.choose(2 * SHORT + RETRY, SHORT)
    assert choice.current == 2


def test_an_unanswered_query_is_no_miss_before_its_time() -> None:
    """Queries sent faster than answers can come do not change the key."""
    choice = KeyChoice((2, 1))
    for now in range(5):
        choice.choose(now, SHORT)

    assert choice.current == 2


def test_one_key_is_never_changed() -> None:
    """With a single key, misses change nothing."""
    choice = KeyChoice((7,))
    for number in range(9):
        choice.choose(number * SHORT, SHORT)

    assert choice.current == 7


@given(st.binary(min_size=1, max_size=64), st.lists(st.binary(max_size=200), min_size=1, max_size=3))
def test_signing_is_hmac(key: bytes, signed: list[bytes]) -> None:
    """Hashing the two pads once changes nothing, the second time neither."""
    signing = Signing(key)

    assert [signing.tag(data) for data in signed] == [hmac.digest(key, data, "sha256")[:16] for data in signed]
