"""One decoder under libFuzzer, in a process of its own: `python -m tests.fuzz.child NAME LIBFUZZER-OPTION...`.

The package's code is instrumented as it is imported, so that libFuzzer sees which branches an input takes.
"""

import importlib
import sys

import atheris


def main() -> None:
    """Fuzz until libFuzzer's options say that it is enough, or an exception ends it."""
    name = sys.argv[1]
    with atheris.instrument_imports(include=["linkbalancer"]):
        take = importlib.import_module("tests.fuzz.found").decoder(name).take
    atheris.Setup([sys.argv[0], *sys.argv[2:]], take)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
