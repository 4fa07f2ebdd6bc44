from .deep import inner


def spelled(word):
    return inner.MARK + word
