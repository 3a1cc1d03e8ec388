"""What pydantic's annotations say of a key: which mapping it holds, where it holds one."""

from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel


def section_of(annotation: object) -> type[BaseModel] | None:
    """Return the model of a key that holds a mapping, or may, or a list of them; None where it never does."""
    if get_origin(annotation) in {Annotated, tuple}:
        return section_of(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return next(filter(None, map(section_of, get_args(annotation))), None)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
