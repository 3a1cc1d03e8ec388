"""Any bytes give a value or a reason: every decoder under libFuzzer (`make fuzz`), and a slice of it in the tests.

A decoder is fuzzed by a module in `tests/fuzz/decoders`: `SEEDS`, good inputs to begin from, and `take(data)`, which
may raise nothing. What is put there is fuzzed; there is no list.
"""
