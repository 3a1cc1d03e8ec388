"""What can keep a lab from running: a sentence each."""


class LabError(Exception):
    """The lab could not do what it was asked; the text is a sentence for a person."""


class StartError(LabError):
    """A gateway's daemon did not come up; the text ends with the last lines of its log."""


class MissingError(LabError):
    """A right, a program or a kernel feature is missing; the text names it."""
