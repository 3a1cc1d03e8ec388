"""What a gateway has of its host."""

from linkbalancer.config.surroundings import RECORDINGS, FlightRecording


def test_recordings_are_kept_where_links_are_unless_somebody_says() -> None:
    """Where adverts are all that is heard, nobody pays for them unasked."""
    said = [FlightRecording(keep=keep).at(linked=linked).keep for keep in (None, 3, 0) for linked in (True, False)]
    assert said == [RECORDINGS, 0, 3, 3, 0, 0]
