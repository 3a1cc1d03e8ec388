"""Manual pages: the few roff requests that ours need, and Markdown as docs/ has it turned into them."""

import re
from collections.abc import Iterable, Iterator

_CODE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\([^)]*\)")
_ITEM = re.compile(r"(\d+\.|-) +(.*)")


def text(words: str) -> str:
    """Return text that stands for itself: no request, no escape, dashes that can be copied into a shell."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("^", "\\(ha")
    escaped = escaped.replace("`", "\\(ga").replace("~", "\\(ti")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def bold(words: str) -> str:
    """Return words as they are typed."""
    return f"\\fB{text(words)}\\fR"


def italic(words: str) -> str:
    """Return words that something else stands in for."""
    return f"\\fI{text(words)}\\fR"


def head(name: str, section: int, version: str) -> list[str]:
    """Return the page's first line."""
    return [f'.TH {text(name.upper())} {section} "" "linkbalancer {version}" "linkbalancer"']


def titled(title: str) -> list[str]:
    """Return a section's title."""
    return [f'.SH "{text(title.upper())}"']


def subtitled(title: str) -> list[str]:
    """Return a title within a section."""
    return [f'.SS "{text(title)}"']


def paragraph(words: str) -> list[str]:
    """Return a paragraph."""
    return [".PP", prose(words)]


def tagged(tag: str, *paragraphs: str) -> list[str]:
    """Return a term, already in roff, and what it means."""
    lines = [".TP", tag]
    for number, words in enumerate(paragraphs or ("",)):
        lines += ([".IP"] if number else []) + [prose(words) or "\\&"]
    return lines


def verbatim(lines: Iterable[str]) -> list[str]:
    """Return lines as they stand."""
    return [".PP", ".RS 4", ".EX", *(text(line) for line in lines), ".EE", ".RE"]


def prose(words: str) -> str:
    """Return a paragraph's text; `code`, **bold** and [links](...) of Markdown become type faces."""
    said: list[str] = []
    end = 0
    for found in _CODE.finditer(words):
        said.append(_plain(words[end : found.start()]))
        code, strong, link = found.groups()
        said.append(prose(link) if link is not None else bold(code if code is not None else strong))
        end = found.end()
    joined = "".join([*said, _plain(words[end:])])
    return f"\\&{joined}" if joined.startswith((".", "'")) else joined


def _plain(words: str) -> str:
    escaped = text(words)
    return escaped.removeprefix("\\&")


def from_markdown(document: str) -> list[str]:
    """Return a document's sections: titles, paragraphs, lists, tables, blocks of code; not its main title."""
    lines: list[str] = []
    for block in _blocks(document.splitlines()):
        first = block[0]
        if first.startswith("```"):
            lines += verbatim(block[1:])
        elif first.startswith("## "):
            lines += titled(first[3:])
        elif first.startswith("### "):
            lines += subtitled(first[4:])
        elif first.startswith("|"):
            lines += _table(block)
        elif _ITEM.match(first):
            lines += _list(block)
        elif not first.startswith("# "):
            lines += paragraph(" ".join(line.strip() for line in block))
    return lines


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Yield what empty lines part; a block of code is one, from its fence on, without the closing one."""
    block: list[str] = []
    for line in lines:
        if block and block[0].startswith("```"):
            if line.strip() == "```":
                yield block
                block = []
            else:
                block.append(line)
        elif not line.strip() or line.startswith(("#", "```")):
            if block:
                yield block
            block = [line] if line.startswith("```") else []
            if line.startswith("#"):
                yield [line]
        else:
            block.append(line)
    if block:
        yield block


def _table(block: list[str]) -> list[str]:
    lines: list[str] = []
    for row in block[2:]:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]
        lines += tagged(prose(cells[0]), *cells[1:])
    return lines


def _list(block: list[str]) -> list[str]:
    items: list[list[str]] = []
    for line in block:
        found = _ITEM.match(line)
        if found:
            items.append([found[1] if found[1] != "-" else "\\(bu", found[2]])
        else:
            items[-1].append(line.strip())
    return [line for mark, *words in items for line in (f".IP {mark} 4", prose(" ".join(words)))]
