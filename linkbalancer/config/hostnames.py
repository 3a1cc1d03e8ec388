"""Names of hosts, as sets have them: checked here by their form alone, for whether one exists is asked elsewhere."""

import re
from typing import Final

from linkbalancer.config.findings import FieldError

NAMES_MAX: Final = 500
"""Host names in a rule file: each is asked for by every gateway, again and again."""

LENGTH_MAX: Final = 253
"""Characters of a name as it is sent (RFC 1035 3.1 has 255 bytes with the ends of labels)."""

_LIKE_A_NAME = re.compile(
    r"(?:[a-z]+://)?(?:[^./:]+\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]+|[^\x00-\x7f]+)\.?(?:[:/].*)?", re.IGNORECASE
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def is_like_a_name(word: str) -> bool:
    """Return whether a word is meant to be a host's name: labels and dots, and a last label of letters."""
    return _LIKE_A_NAME.fullmatch(word) is not None


def host_name(word: str) -> str:
    """Return a host's name as it is asked for: small letters, no dot at the end, other scripts as `xn--` labels.

    Raises:
        FieldError: It is none (RFC 1123 2.1, RFC 5890).
    """
    if "/" in word or ":" in word:
        raise FieldError(f"{word!r} is more than the name of a host", "write the name alone, such as www.example.com")
    if word.startswith("*"):
        raise FieldError(f"nobody can be asked for all the names {word}", "write each name that you mean")
    try:
        name = word.encode("idna").decode().lower().removesuffix(".")
    except UnicodeError:
        name = word.lower().removesuffix(".")
    if len(name) > LENGTH_MAX:
        raise FieldError(f"a name of {len(name)} characters", f"a host's name has {LENGTH_MAX} at most")
    for label in name.split("."):
        if not _LABEL.fullmatch(label):
            what = f"{label!r} in {word!r} is no part of a host's name" if label else f"{word!r} has an empty part"
            raise FieldError(what, "parts have 1 to 63 letters, digits and -, which stands in the middle only")
    return name
