"""The completions of bash and zsh, written from the outlines of the commands: nothing about one command stands here."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from linkbalancer.cli.outline import Kind, Outline, Place

_ASKED: Final = (Kind.LINKS, Kind.VIDS, Kind.APPLICATIONS, Kind.NODE)
"""Kinds whose words the daemon knows."""

_BASH: Final = r"""# bash completion for linkbalancer; written by `linkbalancer completion bash`

# What a command (its words, one space between) may be followed by: deeds, options, and the places for words.
_linkbalancer_takes() {
    deeds= options= places=()
    case $1 in
@TAKES@
    esac
}

# What follows an option: kinds of words, or `=word` for a word itself; nothing for one that stands alone.
_linkbalancer_argument() {
    kinds=
    case $1 in
@ARGUMENTS@
    esac
}

_linkbalancer_offer() {
    local kind line
    for kind in $1; do
        case $kind in
            =*) COMPREPLY+=($(compgen -W "${kind#=}" -- "$cur")) ;;
            file) compopt -o filenames 2> /dev/null
                while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur") ;;
            directory) compopt -o filenames 2> /dev/null
                while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$cur") ;;
            command) COMPREPLY+=($(compgen -c -- "$cur")) ;;
            *) COMPREPLY+=($(compgen -W "$("${COMP_WORDS[0]}" completion "$kind" 2> /dev/null)" -- "$cur")) ;;
        esac
    done
}

