from helpers import statuses


def test_x(add, archive):
    r = add()
    assert set(statuses(r).values()) == {"ok"}
    n = archive.pictures_asked
    r = add()
    assert set(statuses(r).values()) == {"notneeded"}
    assert archive.pictures_asked == n == 10
