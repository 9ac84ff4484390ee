import pytest

from worker.refused_field import refused_field


@pytest.mark.parametrize(
    ("detail", "field"),
    [
        ("Object missing required field `event` - at `$`", "$.event"),
        ("Object missing required field `event` - at `$.batch[12]`", "$.event"),
        ("Object missing required field `userId` or `anonymousId` - at `$[3]`", "$.userId or $.anonymousId"),
        ("Expected `str`, got `int` - at `$.event`", "$.event"),
        ("Expected `object | null`, got `array` - at `$.batch[0].traits`", "$.traits"),
        ("Expected `str`, got `int` - at `$[0].context.list[2].name`", "$.context.list[2].name"),
        ("Expected `object` - at `$[7]`", None),
        ("The connection is not in the database.", None),
        ("DataError: something", None),
    ],
)  # fmt: skip
def test_the_field_is_the_one_in_the_messages_own_body(detail: str, field: str | None) -> None:
    assert refused_field(detail) == field
