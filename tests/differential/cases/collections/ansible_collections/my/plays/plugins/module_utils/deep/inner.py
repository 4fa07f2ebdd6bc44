from ..numbers import ONE

MARK = ">" * ONE


def twice(word):
    return word + word
