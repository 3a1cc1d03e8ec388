"""Rule files for tests that edit them, and hypothesis strategies that draw them, comments and odd blanks included."""

from hypothesis import strategies as st

FILE = """\
# Which packets are which application.
# App=<source> <destination> ... is how a line begins.
#    source  destination
App= *       *   *  *  443  tcp  [2 1]  name=web   # browsers
App= *       *   ef *  *    udp  [1 2]  name=voip

#App= *      *   *  *  25   tcp  [1 2]  name=mail
App= *       *   *  *  80   tcp  [2 1]  name=web
App= *       *   *  *  *    *    [1 2]  name=rest
# the end
"""

_blanks = st.sampled_from([" ", "  ", "\t", " \t "])
_comments = st.sampled_from(["", "# x", "#", "   # two # marks", "\t#\t"])
_notes = st.sampled_from(["", "   ", "# a comment", "#App", "# App=<source> <destination>", "\t# \u00fc", "\x0c"])
_ports = st.sampled_from(["*", "1", "80", "1000-2000"])
_names = st.sampled_from(["", "name=web", "name=voip", "name=80", "name=3"])


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Draw a line that is a rule in use."""
    source = draw(st.sampled_from(["*", "10.0.0.0/8", "192.0.2.1-192.0.2.9", "2001:db8::1"]))
    destination = draw(st.sampled_from(["*"] if ":" in source else ["*", "10.1.0.0/16"]))
    words = ["*" if draw(st.booleans()) else "0x10", draw(_ports), draw(_ports), draw(st.sampled_from(["*", "tcp"]))]
    vids = draw(st.sampled_from(["[1 2]", "[ 2 1 ]", "[3]"]))
    gap = draw(_blanks)
    start = draw(st.sampled_from(["App=", " App=", "App = ", "App= "]))
    return start + gap.join([source, destination, *words, vids, draw(_names)]) + draw(_comments)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Draw a rule file: rules in use, disabled ones, comments, blank lines, any line ending, or none at the end."""
    line = st.one_of(rules(), rules().map("#".__add__), _notes)
    endings = st.sampled_from(draw(st.sampled_from([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"]])))
    text = "".join(draw(line) + draw(endings) for _ in range(draw(st.integers(0, 6))))
    text += draw(st.one_of(st.just(""), rules()))
    return draw(st.sampled_from(["", "\ufeff"])) + text
