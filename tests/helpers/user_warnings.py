"""The UserWarnings of a call, which name a line of the test."""

import warnings


def warnings_of(call):
    """Return the messages of warnings, after checking that they show the file of `call`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert all(warning.filename == call.__code__.co_filename for warning in caught)
    assert all(warning.category is UserWarning for warning in caught)
    return [str(warning.message) for warning in caught]
