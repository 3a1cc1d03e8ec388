"""A question on the terminal that is answered by one letter."""

import sys
from collections.abc import Mapping

from linkbalancer.cli.editors import HangUpError
from linkbalancer.cli.output import finish, write


def question(what: str, choices: Mapping[str, str]) -> str:
    """Ask until one of the letters comes; return it.

    Args:
        what: what is to be decided.
        choices: the letters, each with what it does.

    Raises:
        HangUpError: nobody is there to answer.
    """
    write(f"{what}\n" + "".join(f"  {letter}  {text}\n" for letter, text in choices.items()))
    while True:
        write(f"{'/'.join(choices)}? ")
        finish()
        try:
            line = sys.stdin.readline()
        except UnicodeDecodeError:
            continue
        except OSError:
            raise HangUpError from None
        if not line:
            raise HangUpError
        if line.strip() in choices:
            return line.strip()
