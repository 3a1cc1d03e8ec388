"""What pydantic found wrong, in this product's words: what, remedy, and where in the document."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from linkbalancer.config.annotations import section_of
from linkbalancer.config.checks import Complaint
from linkbalancer.config.document import Path
from linkbalancer.config.findings import nearest, shown, suggestion


def complaints(error: ValidationError, model: type[BaseModel]) -> Iterator[Complaint]:
    """Yield one complaint for each thing that pydantic refused in a document that should be a `model`."""
    for details in error.errors(include_url=False):
        if details["type"] != "too_short" or not details["input"]:
            # (A list is also called too short when none of its entries is right; those speak for themselves.)
            yield _complaint(details, model)


def _complaint(details: ErrorDetails, model: type[BaseModel]) -> Complaint:
    path: Path = details["loc"]
    about_key = bool(path) and path[-1] == "[key]"
    if about_key:
        path = path[:-1]
    kind, context, value = details["type"], details.get("ctx", {}), details["input"]
    match kind:
        case "field":
            return Complaint(path, context["what"], context["remedy"], at_key=about_key)
        case "extra_forbidden":
            known = _keys_at(path[:-1], model)
            return Complaint(path, f"the key {path[-1]} is not known", suggestion(str(path[-1]), known), at_key=True)
        case "missing":
            return Complaint(path[:-1], f"the key {path[-1]} is missing", f"add {path[-1]}", at_key=True)
        case "model_type" | "dict_type" | "model_attributes_type":
            return Complaint(path, f"{shown(value)} is no mapping", "write keys and values, one on a line, indented")
        case "tuple_type":
            return Complaint(path, f"{shown(value)} is no list", f"write [{shown(value)}]")
        case "bool_type":
            return Complaint(path, f"{shown(value)} is neither true nor false", "write true or false")
        case "int_type":
            remedy = "write a whole number without quotes"
            return Complaint(path, f"{shown(value)} is no whole number", remedy, at_key=about_key)
        case "literal_error" | "enum":
            return _choice(path, value, context)
        case _:
            return _limit(path, details, at_key=about_key)


def _choice(path: Path, value: object, context: Mapping[str, Any]) -> Complaint:
    words = re.findall("'([^']*)'", context["expected"]) or re.findall("[0-9]+", context["expected"])
    near = nearest(str(value), words)
    remedy = f"did you mean {near}?" if near else f"write one of: {', '.join(words)}"
    of_list = len(path) > 1 and isinstance(path[-1], int)
    noun = str(path[-2]).removesuffix("s") if of_list else path[-1]
    return Complaint(path, f"{shown(value)} is no {noun}", remedy)


def _limit(path: Path, details: ErrorDetails, *, at_key: bool) -> Complaint:
    value, context = details["input"], details.get("ctx", {})
    match details["type"]:
        case "greater_than_equal":
            return Complaint(path, f"{shown(value)} is too small", f"use {context['ge']} or more", at_key=at_key)
        case "less_than_equal":
            return Complaint(path, f"{shown(value)} is too large", f"use {context['le']} or less", at_key=at_key)
        case "too_short":
            return Complaint(path, f"{path[-1]} is empty", "give at least one")
        case "too_long":
            what = f"{path[-1]} has {context['actual_length']} entries"
            return Complaint(path, what, f"use {context['max_length']} at most")
        case _:
            return Complaint(path, f"{shown(value)} will not do", details["msg"][:1].lower() + details["msg"][1:])


def _keys_at(path: Path, whole: type[BaseModel]) -> list[str]:
    """Return the keys that the mapping at a path of the document may have."""
    model: Any = whole
    for key in path:
        if get_origin(model) is dict:
            model = get_args(model)[1]
        elif get_origin(model) is tuple:
            model = get_args(model)[0]
        else:
            fields = _fields(model)
            model = next(info.annotation for name, info in fields.items() if key in {name, info.alias})
    fields = _fields(model)
    return [info.alias or name for name, info in fields.items()]


def _fields(model: object) -> Mapping[str, Any]:
    section = section_of(model)
    return {} if section is None else section.model_fields
