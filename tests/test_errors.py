from callmesh import errors
from tests import vectors


def test_every_error_has_one_name_one_code_one_close_code() -> None:
    """[W6] The table both languages read is the tree of this one."""
    table = vectors.load("errors")
    assert table["errors"] == [
        {"name": kind.__name__, "code": code, "close": kind.close, "reconnect": kind.reconnect}
        for code, kind in errors.BY_CODE.items()
    ]
    assert table["denials"] == list(errors.DENIALS)


def test_an_error_from_the_wire_is_the_named_one() -> None:
    error = errors.from_wire("no_such_call", "call demo is not here")
    assert type(error) is errors.NoSuchCall
    assert str(error) == "call demo is not here"


def test_a_code_of_a_later_version_is_still_an_error() -> None:
    assert type(errors.from_wire("too_purple", "")) is errors.CallmeshError


def test_close_codes_say_what_happened() -> None:
    assert type(errors.from_close(4409, "")) is errors.Replaced
    assert type(errors.from_close(1009, "")) is errors.TooLarge
    assert type(errors.from_close(1006, "")) is errors.Broken
    assert type(errors.from_close(1012, "")) is errors.Restarting
    assert errors.from_close(1012, "").reconnect