_linkbalancer() {
    local cur=${COMP_WORDS[COMP_CWORD]} path= word kinds deeds options places number=0 at
    COMPREPLY=()
    _linkbalancer_takes ''
    for ((at = 1; at < COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        case $word in
            -*) _linkbalancer_argument "$path $word"
                if [ -n "$kinds" ]; then
                    at=$((at + 1))
                    if [ "$at" -eq "$COMP_CWORD" ]; then
                        _linkbalancer_offer "$kinds"
                        return
                    fi
                fi ;;
            *) case " $deeds " in
                    *" $word "*) path=${path:+$path }$word number=0
                        _linkbalancer_takes "$path" ;;
                    *) number=$((number + 1)) ;;
                esac ;;
        esac
    done
    case $cur in
        -*) COMPREPLY=($(compgen -W "$options" -- "$cur")); return ;;
    esac
    if [ -n "$deeds" ] && [ "$number" -eq 0 ]; then
        COMPREPLY=($(compgen -W "$deeds" -- "$cur"))
        return
    fi
    # The last place may take any number of words.
    if [ "$number" -ge "${#places[@]}" ] && [ "${#places[@]}" -gt 0 ]; then
        case ${places[-1]} in *' ...') number=$((${#places[@]} - 1)) ;; esac
    fi
    word=${places[number]-}
    _linkbalancer_offer "${word% ...}"
}

complete -F _linkbalancer linkbalancer
"""


def bash(commands: Sequence[Outline]) -> str:
    """Return the completion of bash."""
    everything = [one for command in commands for one in command.everything()]
    names = " ".join(command.words[0] for command in commands)
    takes = [f"        '') deeds='{names}' options='--help --version' ;;"]
    arguments = []
    for one in everything:
        path = " ".join(one.words)
        deeds = " ".join(inner.words[-1] for inner in one.inner)
        options = " ".join(flag for place in one.options for flag in place.flags if flag.startswith("--"))
        places = " ".join(f"'{_wanted(place)}{' ...' if place.repeats else ''}'" for place in one.operands)
        takes.append(f"        '{path}') deeds='{deeds}' options='{options}' places=({places}) ;;")
        for place in one.options:
            if place.argument:
                flags = "|".join(f"'{path} {flag}'" for flag in place.flags)
                arguments.append(f"        {flags}) kinds='{_wanted(place)}' ;;")
    return _BASH.replace("@TAKES@", "\n".join(takes)).replace("@ARGUMENTS@", "\n".join(arguments))


def _wanted(place: Place) -> str:
    """Return what belongs at a place; `=` alone for what nobody can guess."""
    return " ".join([*(f"={choice}" for choice in place.choices), *place.kinds]) or "="


_ZSH: Final = r"""#compdef linkbalancer
# zsh completion for linkbalancer; written by `linkbalancer completion zsh`

_linkbalancer_names() {
    local kind expl
    local -a names
    for kind; do
        names=(${(f)"$(_call_program names linkbalancer completion $kind 2> /dev/null)"})
        _wanted $kind expl $kind compadd -a names
    done
}

@FUNCTIONS@

_linkbalancer "$@"
"""

_ZSH_BRANCH: Final = r"""@NAME@() {
    local line state context state_descr curcontext=$curcontext
    typeset -A opt_args
    local -a deeds
    deeds=(
@DEEDS@
    )
    _arguments -C \
@OPTIONS@
        '1:command:->deed' '*::argument:->rest'
    case $state in
        deed) _describe -t commands command deeds ;;
        rest) case $line[1] in
@CASES@
            esac ;;
    esac
}"""


def zsh(commands: Sequence[Outline]) -> str:
    """Return the completion of zsh."""
    whole = Outline((), "", (Place(("--version",), "", "print the version"),), (), tuple(commands))
    return _ZSH.replace("@FUNCTIONS@", "\n\n".join(_functions(whole)))


def _functions(one: Outline) -> Iterator[str]:
    """Yield the function of a command, and those of its deeds."""
    name = _function(one.words)
    helping = any("--help" in place.flags for place in one.options)
    options = [*one.options, *([] if helping else [Place(("--help",), "", "say what it takes")])]
    said = [spec for place in options for spec in _option(place)]
    if not one.inner:
        said += [_operand(place, number) for number, place in enumerate(one.operands, 1)]
        lines = " \\\n".join(f"        {spec}" for spec in said)
        yield f"{name}() {{\n    _arguments \\\n{lines}\n}}"
        return
    deeds = "\n".join(f"        {_quoted(f'{inner.words[-1]}:{inner.summary}')}" for inner in one.inner)
    cases = "\n".join(f"            {inner.words[-1]}) {_function(inner.words)} ;;" for inner in one.inner)
    lines = "\n".join(f"        {spec} \\" for spec in said)
    branch = _ZSH_BRANCH.replace("@NAME@", name).replace("@DEEDS@", deeds)
    yield branch.replace("@OPTIONS@", lines).replace("@CASES@", cases)
    for inner in one.inner:
        yield from _functions(inner)


def _function(words: Iterable[str]) -> str:
    return "_".join(["_linkbalancer", *words]).replace("-", "_")


def _option(place: Place) -> Iterator[str]:
    """Yield what `_arguments` wants of an option, a flag each; the flags of one exclude each other."""
    others = " ".join(place.flags)
    for flag in place.flags:
        exclusion = "*" if place.repeats else f"({others})"
        argument = f":{_inert(place.argument)}:{_action(place)}" if place.argument else ""
        yield _quoted(f"{exclusion}{flag}[{_inert(place.help)}]{argument}")


def _operand(place: Place, number: int) -> str:
    where = "*" if place.repeats else str(number)
    colon = ":" if place.required or place.repeats else "::"
    return _quoted(f"{where}{colon}{_inert(place.argument)}:{_action(place)}")


def _action(place: Place) -> str:
    if place.choices:
        return f"({' '.join(place.choices)})"
    asked = [kind for kind in place.kinds if kind in _ASKED]
    if asked:
        return f" _linkbalancer_names {' '.join(asked)}"  # begins with a space: called with these words and no others
    if not place.kinds:
        return " "
    return {Kind.FILE: "_files", Kind.DIRECTORY: "_files -/", Kind.COMMAND: "_normal"}[place.kinds[0]]


def _inert(words: str) -> str:
    """Return words that `_arguments` takes as they are."""
    return "".join(f"\\{character}" if character in "[]:\\" else character for character in words)


def _quoted(words: str) -> str:
    return "'" + words.replace("'", "'\\''") + "'"
