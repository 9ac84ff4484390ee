"""Why a message is refused: one closed vocabulary for answers, dead letters, logs and metrics."""

from typing import Literal

Reason = Literal[
    "not_an_object",
    "missing_field",
    "invalid_field",
    "unknown_type",
    "missing_id",
    "nested_too_deeply",
    "unknown_connection",
    "unstorable",
    "deadly",
]
"""
`not_an_object`       an element of a batch is no JSON object
`missing_field`       a field that this call must have is absent or blank
`invalid_field`       a field has a type that Segment's spec does not allow
`unknown_type`        `type` is none of Segment's calls
`missing_id`          neither userId nor anonymousId is given
`nested_too_deeply`   the message has more levels than can be stored
`unknown_connection`  the connection is not in the database
`unstorable`          Postgres or the fold refused the message
`deadly`              every worker that tried the message alone was killed over it
"""
