"""Tests of the roff that manual pages are made of."""

from linkbalancer.cli.roff import from_markdown, prose, text


def test_text_is_inert() -> None:
    """Nothing of it is a request or an escape, and dashes and quotes can be copied."""
    assert text("-a \\n 'x'") == "\\-a \\en \\(aqx\\(aq"
    assert text(".br") == "\\&.br"
    assert prose("'`a-b` **c** [d](e.md)") == "\\(aq\\fBa\\-b\\fR \\fBc\\fR d"


def test_markdown() -> None:
    """Titles, paragraphs, lists, tables and code; the main title is the page's own business."""
    document = "# Main\n\n## One\n\nwords\nmore\n\n1. first\n   line\n2. second\n\n```\n.code\n```\n\n"
    document += "| a | b |\n|---|---|\n| c | d |\n"

    assert from_markdown(document) == [
        *('.SH "ONE"', ".PP", "words more"),
        *(".IP 1. 4", "first line", ".IP 2. 4", "second"),
        *(".PP", ".RS 4", ".EX", "\\&.code", ".EE", ".RE"),
        *(".TP", "c", "d"),
    ]
