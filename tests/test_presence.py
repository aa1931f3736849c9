from neurosvt.presence import PRESENCE_NAMES, Presence


def test_every_presence_has_a_name_that_users_read():
    assert [int(one) for one in Presence] == list(range(len(PRESENCE_NAMES)))
    assert PRESENCE_NAMES[Presence.IN_VIEW] == "in view"
    assert PRESENCE_NAMES[Presence.NOTHING] == "nothing"
